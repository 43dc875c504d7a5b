"""Files that are still being written, and files that stay incomplete."""

import re
from pathlib import Path

from benchmark_exporter.ingest.reading import UNFINISHED_SETTLE_SECONDS
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
        assert wired.ingest.pending_files == 1
    wired.drop("a.json", whole)
    wired.ingest.scan()
    assert wired.ingest.pending_files == 0
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
    wired.take("slow.json", b"")
    wired.take("dead.json", b"")
    assert wired.ingest.pending_files == 2
    assert wired.ingest.due_seconds == START_SECONDS + UNFINISHED_SETTLE_SECONDS
    wired.now = START_SECONDS + UNFINISHED_SETTLE_SECONDS - 1
    wired.take("slow.json", perf_suite())
    wired.settle()
    assert [(file.path, file.reason) for file in wired.ledger.state().rejected_files] == [
        ("dead.json", "truncated")
    ]
    assert (wired.value(RUNS, **ROUTER), wired.ingest.pending_files) == (1, 0)


def test_a_document_that_its_tool_flushes_after_each_benchmark_is_one_run(wired: Wired) -> None:
    """Google Benchmark does, however long each benchmark takes."""
    times = {f"BM_{number}": 1.0 + number for number in range(5)}
    whole = encoded(google_benchmark(0, "suite", times))
    ends = [found.end() for found in re.finditer(rb"},?", whole)]
    for end in (whole.index(b"[") + 1, *ends[:-1]):
        wired.drop("stream.json", whole[:end])
        wired.ingest.scan()
        wired.now += UNFINISHED_SETTLE_SECONDS * 0.9
        wired.ingest.scan()
        assert wired.ingest.pending_files == 1
        assert REJECTED not in wired.samples()
    wired.take("stream.json", whole)
    assert wired.ingest.pending_files == 0
    assert wired.value(RUNS, benchmark_name="BM_0") == 1
    assert REJECTED not in wired.samples()
