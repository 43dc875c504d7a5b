"""Drifts, from the files to the exposition."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from msgspec.structs import replace

from benchmark_exporter.commands.pinning import clear_baseline, set_baseline
from benchmark_exporter.config import Config
from benchmark_exporter.ingest.drift_check import check_drifts
from benchmark_exporter.ledger import DeletionSelection, Pin
from tests.support.documents import result
from tests.support.wired import Wired

FIRST_RUN = datetime(2026, 3, 1, tzinfo=UTC)
LIMITS = Config().judgement
RUNS = 150


def noisy(count: int) -> list[float]:
    random = Random(5)  # noqa: S311 - a sample, no secret
    return [random.lognormvariate(0, 0.01) for _ in range(count)]


QUIET = noisy(RUNS)
DRIFTING = [value * (1 + 0.001 * max(0, number - 70)) for number, value in enumerate(QUIET)]


def drop(wired: Wired, values: Sequence[float], *, start: int = 0, name: str = "parsing") -> None:
    """Runs that are six hours apart, ingested as one batch."""
    for number, value in enumerate(values, start):
        at = FIRST_RUN + timedelta(hours=6 * number)
        run = {"timestamp": at.isoformat(), "run_id": f"{name}-{number}"}
        wired.drop(f"{name}-{number}.json", result(number, {name: value}) | run)
    wired.settle()


def check(wired: Wired) -> bool:
    """Checks all that is due; whether the state has changed."""
    return any(list(check_drifts(wired.ledger, LIMITS)))


def ratio(wired: Wired, window: str = "30d", name: str = "parsing") -> float | None:
    return wired.value("benchmark_drift_ratio", benchmark_name=name, window=window)


def since(wired: Wired) -> float | None:
    return wired.value("benchmark_drift_since_timestamp_seconds", benchmark_name="parsing")


def at_seconds(number: int) -> float:
    return (FIRST_RUN + timedelta(hours=6 * number)).timestamp()


def pin(wired: Wired, number: int) -> None:
    set_baseline(
        wired.ledger, f"parsing-{number}", Pin("v1", "me", wired.now, ""), wired.config.limits_for
    )


def test_a_drift_is_shown_until_it_has_levelled_off_for_a_month(wired: Wired) -> None:
    drop(wired, DRIFTING)
    assert check(wired)
    found = ratio(wired)
    assert found is not None
    assert found == pytest.approx(0.07, abs=0.02)
    assert ratio(wired, "7d") == pytest.approx(0.03, abs=0.02)
    assert since(wired) == at_seconds(RUNS - 1)
    drop(wired, [value * 1.08 for value in noisy(20)], start=RUNS)
    check(wired)
    assert since(wired) == at_seconds(RUNS - 1)
    drop(wired, [value * 1.08 for value in noisy(130)], start=RUNS + 20)
    assert check(wired)
    assert ratio(wired) is since(wired) is None


def test_a_quiet_result_has_no_series(wired: Wired) -> None:
    drop(wired, QUIET)
    assert not check(wired)
    assert "benchmark_drift_ratio" not in wired.samples()


def test_what_had_no_run_since_the_last_check_is_not_checked_again(wired: Wired) -> None:
    drop(wired, QUIET)
    assert len(list(check_drifts(wired.ledger, LIMITS))) == 2  # the series, and the end
    assert len(list(check_drifts(wired.ledger, LIMITS))) == 1
    drop(wired, [1.0], name="other")
    assert len(list(check_drifts(wired.ledger, LIMITS))) == 2


def test_a_check_that_was_interrupted_begins_again(wired: Wired) -> None:
    drop(wired, DRIFTING)
    next(check_drifts(wired.ledger, LIMITS))
    wired.restart()
    assert ratio(wired) is not None
    assert len(list(check_drifts(wired.ledger, LIMITS))) == 2


def test_pinning_a_run_of_the_new_level_ends_it_at_once_and_for_good(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    pin(wired, RUNS - 1)
    assert ratio(wired) is None
    drop(wired, [value * 1.08 for value in noisy(30)], start=RUNS)
    check(wired)
    assert ratio(wired) is None


def test_a_drift_goes_on_from_the_level_that_was_accepted(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    pin(wired, RUNS - 1)
    later = [1.08 * value * (1 + 0.001 * number) for number, value in enumerate(noisy(140))]
    drop(wired, later, start=RUNS)
    check(wired)
    found = ratio(wired)
    assert found is not None
    assert 0.05 < found < 0.14  # 12 % in 30 days, less what was reported against the baseline


def test_pinning_a_run_from_before_the_drift_does_not_end_it(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    pin(wired, 5)
    assert ratio(wired) is not None
    drop(wired, [1.08], start=RUNS)
    check(wired)
    assert ratio(wired) is not None


def test_clearing_the_baseline_takes_the_acceptance_back(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    pin(wired, RUNS - 1)
    clear_baseline(wired.ledger, "v1")
    drop(wired, [1.08], start=RUNS)
    check(wired)
    assert ratio(wired) is not None


def test_a_benchmark_that_is_deleted_no_longer_drifts(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    wired.delete_runs(DeletionSelection(benchmark="parsing"))
    assert ratio(wired) is None
    assert wired.query("SELECT * FROM drifts") == []


def test_a_project_that_is_deleted_takes_its_drifts_with_it(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    wired.ledger.delete(["router"], [])
    assert wired.query("SELECT * FROM drifts") == []


def test_runs_of_untracked_branches_are_not_compared(wired: Wired) -> None:
    for number, value in enumerate(DRIFTING):
        at = (FIRST_RUN + timedelta(hours=6 * number)).isoformat()
        run = {"timestamp": at, "run_id": f"x-{number}", "branch": "feature/x"}
        wired.drop(f"x-{number}.json", result(number, {"parsing": value}) | run)
    drop(wired, QUIET)
    assert not check(wired)


def test_runs_that_are_deleted_are_no_longer_compared(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    for number in range(40, RUNS):
        wired.delete_runs(DeletionSelection(run=f"parsing-{number}"))
    assert check(wired)
    assert ratio(wired) is None


def test_deleting_runs_has_all_series_checked_again(wired: Wired) -> None:
    drop(wired, [*DRIFTING[:-40], *QUIET[-40:]])  # the last ten days were good again
    assert not check(wired)
    for number in range(RUNS - 40, RUNS):
        wired.delete_runs(DeletionSelection(run=f"parsing-{number}"))
    drop(wired, DRIFTING[-40:], start=RUNS)
    assert check(wired)
    assert ratio(wired) is not None


def test_a_drift_of_another_unit_is_not_shown_and_ends(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    at = (FIRST_RUN + timedelta(hours=6 * RUNS)).isoformat()
    wired.take("changed.json", result(RUNS, {"parsing": 1.0}, unit="bytes") | {"timestamp": at})
    assert ratio(wired) is None
    assert check(wired)
    assert wired.query("SELECT * FROM drifts") == []


def test_nothing_changes_while_an_alarm_is_open(wired: Wired) -> None:
    drop(wired, DRIFTING)
    check(wired)
    before = ratio(wired)
    drop(wired, [1.6] * 4, start=RUNS)
    assert not check(wired)
    assert ratio(wired) == before


@pytest.mark.parametrize(("drift_ratio", "drifts"), [(0.05, True), (0.2, False)])
def test_the_least_drift_is_a_setting(wired: Wired, drift_ratio: float, drifts: bool) -> None:
    drop(wired, DRIFTING)
    limits = replace(LIMITS, drift_ratio=drift_ratio)
    assert any(list(check_drifts(wired.ledger, limits))) == drifts
