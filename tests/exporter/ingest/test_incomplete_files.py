"""Files that are still being written, and files that stay incomplete."""

import re
from pathlib import Path

import pytest

from benchmark_exporter.ingest.reading import (
    MEASURING_SETTLE_SECONDS,
    PAUSE_FACTOR,
    UNFINISHED_SETTLE_SECONDS,
)
from tests.support.documents import google_benchmark, perf_suite
from tests.support.parsing import encoded
from tests.support.series import REJECTED, ROUTER, RUNS
from tests.support.wired import START_SECONDS, Wired


def test_an_incomplete_file_is_ingested_once_it_is_complete(wired: Wired) -> None:
    whole = Path(wired.drop("a.json", perf_suite())).read_bytes()
    for size in (0, 1, 200):
        wired.drop("a.json", whole[:size])
        wired.ingest.scan()
        wired.now += wired.config.settle_seconds * 0.9
        assert set(wired.ingest.unfinished) == {"a.json"}
    assert wired.ingest.pending_files == 1
    assert wired.ingest.reader.measuring == 0  # its tool should be done with it
    wired.drop("a.json", whole)
    wired.ingest.scan()
    assert wired.ingest.pending_files == 0
    assert wired.ingest.unfinished == {}
    assert wired.value(RUNS, **ROUTER) == 1
    assert REJECTED not in wired.samples()


def test_a_file_that_stays_incomplete_is_rejected_once_it_has_settled(wired: Wired) -> None:
    wired.drop("a.json", b'{"run": ')
    wired.ingest.scan()
    wired.now += UNFINISHED_SETTLE_SECONDS - 1
    wired.ingest.scan()
    assert wired.ingest.unfinished == {"a.json": "the file ends before its JSON does"}
    wired.now += 1
    wired.ingest.scan()
    assert wired.ingest.pending_files == 0
    assert wired.value(REJECTED, reason="truncated") == 1


def test_a_file_that_cannot_be_read_yet_is_waited_for(wired: Wired) -> None:
    (wired.results / "a.json").symlink_to("a.txt")
    wired.ingest.scan()
    assert wired.ingest.pending_files == 1
    wired.drop("a.txt", perf_suite())
    wired.ingest.scan()
    assert wired.value(RUNS, **ROUTER) == 1
    assert REJECTED not in wired.samples()


def test_an_incomplete_file_that_is_removed_is_no_longer_pending(wired: Wired) -> None:
    path = wired.drop("a.json", b"{")
    wired.ingest.scan()
    path.unlink()
    wired.ingest.scan()
    assert wired.ingest.pending_files == 0


def test_an_empty_file_is_given_more_time(wired: Wired) -> None:
    """hyperfine and a shell create it, and what fills it may take hours."""
    wired.take("slow.json", b"")
    wired.take("dead.json", b"\n")
    assert set(wired.ingest.unfinished) == {"slow.json", "dead.json"}
    assert wired.ingest.due_seconds == START_SECONDS + MEASURING_SETTLE_SECONDS
    wired.now = START_SECONDS + MEASURING_SETTLE_SECONDS - 1
    wired.take("slow.json", perf_suite())
    wired.settle()
    assert rejected(wired) == [("dead.json", "truncated")]
    assert wired.value(RUNS, **ROUTER) == 1
    assert wired.ingest.unfinished == {}


def rejected(wired: Wired) -> list[tuple[str, str]]:
    return [(file.path, file.reason) for file in wired.ledger.state().rejected_files]


def steps(whole: bytes) -> list[int]:
    """Where a document ends after each benchmark."""
    ends = [found.end() for found in re.finditer(rb"},?", whole)]
    return [whole.index(b"[") + 1, *ends[:-1]]


WHOLE = encoded(google_benchmark(0, "suite", {f"BM_{number}": 1.0 + number for number in range(5)}))
WRITTEN = {
    "as it is": WHOLE,
    "with a mark": b"\xef\xbb\xbf" + WHOLE,
    "with CRLF": b"\r\n" + WHOLE.replace(b", ", b",\r\n"),
}


@pytest.mark.parametrize("whole", WRITTEN.values(), ids=WRITTEN)
def test_a_document_that_its_tool_flushes_after_each_benchmark_is_one_run(
    wired: Wired, whole: bytes
) -> None:
    """Google Benchmark does, however long each benchmark takes. Neither is it late."""
    for end in steps(whole):
        wired.drop("stream.json", whole[:end])
        wired.ingest.scan()
        wired.now += MEASURING_SETTLE_SECONDS * 0.9
        wired.ingest.scan()
        assert set(wired.ingest.unfinished) == {"stream.json"}
        assert wired.ingest.reader.measuring == wired.ingest.pending_files == 1
        assert REJECTED not in wired.samples()
    wired.take("stream.json", whole)
    assert wired.ingest.unfinished == {}
    assert wired.value(RUNS, benchmark_name="BM_0") == 1
    assert REJECTED not in wired.samples()


def test_it_is_rejected_when_its_tool_has_not_gone_on_for_hours(wired: Wired) -> None:
    wired.drop("stream.json", WHOLE[: steps(WHOLE)[2]])
    wired.ingest.scan()
    wired.now += MEASURING_SETTLE_SECONDS - 1
    wired.ingest.scan()
    assert rejected(wired) == []
    wired.now += 1
    wired.ingest.scan()
    assert rejected(wired) == [("stream.json", "truncated")]


@pytest.mark.parametrize("is_measuring", [True, False])
def test_a_file_that_went_on_after_a_long_pause_may_pause_again(
    wired: Wired, is_measuring: bool
) -> None:
    """Ten times as long as the longest pause that it has made."""
    whole = WHOLE if is_measuring else encoded(perf_suite())
    least = MEASURING_SETTLE_SECONDS if is_measuring else UNFINISHED_SETTLE_SECONDS
    pause = least * 0.9
    for end in (100, 120, 121):
        wired.drop("a.json", whole[:end])
        wired.ingest.scan()
        wired.now += pause
        wired.ingest.scan()
        pause = 1.0  # a short one does not make the next one shorter
    wired.now += PAUSE_FACTOR * least * 0.9 - 2
    wired.ingest.scan()
    assert rejected(wired) == []
    wired.now += 2
    wired.ingest.scan()
    assert rejected(wired) == [("a.json", "truncated")]
