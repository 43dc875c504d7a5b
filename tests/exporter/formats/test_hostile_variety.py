"""What shells, other systems and tools' odd values make of a document, for every format.

The tables, here and in tests/support/format_cases.py, say what must come out where it is not the
same for all formats.
"""

import gzip
import json
from collections.abc import Callable, Mapping

import pytest

from benchmark_exporter.formats import FORMATS, is_written_as_measured, parse
from benchmark_exporter.formats.naming import MAX_CHARACTERS
from benchmark_exporter.model import Rejected, Run
from tests.support.format_cases import (
    CASES,
    COUNTED,
    JOINED,
    NAMES,
    NUMBERED,
    ORIGIN,
    POOLED,
    RAW,
    SAME,
    STRICT,
    TEXTS,
    Steps,
    data_of,
    document_of,
    entries_of,
    outcome,
    put,
    values_of,
    with_raw,
)
from tests.support.paths import REPOSITORY


def test_every_format_has_a_case() -> None:
    assert [each.NAME for each in FORMATS] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_case_is_in_its_format(name: str) -> None:
    assert parse(data_of(name), ORIGIN).format == name


WAYS: Mapping[str, Callable[[str], bytes]] = {
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CRLF in UTF-16": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "gzip": lambda text: gzip.compress(text.encode(), mtime=0),
    "blank lines around it": lambda text: f"\r\n\n{text}\n\r\n".encode(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_same_however_its_bytes_are_stored(name: str, way: str) -> None:
    data = data_of(name)
    assert parse(WAYS[way](data.decode()), ORIGIN) == parse(data, ORIGIN)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file_is_one_that_a_tool_has_begun(name: str) -> None:
    for data in (b"", b"\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)):
        rejected = outcome(data)
        assert isinstance(rejected, Rejected), name
        assert rejected.reason == "truncated"
    assert is_written_as_measured(b"")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TEXTS | {"go_test"}])
def test_a_part_of_it_is_incomplete(name: str) -> None:
    data = json.dumps(document_of(name)).encode()
    for end in (1, 2, len(data) // 3, len(data) // 2, len(data) - 1):
        rejected = outcome(data[:end])
        assert isinstance(rejected, Rejected), name
        assert rejected.reason == "truncated"


# What tools print has no end by which a part is known, so the parts state how they end.
PRINTED = {
    "catch2/1-version-2": 60,
    "wrk/1-run": 40,
    "go_test/1-text": 40,
    "go_test/2-events": 250,
    "cargo_bench/1-libtest": 20,
    "cargo_bench/2-criterion": 80,
}


@pytest.mark.parametrize(("golden", "first"), PRINTED.items())
def test_a_part_of_what_is_printed_is_incomplete_or_a_smaller_run(golden: str, first: int) -> None:
    """From where the tool's first line has been written: until then, it may be any text."""
    data = (REPOSITORY / f"tests/exporter/golden/{golden}.json").read_bytes()
    whole = parse(data, ORIGIN)
    assert isinstance(whole, Run)
    known = {result.name: result for result in whole.results}
    for end in range(first, len(data), 7):
        found = outcome(data[: data.rindex(b"\n", 0, end) + 1] if b"\n" in data[:end] else data)
        if isinstance(found, Rejected):
            assert found.reason == "truncated", (end, found)
            continue
        assert isinstance(found, Run)
        assert found.format == whole.format
        assert {result.name for result in found.results} <= known.keys()


ADDED = ("1", "null", "NaN", "-inf", "1.#IND", "1e999", '[{"a": [NaN]}]', '"nan"')


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TEXTS])
def test_keys_that_are_added_do_not_matter_whatever_they_hold(name: str) -> None:
    """Except in our own format, where the key is an error. It may be another benchmark's name."""
    document = document_of(name)
    before = parse(json.dumps(document).encode(), ORIGIN)
    for value in ADDED:
        added = with_raw(
            [each | {"added": RAW} for each in document]
            if isinstance(document, list) and all(isinstance(each, dict) for each in document)
            else document | {"added": RAW}
            if isinstance(document, dict)
            else [document[0] | {"added": RAW}, *document[1:]],
            value,
        )
        found = outcome(added)
        if name == "result":
            assert isinstance(found, Rejected), value
            assert found.reason in ("invalid_value", "not_finite")
        elif name in ("bencher", "bench_suite_baseline"):
            assert not isinstance(found, Rejected), (value, found)
        else:
            assert found == before, value


