"""Deleting runs, benchmarks and branches: what stays is as it was without them."""

from typing import Any

import pytest

from benchmark_exporter.ingest.judging import judge_after_deletion
from benchmark_exporter.ledger import DeletedRuns, DeletionSelection
from tests.support.documents import perf_suite, result
from tests.support.wired import Wired

COMMITS = "benchmark_exporter_ledger_commits"
RUN_TOTALS = ("_total", "execution_time", "benchmark_exporter_", "_created")


def take(wired: Wired, number: int, **more: Any) -> None:
    """A run of two benchmarks; `milliseconds` is the time of one of them."""
    milliseconds = more.pop("milliseconds", 1.0)
    document = result(number, {"parsing": milliseconds, "routing": 1.0 + number / 1000})
    wired.take(f"{len(wired.samples())}-{number}-{milliseconds}.json", document | more)


def delete(wired: Wired, selection: DeletionSelection, *, dry_run: bool = False) -> DeletedRuns:
    judge_again = judge_after_deletion(wired.config.judgement, wired.now)
    return wired.ledger.delete_runs(selection, judge_again, dry_run=dry_run)


def gauges(wired: Wired) -> dict[str, object]:
    """What is shown and not counted. Counted events stay counted."""
    return {
        name: series
        for name, series in wired.samples().items()
        if not any(part in name for part in RUN_TOTALS)
    }


@pytest.mark.parametrize("selected", ["slow", "13"], ids=["run_id", "row"])
def test_the_run_before_a_deleted_one_is_the_newest_again(wired: Wired, selected: str) -> None:
    for number in range(12):
        take(wired, number)
    before = gauges(wired)
    take(wired, 12, milliseconds=3.0, run_id="slow")
    assert gauges(wired) != before
    selection = DeletionSelection(run=selected)
    expected = DeletedRuns(runs=1, results=2)
    assert delete(wired, selection, dry_run=True) == expected
    assert gauges(wired) != before
    assert delete(wired, selection) == expected
    assert gauges(wired) == before
    # A slow run is the first one again, so that nothing is confirmed.
    take(wired, 13, milliseconds=3.0)
    assert wired.value("benchmark_verdict", benchmark_name="parsing", state="suspect") == 1


def test_a_run_in_doubt_is_so_again(wired: Wired) -> None:
    for number in range(12):
        take(wired, number)
    take(wired, 12, milliseconds=3.0)
    before = gauges(wired)
    take(wired, 13, milliseconds=3.0, run_id="second")
    delete(wired, DeletionSelection(run="second"))
    assert gauges(wired) == before
    take(wired, 14, milliseconds=3.0)
    assert wired.value("benchmark_verdict", benchmark_name="parsing", state="critical") == 1


def test_the_last_run_takes_its_series_and_totals_with_it(wired: Wired) -> None:
    take(wired, 0, run_id="kept", project="kept")
    before = gauges(wired)
    failures = [{"benchmark": "rendering", "error": "out of memory"}]
    take(wired, 1, run_id="only", project="other", failures=failures)
    assert delete(wired, DeletionSelection(run="only")) == DeletedRuns(1, 3)
    assert gauges(wired) == before
    assert not [
        labels
        for series in wired.samples().values()
        for labels in series
        if ("project", "other") in labels
    ]


def test_a_benchmark_goes_with_its_variants_and_others_stay(wired: Wired) -> None:
    wired.take("a.json", perf_suite("one", project="router"))
    wired.take("b.json", perf_suite("two", project="orbit"))
    take(wired, 1, run_id="both", project="router")
    deleted = delete(wired, DeletionSelection(benchmark="router"))
    assert deleted == DeletedRuns(runs=1, results=2)
    names = {
        dict(labels).get("benchmark_name") for each in wired.samples().values() for labels in each
    }
    assert names == {None, "parsing", "routing", "orbit", "orbit/compiled", "orbit/fallback"}
    assert delete(wired, DeletionSelection(benchmark="pars*")) == DeletedRuns(0, 1)
    assert wired.value("benchmark_runs_total", benchmark_name="parsing") is None
    assert wired.value("benchmark_runs_total", benchmark_name="routing") == 1


def test_a_project_narrows_what_is_deleted(wired: Wired) -> None:
    for number, project in enumerate(("one", "two")):
        take(wired, number, project=project)
    selection = DeletionSelection(benchmark="*", projects=("one",))
    assert delete(wired, selection) == DeletedRuns(runs=1, results=2)
    assert wired.value("benchmark_runs_total", benchmark_name="parsing") == 1


def test_a_branch_goes_with_its_series_and_others_stay(wired: Wired) -> None:
    for number in range(9):
        take(wired, number, branch="main")
    take(wired, 20, branch="feature/a", milliseconds=1.5)
    before = gauges(wired)
    for number in range(9, 18):
        take(wired, number, branch="release/2", milliseconds=2.0)
    assert wired.value("benchmark_runs_total", benchmark_name="parsing", branch="release/2") == 9
    deleted = delete(wired, DeletionSelection(branch="release/*"))
    assert deleted == DeletedRuns(runs=9, results=18)
    assert gauges(wired) == before
    assert wired.value("benchmark_runs_total", benchmark_name="parsing") == 9
    assert wired.ledger.branch_runs().runs
    assert delete(wired, DeletionSelection(branch="feature/*")) == DeletedRuns(1, 2)
    assert not wired.ledger.branch_runs().runs
    wired.restart()
    assert gauges(wired) == before


def test_nothing_that_is_selected_changes_nothing(wired: Wired) -> None:
    take(wired, 1)
    before = {**wired.samples(), COMMITS: {}}
    for selection in (
        DeletionSelection(run="nobody's"),
        DeletionSelection(benchmark="nobody's*"),
        DeletionSelection(branch="nobody's*"),
        DeletionSelection(run="1", projects=("nobody's",)),
    ):
        assert delete(wired, selection) == DeletedRuns(0, 0)
    assert {**wired.samples(), COMMITS: {}} == before


def test_a_regression_that_moved_with_a_shift_stays_muted(wired: Wired) -> None:
    names = [f"case {number}" for number in range(12)]
    for number in range(12):
        wired.take(f"{number}.json", result(number, dict.fromkeys(names, 1.0)))
    for number in (12, 13):
        wired.take(f"{number}.json", result(number, dict.fromkeys(names, 3.0)))
    before = gauges(wired)
    moved = wired.samples()["benchmark_regression_shifted"]
    assert set(moved.values()) == {1}
    wired.take("14.json", result(14, dict.fromkeys(names, 3.0)) | {"run_id": "third"})
    delete(wired, DeletionSelection(run="third"))
    assert gauges(wired) == before
