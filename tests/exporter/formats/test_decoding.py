"""Bytes that are not JSON are rejected with the reason and, where known, the JSON path."""

import pytest

from benchmark_exporter.formats.decoding import not_finite
from tests.support.documents import changed, perf_suite
from tests.support.parsing import encoded, rejected

SUITE = perf_suite()
P50 = "metrics.compiled.p50_ms"


def with_p50(digits: bytes) -> bytes:
    """A document with these bytes as a number that Python's encoder cannot write."""
    return encoded(changed(SUITE, P50, "HERE")).replace(b'"HERE"', digits)


def short(value: object) -> str | None:
    return repr(value[:40]) if isinstance(value, bytes) else None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"   \n",
        encoded(SUITE)[:-1],
        encoded({"text": "日本"}).decode("unicode_escape").encode("utf-8")[:-4],
    ],
    ids=short,
)
def test_a_document_that_ends_early_is_truncated(document: bytes) -> None:
    error = rejected(document)
    assert (error.reason, error.json_path) == ("truncated", "$")


@pytest.mark.parametrize(
    "document",
    [
        b'{"run": 1,}',
        b"not json",
        encoded(SUITE) + b"{}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        encoded({"a\udc00": 1}),
        b'{"a": "\x01"}',
    ],
    ids=short,
)
def test_what_is_not_json_is_malformed(document: bytes) -> None:
    error = rejected(document)
    assert (error.reason, error.json_path) == ("malformed_json", "$")
    assert error.detail


def test_half_of_a_surrogate_pair_is_malformed_and_its_json_path_given() -> None:
    error = rejected(encoded(changed(SUITE, "run.run_id", "\ud800")))
    assert (error.reason, error.json_path) == ("malformed_json", "$.run.run_id")


@pytest.mark.parametrize("document", [b'{"a": "\xff"}', b'\xff\xfe{\0"\0\0\xd8a\0'], ids=short)
def test_bytes_that_are_not_utf8_are_named_so(document: bytes) -> None:
    error = rejected(document)
    assert (error.reason, error.json_path) == ("not_utf8", "$")
    assert error.detail


@pytest.mark.parametrize(
    ("document", "json_path"),
    [
        (encoded(changed(SUITE, P50, float("nan"))), f"$.{P50}"),
        (encoded(changed(SUITE, "metrics.speedup_p50", float("inf"))), "$.metrics.speedup_p50"),
        (with_p50(b"1e999"), f"$.{P50}"),
    ],
    ids=short,
)
def test_a_number_that_is_not_finite_is_rejected_with_its_json_path(
    document: bytes, json_path: str
) -> None:
    error = rejected(document)
    assert (error.reason, error.json_path) == ("not_finite", json_path)
    assert error.detail.endswith("is not a number a result can have")


def test_the_json_path_of_such_a_number_is_short() -> None:
    error = not_finite(b"[" * 900 + b"NaN" + b"]" * 900)
    assert (error.reason, error.json_path) == ("not_finite", "$" + "[0]" * 99 + "[0…")


@pytest.mark.parametrize(
    ("digits", "json_path"), [(b"1" * 400, f"$.{P50}"), (b"1" * 5000, "$[...][...][...]")]
)
def test_an_integer_of_too_many_digits_is_an_invalid_value(digits: bytes, json_path: str) -> None:
    error = rejected(with_p50(digits))
    assert (error.reason, error.json_path) == ("invalid_value", json_path)
    assert error.detail
