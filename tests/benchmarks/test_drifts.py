"""The benchmark of drifts counts those that it sees, and which of them repeat a report."""

import random

import pytest

from benchmark_exporter.regression import Limits
from benchmarks.drifts import onsets, watch
from benchmarks.histories import Series
from benchmarks.real_drifts import drift_table, measure_drifts
from benchmarks.slow_drift import slow_drift

RUNS = 260


def quiet(seed: int) -> list[float]:
    drawn = random.Random(seed)  # noqa: S311 - simulation
    return [100 * drawn.lognormvariate(0, 0.005) for _ in range(RUNS)]


def drifting(values: list[float], start: int) -> list[float]:
    return [value * (1 + 0.001 * max(0, run - start)) for run, value in enumerate(values)]


def test_a_drift_is_counted_once_and_a_quiet_series_not() -> None:
    seen = list(watch(drifting(quiet(1), 80), Limits()))
    (began,) = onsets(seen)
    assert 110 < began < 170
    assert onsets(list(watch(quiet(1), Limits()))) == []
    # Checked from a later run on, it begins with that one.
    assert onsets(list(watch(drifting(quiet(1), 80), Limits(), first=200))) == [200]


def test_onsets_and_repeated_reports_on_series() -> None:
    step = {"at": 100, "change_ratio": 0.2, "certain": True}
    stepped = [value * (1 if run < 100 else 1.2) for run, value in enumerate(quiet(2))]
    series = [
        Series("one", drifting(quiet(1), 80), [(0, RUNS)], []),
        Series("two", quiet(3), [(0, RUNS)], []),
        Series("three", stepped, [], [step]),
    ]
    found = measure_drifts(series, Limits())
    assert found["quiet_runs"] == 2 * (RUNS - 20 - 8)
    assert found["drift_onsets"] == pytest.approx(1000 / found["quiet_runs"])
    assert found["drift_onsets_by_source"] == {"one": 1}
    assert (found["steps_reported"], found["steps_reported_that_a_drift_repeats"]) == (1, 0)
    assert (found["steps_unreported"], found["steps_unreported_that_a_drift_reports"]) == (0, 0)
    assert "| reported steps that a drift repeats | 0 of 1 |" in drift_table(found)


def test_a_drift_is_reported_as_one_before_it_is_critical() -> None:
    rows = slow_drift(Limits(), seed=1, series=2).splitlines()
    (row,) = [row for row in rows if row.startswith("| 0.10% | 1% |")]
    drift, either, critical, pinned = row.strip("| ").split(" | ")[2:]
    assert drift.startswith("100% by +15%")
    assert either.startswith("100% by +15%")
    assert critical == "never found"
    assert pinned.startswith("100% by +15%")
