"""Documents as shells store them: marks, UTF-16, line ends, compression, several in one file."""

import gzip
import json
from typing import Any

import pytest

from benchmark_exporter.formats import parse
from benchmark_exporter.formats.unpacking import MAX_UNPACKED_BYTES
from benchmark_exporter.model import Run
from tests.support.documents import Json, golden, google_benchmark
from tests.support.parsing import accepted, encoded, rejected

HYPERFINE = golden("hyperfine_with_sidecar/1-run")
TEXT = json.dumps(HYPERFINE, indent=1, ensure_ascii=False)


def zipped(data: bytes) -> bytes:
    """Always the same bytes, since test runners in parallel compare names of tests."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + TEXT.encode(),  # PowerShell 5.1: Out-File -Encoding utf8
        TEXT.encode("utf-16"),  # its `>`
        TEXT.replace("\n", "\r\n").encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-32"),
        TEXT.replace("\n", "\r\n").encode(),
        b"\r\n\t " + TEXT.encode() + b"\r\n\x20",
        zipped(TEXT.encode()),
        zipped(TEXT[:50].encode()) + zipped(TEXT[50:].encode()),
        zipped(TEXT.encode("utf-16")),
    ],
    ids=lambda data: repr(data[:8]),
)
def test_a_document_is_read_whatever_a_shell_has_made_of_its_bytes(data: bytes) -> None:
    assert parse(data) == accepted(HYPERFINE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped(TEXT.encode())[:-9], "truncated"),
        (zipped(TEXT.encode())[:2], "truncated"),
        (b"\x1f\x8b" + b"x" * 100, "malformed_json"),
        (zipped(bytes(MAX_UNPACKED_BYTES + 1)), "too_large"),
        (TEXT.encode("utf-16")[:-1], "truncated"),
        (TEXT.encode("utf-16")[:-2], "truncated"),
        (b"\xff\xfe\x00\xd8\x00\x00", "not_utf8"),
        (b"\xef\xbb", "truncated"),
        (b"\xef\xbb\xbf", "truncated"),
    ],
)
def test_such_bytes_that_end_early_or_are_wrong_are_rejected(data: bytes, reason: str) -> None:
    assert rejected(data).reason == reason


def concatenated(*documents: object, between: bytes = b"\n") -> bytes:
    return between.join(map(encoded, documents))


def results_of(data: bytes) -> dict[str, tuple[float, ...]]:
    run = parse(data)
    assert isinstance(run, Run)
    return {result.name: result.samples for result in run.results}


def test_documents_of_several_executables_are_one_run() -> None:
    # for each in build/*_bench; do $each --benchmark_format=json >> all.json; done
    data = concatenated(
        google_benchmark(0, "string_bench", {"BM_Copy": 1.0, "BM_Find": 2.0}),
        google_benchmark(1, "text_bench", {"BM_Copy": 3.0, "BM_Split": 4.0}),
    )
    samples = {name: values for name, values in results_of(data).items() if "/cpu" not in name}
    assert {name: values[0] for name, values in samples.items()} == pytest.approx(
        {
            "string_bench/BM_Copy": 1e-9,
            "BM_Find": 2e-9,
            "text_bench/BM_Copy": 3e-9,
            "BM_Split": 4e-9,
        }
    )


def test_documents_of_one_executable_add_repetitions() -> None:
    documents = [google_benchmark(n, "string_bench", {"BM_Copy": n + 1.0}) for n in range(3)]
    for between in (b"", b"\n", b"\r\n\r\n"):
        samples = results_of(concatenated(*documents, between=between))
        assert samples["BM_Copy"] == pytest.approx((1e-9, 2e-9, 3e-9))


def test_arrays_and_lines_of_entries_are_one_array() -> None:
    jmh: list[Json] = golden("jmh/1-results")
    whole = accepted(jmh)
    assert parse(concatenated(jmh[:2], jmh[2:])) == whole
    assert parse(concatenated(*jmh)) == whole
    entries = golden("github_action_benchmark/1-smaller")
    assert parse(concatenated(*entries)) == accepted(entries)


@pytest.mark.parametrize(
    "documents", [[{"a": 1}, {"b": 2}], [golden("golden_metrics/1-metrics")] * 2, [{}, []]]
)
def test_other_documents_in_one_file_are_malformed(documents: list[Any]) -> None:
    error = rejected(concatenated(*documents))
    assert error.reason == "malformed_json"
    assert error.detail


def test_several_documents_of_which_the_last_one_ends_early_are_truncated() -> None:
    data = concatenated(HYPERFINE, HYPERFINE)
    for size in (len(data) - 1, len(data) // 2 + 3):
        assert rejected(data[:size]).reason == "truncated"
