"""The next batch is read while the one before is committed, and nothing else changes by it."""

import logging
import threading
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import pytest

from benchmark_exporter.ingest import ingest as ingest_module
from benchmark_exporter.ingest import read_ahead, reading
from benchmark_exporter.ingest.inbox import Candidate, Inbox
from benchmark_exporter.ingest.read_ahead import ReadAhead
from benchmark_exporter.ingest.reading import Reader, ReadFile
from tests.support.documents import numbered_run
from tests.support.series import RUNS
from tests.support.wired import Wired

BATCH = 4


@pytest.fixture
def batches_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "BATCH_FILES", BATCH)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the thread that read each batch."""
    names: list[str] = []
    read = Reader.read

    def noting(self: Reader, candidates: Sequence[Candidate]) -> list[ReadFile]:
        names.append(threading.current_thread().name)
        return read(self, candidates)

    monkeypatch.setattr(Reader, "read", noting)
    return names


def write(wired: Wired, files: int) -> None:
    for number in range(files):
        wired.drop(f"{number}.json", numbered_run(number))


@pytest.mark.usefixtures("batches_of_four")
def test_all_batches_but_the_first_are_read_by_another_thread_which_ends(
    wired: Wired, threads: list[str]
) -> None:
    write(wired, 3 * BATCH)
    before = threading.active_count()
    wired.ingest.scan()
    assert threads[1:] == ["read-ahead"] * 2
    assert threads[0] != "read-ahead"
    assert threading.active_count() == before
    assert sum(wired.samples()[RUNS].values()) == 3 * BATCH


@pytest.mark.usefixtures("batches_of_four")
def test_batches_of_large_files_are_not_held_two_at_a_time(
    wired: Wired, threads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "MAX_AHEAD_BYTES", 100)
    write(wired, 3 * BATCH)
    wired.ingest.scan()
    assert "read-ahead" not in threads
    assert len(threads) == 3
    assert sum(wired.samples()[RUNS].values()) == 3 * BATCH


def test_what_a_thread_could_not_read_is_raised_when_it_is_taken() -> None:
    def read(_: Sequence[Candidate]) -> list[ReadFile]:
        raise OSError(24, "too many open files")

    batch = [Candidate("a.json", "a.json", 1)]
    with ReadAhead(read) as ahead:
        ahead.begin(batch)
        with pytest.raises(OSError, match="too many open files"):
            ahead.take(batch)


def test_a_batch_that_was_begun_and_is_not_taken_is_read_to_its_end() -> None:
    ended = threading.Event()
    may_end = threading.Event()

    def read(_: Sequence[Candidate]) -> list[ReadFile]:
        assert may_end.wait(30)
        ended.set()
        return []

    with ReadAhead(read) as ahead:
        ahead.begin([Candidate("a.json", "a.json", 1)])
        may_end.set()
    assert ended.is_set()


def test_a_fault_of_the_exporter_is_logged_when_its_file_is_recorded_and_not_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(reading, "parse", faulty)
    (tmp_path / "a.json").write_text("{}")
    inbox = Inbox(tmp_path, 1000)
    reader = Reader(inbox, UTC, 1.0, lambda: 0.0)
    reads = reader.read(inbox.scan())
    assert not caplog.records
    (completed,) = reader.complete(reads)
    assert str(completed.outcome) == "internal_error at $: RuntimeError: a fault"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
