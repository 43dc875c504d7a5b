"""A backlog of several batches is taken in the order of its runs, however it was copied."""

import math
import os
import random
from collections.abc import Callable

import pytest

from benchmark_exporter.ingest import backlog_order, ingest
from benchmark_exporter.ingest.backlog_order import order_by_runs
from benchmark_exporter.ingest.inbox import Candidate, Inbox
from benchmark_exporter.ingest.packed_candidates import PackedCandidates
from benchmark_exporter.ledger import LedgerError
from tests.support.documents import result
from tests.support.wired import Wired

BATCH, FILES, SAMPLED = 20, 200, 40


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_FILES", BATCH)
    monkeypatch.setattr(ingest, "STEP_FILES", BATCH)
    monkeypatch.setattr(backlog_order, "SAMPLED_FILES", SAMPLED)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read."""
    names: list[str] = []
    read = Inbox.read

    def noted(inbox: Inbox, candidate: Candidate) -> bytes:
        names.append(candidate.name)
        return read(inbox, candidate)

    monkeypatch.setattr(Inbox, "read", noted)
    return names


def drop(wired: Wired, numbers: list[int]) -> None:
    """Files whose names are in the order in which they are written, as their times may not be."""
    for position, number in enumerate(numbers):
        wired.drop(f"{position:04}.json", result(number, {"parsing": 1.0}))


def shuffled() -> list[int]:
    numbers = list(range(FILES))
    random.Random(3).shuffle(numbers)  # noqa: S311  # no secret
    return numbers


def ingested(wired: Wired) -> list[float]:
    return [at for (at,) in wired.query("SELECT timestamp_seconds FROM runs ORDER BY id")]


def by_scan(wired: Wired) -> None:
    wired.ingest.scan()


def by_events(wired: Wired) -> None:
    wired.ingest.check(wired.results.iterdir())


@pytest.mark.parametrize("take", [by_scan, by_events])
def test_runs_are_taken_in_their_order(wired: Wired, take: Callable[[Wired], None]) -> None:
    drop(wired, shuffled())
    take(wired)
    found = ingested(wired)
    assert len(found) == FILES
    assert found == sorted(found)


def test_only_a_sample_of_what_is_in_order_is_read_twice(wired: Wired, reads: list[str]) -> None:
    drop(wired, list(range(FILES)))
    wired.ingest.scan()
    found = ingested(wired)
    assert found == sorted(found)
    assert len(reads) <= FILES + SAMPLED


def test_projects_copied_one_after_the_other_are_in_order(wired: Wired, reads: list[str]) -> None:
    half = FILES // 2
    for position, number in enumerate([*range(half, FILES), *range(half)]):
        document = result(number, {"parsing": 1.0}) | {"project": "new" if number < half else "old"}
        wired.drop(f"{position:04}.json", document)
    wired.ingest.scan()
    assert len(ingested(wired)) == FILES
    assert len(reads) <= FILES + SAMPLED


def test_older_files_of_a_project_that_were_copied_later_are_taken_first(wired: Wired) -> None:
    drop(wired, [*range(0, FILES, 2), *range(1, FILES, 2)])
    wired.ingest.scan()
    found = ingested(wired)
    assert found == sorted(found)


def test_one_batch_is_put_in_order_without_reading_it_twice(wired: Wired, reads: list[str]) -> None:
    drop(wired, list(reversed(range(BATCH))))
    wired.ingest.scan()
    found = ingested(wired)
    assert found == sorted(found)
    assert len(reads) == BATCH


def test_what_holds_no_run_is_rejected_among_the_others(wired: Wired) -> None:
    drop(wired, shuffled())
    (wired.results / "0003.json").write_text('{"hello": 1}')
    (wired.results / "0007.meta.json").write_text('{"commit": "a1b2c3d"}')
    (wired.results / "0009.json").unlink()
    (wired.results / "0009.json").mkdir()
    wired.ingest.scan()
    assert len(ingested(wired)) == FILES - 2
    rejected = wired.query("SELECT path FROM files WHERE reason IS NOT NULL ORDER BY path")
    assert rejected == [("0003.json",), ("0009.json",)]


def test_a_folder_that_fails_while_it_is_put_in_order_is_scanned_again(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(wired, shuffled())
    read, left = Inbox.read, [150]

    def failing(inbox: Inbox, candidate: Candidate) -> bytes:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(24, "Too many open files")
        return read(inbox, candidate)

    monkeypatch.setattr(Inbox, "read", failing)
    with pytest.raises((OSError, LedgerError)):
        wired.ingest.scan()
    wired.ingest.scan()
    assert ingested(wired) == sorted(ingested(wired))
    assert len(ingested(wired)) == FILES


@pytest.mark.parametrize("seconds", [-1e300, -5.0, 0.0, 1.5, 1e300, math.inf, None])
def test_a_candidate_is_the_same_whenever_its_run_was(seconds: float | None) -> None:
    packed = PackedCandidates()
    before = Candidate("a.json", ".uploads/b.json", 3, 4, 5, 6)
    packed.append(before)
    packed.date(0, seconds)
    assert packed[0] == before


def test_runs_of_one_time_stay_in_the_order_of_their_files() -> None:
    packed = PackedCandidates()
    files = [Candidate(f"{9 - age}.json", f"{9 - age}.json", 1, 1, age, 0) for age in range(9)]
    for each in random.Random(1).sample(files, len(files)):  # noqa: S311  # no secret
        packed.append(each)
    times = {each.name: ("", -float(each.ctime_ns // 3)) for each in files}
    for _ in order_by_runs(packed, lambda each: times[each.name], 1, 1):
        pass
    (taken,) = packed.take_oldest_first(9)
    assert list(taken) == files[6:] + files[3:6] + files[:3]


@pytest.mark.parametrize("seconds", [13_569_465_600, -13_569_465_600])
def test_a_file_of_another_century_is_ingested(wired: Wired, seconds: int) -> None:
    path = wired.drop("0.json", result(0, {"parsing": 1.0}))
    os.utime(path, (seconds, seconds))
    wired.ingest.scan()
    assert len(ingested(wired)) == 1
