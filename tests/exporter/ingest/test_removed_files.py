"""Files that were found but go before they could be read whole: none goes without a word."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.ingest.ingest import STEP_FILES
from benchmark_exporter.ingest.reading import UNFINISHED_SETTLE_SECONDS
from tests.support.documents import perf_suite
from tests.support.examples import EXAMPLES, wired_in_a_new_folder
from tests.support.series import INGESTED, REJECTED, ROUTER, RUNS
from tests.support.wired import Wired

REMOVED = "benchmark_exporter_files_removed_total"
CUT = b'{"run": '


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        vars(record)["fields"]["file"]
        for record in caplog.records
        if record.message == "removed or renamed before it could be read whole"
    ]


def test_a_file_that_is_removed_while_incomplete_is_counted_and_logged(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path = wired.drop("a.json", CUT)
    wired.ingest.scan()
    assert wired.value(REMOVED) == 0
    path.unlink()
    wired.ingest.scan()
    assert (wired.value(REMOVED), wired.ingest.pending_files) == (1, 0)
    wired.settle()
    wired.restart()
    wired.settle()
    assert wired.value(REMOVED) == 1
    assert REJECTED not in wired.samples()
    assert logged(caplog) == ["a.json"]


def test_an_event_shows_it_too_and_it_is_not_waited_for(wired: Wired) -> None:
    wired.ingest.scan()
    path = wired.drop("a.json", CUT)
    wired.ingest.check([path])
    path.unlink()
    wired.now += wired.config.settle_seconds
    wired.ingest.check([])
    # Else the loop of `serve` would check without a pause until its next scan.
    assert wired.ingest.due_seconds == float("inf")
    assert wired.value(REMOVED) == 1


def test_one_of_a_subfolder_that_is_removed_is_counted(wired: Wired) -> None:
    (wired.results / "sub").mkdir()
    wired.drop("sub/a.json", CUT)
    wired.drop("sub/b.json", CUT)
    wired.ingest.scan()
    shutil.rmtree(wired.results / "sub")
    wired.ingest.scan()
    assert wired.value(REMOVED) == 2


def test_one_that_goes_between_its_finding_and_its_reading_is_counted(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for number in range(STEP_FILES):
        wired.drop(f"{number}.json", perf_suite(f"run-{number}"))
    steps = wired.ingest.scan_in_steps()
    assert next(steps) == STEP_FILES
    (wired.results / "7.json").unlink()
    assert list(steps) == []
    assert wired.value(RUNS, **ROUTER) == STEP_FILES - 1
    assert wired.value(REMOVED) == 1
    assert logged(caplog) == ["7.json"]


def test_one_that_gets_its_name_when_it_is_complete_is_ingested(wired: Wired) -> None:
    path = wired.drop("a.tmp.json", CUT)
    wired.ingest.scan()
    wired.drop("a.tmp.json", perf_suite())
    path.rename(wired.results / "a.json")
    wired.settle()
    assert wired.value(RUNS, **ROUTER) == 1
    assert wired.value(REMOVED) == 1  # "removed or renamed"


def test_one_that_the_exporter_was_killed_before_rejecting_is_rejected_after(wired: Wired) -> None:
    wired.drop("a.json", CUT)
    wired.ingest.scan()
    wired.restart()
    wired.settle()
    wired.now += UNFINISHED_SETTLE_SECONDS
    wired.ingest.scan()
    assert wired.value(REJECTED, reason="truncated") == 1
    assert (wired.value(REMOVED), wired.ingest.pending_files) == (0, 0)


def test_one_that_is_replaced_in_time_is_not_counted(wired: Wired) -> None:
    wired.drop("a.json", CUT)
    wired.ingest.scan()
    wired.drop("b.txt", perf_suite()).rename(wired.results / "a.json")
    wired.settle()
    assert wired.value(RUNS, **ROUTER) == 1
    assert wired.value(REMOVED) == 0


@pytest.mark.parametrize("finds", ["scan", "check"])
def test_one_that_goes_with_the_results_folder_is_found_again(wired: Wired, finds: str) -> None:
    wired.drop("a.json", CUT)
    wired.ingest.scan()
    away = wired.folder / "away"
    wired.results.rename(away)
    wired.results.mkdir()
    if finds == "scan":
        wired.ingest.scan()
    else:
        wired.ingest.check([])
    assert wired.value(REMOVED) == 0
    wired.results.rmdir()
    away.rename(wired.results)
    wired.settle()
    wired.now += UNFINISHED_SETTLE_SECONDS
    wired.ingest.scan()
    assert wired.value(REMOVED) == 0
    assert wired.value(REJECTED, reason="truncated") == 1


def test_a_ledger_that_cannot_count_it_now_counts_it_later(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wired.drop("a.json", CUT)
    wired.ingest.scan()
    path.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(wired.ledger, "transaction", failing)
        with pytest.raises(OSError, match="made up"):
            wired.ingest.scan()
    wired.ingest.scan()
    assert wired.value(REMOVED) == 1


def failing() -> None:
    raise OSError("made up")


@EXAMPLES
@given(st.lists(st.sampled_from(["write", "cut", "remove", "scan", "check", "wait"]), max_size=25))
def test_each_file_that_was_found_is_counted_once(acts: list[str]) -> None:
    with wired_in_a_new_folder() as wired:
        wired.ingest.scan()
        present, found = list[Path](), set[Path]()
        for number, act in enumerate(acts):
            if act in ("write", "cut"):
                document = perf_suite(f"run-{number}") if act == "write" else CUT
                present.append(wired.drop(f"{number}.json", document))
            elif act == "remove" and present:
                present.pop(0).unlink()
            elif act == "wait":
                wired.now += UNFINISHED_SETTLE_SECONDS
            elif act == "scan":
                wired.ingest.scan()
                found |= set(present)
            elif act == "check":
                wired.ingest.check(present)
                found |= set(present)
        wired.settle()
        wired.now += UNFINISHED_SETTLE_SECONDS
        wired.settle()
        shown = wired.samples()
        counts = [sum(shown.get(name, {}).values()) for name in (INGESTED, REJECTED, REMOVED)]
        assert sum(counts) == len(found | set(present)), counts
        assert wired.ingest.pending_files == 0