NUMBERS = ("1e300", "-1e300", "NaN", "inf", "-1.#IND", "null", '"soon"', "[]", "true")
# Where there is one benchmark of one value, without which there is nothing.
ONLY_VALUE: Mapping[str, set[str]] = {"bench_results": {"p50_ms", "p95_ms"}}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TEXTS])
def test_a_wrong_number_costs_itself_or_its_entry(name: str) -> None:
    """Anywhere in the document; in our own, it is an error."""
    document = document_of(name)
    for path, number in values_of(document):
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        for value in NUMBERS:
            found = outcome(with_raw(put(document, path, RAW), value))
            if isinstance(found, Rejected):
                is_only = path[-1] in ONLY_VALUE.get(name, ())
                assert name in STRICT or is_only, (path, value, found)
                assert found.reason in ("invalid_value", "not_finite")
            else:
                assert found.format == name, (path, value)


LONG = "x" * 5000


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TEXTS | STRICT])
def test_a_text_of_any_length_costs_its_end(name: str) -> None:
    document = document_of(name)
    for path, text in values_of(document):
        if not isinstance(text, str) or path[-1] in STATED.get(name, ()):
            continue
        found = outcome(json.dumps(put(document, path, LONG)).encode())
        assert not isinstance(found, Rejected), (path, found)
        if isinstance(found, Run):
            names = [each.benchmark for each in found.results]
            names += [each.benchmark for each in found.failures]
            assert all(len(each) <= MAX_CHARACTERS for each in names), path


# Texts by which a document, or its only benchmark, is known.
STATED: Mapping[str, set[str | int]] = {
    "criterion": {"reason"},
    "julia_benchmarktools": {0},
}


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        (name, path, expected)
        for name, case in CASES.items()
        for path, expected in case.repeated.items()
    ],
    ids=str,
)
def test_an_entry_that_is_there_twice(name: str, path: Steps, expected: str) -> None:
    document = document_of(name)
    entries = entries_of(document, path)
    twice = outcome(json.dumps(put(document, path, [*entries, entries[0]])).encode())
    if expected == "invalid_value":
        assert isinstance(twice, Rejected)
        assert (twice.reason, "results have the name" in twice.detail) == (expected, True)
        return
    once = parse(json.dumps(document).encode(), ORIGIN)
    assert isinstance(twice, Run)
    assert isinstance(once, Run)
    names = {result.name for result in twice.results} - {result.name for result in once.results}
    samples = [sum(len(result.samples) for result in run.results) for run in (once, twice)]
    assert {
        POOLED: not names and samples[1] > samples[0],
        NUMBERED: bool(names) and all(" #2" in each for each in names),
        SAME: twice == once,
        COUNTED: not names and twice != once and samples[1] == samples[0],
    }[expected], (names, samples)


@pytest.mark.parametrize("name", NAMES)
def test_two_documents_in_one_file(name: str) -> None:
    """They are joined where a tool writes them so, and otherwise rejected with what to do."""
    data, expected = data_of(name), CASES[name].twice
    for between in (b"\n", b"\r\n\r\n"):
        found = outcome(data + between + data)
        if expected == JOINED:
            assert not isinstance(found, Rejected), found
            assert found.format == name
        else:
            assert isinstance(found, Rejected)
            assert found.reason == expected
            assert "file" in found.detail
