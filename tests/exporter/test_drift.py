"""Drifts of series that are judged run by run, as the exporter judges them."""

from collections.abc import Callable, Sequence
from random import Random

import pytest

from benchmark_exporter.judge import (
    Better,
    Drift,
    JudgedRun,
    JudgeLimits,
    SeriesState,
    check_drift,
    judge,
)

HOUR, DAY = 3600.0, 86400.0
RATIO = 0.05


def noisy(count: int, cv_ratio: float, seed: int = 1) -> list[float]:
    random = Random(seed)  # noqa: S311 - a sample, no secret
    return [100 * random.lognormvariate(0, cv_ratio) for _ in range(count)]


def judged(
    values: Sequence[float], *, hours: float = 6.0, better: Better = "lower"
) -> list[JudgedRun]:
    """The runs, so many hours apart, with the judge's verdicts."""
    state, runs = SeriesState(), []
    for number, value in enumerate(values):
        at_seconds = number * hours * HOUR
        verdict, state = judge(state, value, at_seconds, better=better, limits=JudgeLimits())
        runs.append(JudgedRun(at_seconds, value, verdict.state))
    return runs


def check(
    runs: Sequence[JudgedRun], *, better: Better = "lower", drifting: bool = False
) -> Drift | None:
    return check_drift(runs, better=better, ratio=RATIO, drifting=drifting)


def first_drift(runs: Sequence[JudgedRun], *, better: Better = "lower") -> int | None:
    """The number of the first run whose check finds a drift."""
    for number in range(1, len(runs) + 1):
        drift = check(runs[:number], better=better)
        if drift is not None and drift.drifting:
            return number - 1
    return None


def with_drift(values: Sequence[float], start: int, per_run: float) -> list[float]:
    return [
        value * (1 + per_run * max(0, number - start + 1)) for number, value in enumerate(values)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_drift_of_a_thousandth_a_run_is_found_before_it_is_15_percent(seed: int) -> None:
    runs = judged(with_drift(noisy(250, 0.02, seed), 80, 0.001))
    found = first_drift(runs)
    assert found is not None
    assert 0.03 < 0.001 * (found - 79) < 0.15


@pytest.mark.parametrize("seed", range(5))
def test_quiet_runs_do_not_drift(seed: int) -> None:
    assert first_drift(judged(noisy(250, 0.02, seed))) is None


def test_a_drift_where_higher_is_better() -> None:
    values = [1e4 / value for value in with_drift(noisy(250, 0.01), 80, 0.001)]
    assert first_drift(judged(values, better="higher"), better="higher") is not None
    assert first_drift(judged(values), better="lower") is None  # it became better


def test_a_drift_of_values_that_are_not_positive() -> None:
    values = [value - 300 for value in with_drift(noisy(250, 0.001), 0, 0.001)]
    drift = check(judged(values))
    assert drift is not None
    # 120 runs before, the level was 0.1 * 120 less, at 100 * 1.12 - 300.
    assert drift.ratios["30d"] == pytest.approx(0.1 * 120 / 188, abs=0.005)
    assert drift.drifting == ("30d",)


def test_the_ratios_are_those_of_7_and_30_days() -> None:
    drift = check(judged(with_drift(noisy(250, 0.001), 0, 0.001)))
    assert drift is not None
    assert drift.drifting == ("30d",)
    # The median of 20 runs is that of the middle one; 28 and 120 runs are between them.
    assert drift.ratios["7d"] == pytest.approx(28 * 0.001 / 1.21, abs=0.001)
    assert drift.ratios["30d"] == pytest.approx(120 * 0.001 / 1.12, abs=0.001)
    assert drift.compared_seconds == (249 - 120) * 6 * HOUR


@pytest.mark.parametrize("step", [0.06, 0.1, 0.3])
def test_a_step_that_the_judge_reported_is_no_drift(step: float) -> None:
    quiet = noisy(240, 0.01)
    runs = judged([*quiet[:100], *(value * (1 + step) for value in quiet[100:])])
    assert any(run.state in ("warning", "critical") for run in runs[100:110])
    assert first_drift(runs) is None


def test_a_step_too_small_to_be_reported_is_a_drift() -> None:
    quiet = noisy(240, 0.01)
    runs = [
        run._replace(state="ok")
        for run in judged([*quiet[:100], *(value * 1.08 for value in quiet[100:])])
    ]
    assert first_drift(runs) is not None


def test_a_drift_of_which_the_judge_reports_parts_is_found_all_the_same() -> None:
    runs = judged(with_drift(noisy(260, 0.01), 120, 0.0025))
    assert {run.state for run in runs[120:]} & {"warning"}
    found = first_drift(runs)
    assert found is not None
    assert 0.0025 * (found - 119) < 0.15


def test_a_series_younger_than_a_month_is_compared_with_its_first_runs() -> None:
    drift = check(judged(with_drift(noisy(80, 0.002), 0, 0.001)))
    assert drift is not None
    # 80 runs, with the medians of the first 20 and of the last 20.
    assert drift.ratios["30d"] == pytest.approx(60 * 0.001 / 1.01, abs=0.002)


def test_what_is_lost_of_an_improvement_by_little_at_a_time_is_a_drift() -> None:
    quiet = noisy(300, 0.005)
    runs = judged(with_drift([*quiet[:100], *(0.7 * value for value in quiet[100:])], 150, 0.001))
    found = first_drift(runs)
    assert found is not None
    # It is still far better than before the improvement, which 30 days before has in it.
    assert runs[found].value < 0.8 * quiet[99]


def test_a_drift_goes_on_until_half_of_the_limit_is_left() -> None:
    runs = judged(with_drift(noisy(150, 0.002), 100, 0.001))
    fresh, known = check(runs), check(runs, drifting=True)
    assert fresh is not None
    assert known is not None
    assert 0.025 < known.ratios["30d"] < 0.05
    assert fresh.drifting == ()
    assert "30d" in known.drifting


def test_a_drift_ends_thirty_days_after_it_has_levelled_off() -> None:
    quiet = noisy(400, 0.005)
    levelled = [value * (1 + 0.001 * min(max(0, n - 80), 70)) for n, value in enumerate(quiet)]
    runs = judged(levelled)
    states = {number: check(runs[:number], drifting=True) for number in (170, 300)}
    assert states[170] is not None
    assert states[170].drifting
    assert states[300] == Drift(states[300].ratios, ()) if states[300] else False


def test_nothing_is_decided_while_an_alarm_is_open() -> None:
    runs = judged([*noisy(100, 0.01), *[150.0] * 5])
    assert runs[-1].state == "critical"
    assert check(runs, drifting=True) is None
    assert check([]) is None


def test_weekly_runs_are_compared_by_their_number() -> None:
    values = [value * 1.004**number for number, value in enumerate(noisy(160, 0.005))]
    runs = [run._replace(state="ok") for run in judged(values, hours=7 * 24)]
    drift = check(runs)
    assert drift is not None
    # Two windows of 20 runs next to each other, however many days these are.
    assert drift.ratios["7d"] == pytest.approx(1.004**20 - 1, abs=0.01)
    assert drift.ratios["30d"] == drift.ratios["7d"]
    assert drift.drifting == ("7d", "30d")
    assert first_drift(judged(values, hours=7 * 24)) is not None
    assert first_drift(judged(noisy(120, 0.01), hours=7 * 24)) is None


def test_runs_every_half_hour_are_compared_by_their_days() -> None:
    values = with_drift(noisy(1440, 0.02), 400, 0.0001)
    runs = judged(values, hours=0.5)
    drift = check(runs)
    assert drift is not None
    assert drift.ratios["7d"] == pytest.approx(0.0336 / 1.065, abs=0.01)
    # The first two days, since there are no more than 30. They end with the run of number 96.
    assert drift.ratios["30d"] == pytest.approx(0.1, abs=0.02)
    assert drift.compared_seconds == 96 * 0.5 * HOUR


def test_the_slower_of_two_modes_more_often_is_no_drift() -> None:
    random = Random(3)  # noqa: S311 - a sample, no secret

    def mode(share: float) -> float:
        return (1.15 if random.random() < share else 1.0) * random.lognormvariate(0, 0.005) * 100

    values = [mode(0.35) for _ in range(150)] + [mode(0.6) for _ in range(30)]
    assert first_drift(judged(values)) is None


def test_a_level_of_zero_has_no_ratio_and_no_drift() -> None:
    values = [0.0] * 135 + [float(number) for number in range(1, 26)]
    runs = [JudgedRun(n * 6 * HOUR, value, "ok") for n, value in enumerate(values)]
    assert check(runs) == Drift({}, ())


def test_a_change_no_larger_than_the_least_one_is_no_drift() -> None:
    runs = judged(with_drift(noisy(200, 0.002), 80, 0.001))

    def drifting(least_change: float) -> bool:
        drift = check_drift(runs, better="lower", ratio=RATIO, least_change=least_change)
        return drift is not None and bool(drift.drifting)

    assert drifting(5.0)
    assert not drifting(50.0)


@pytest.mark.parametrize("change", [lambda value: value * 1e-6, lambda value: value * 1e12])
def test_the_unit_of_the_values_does_not_matter(change: Callable[[float], float]) -> None:
    values = with_drift(noisy(200, 0.01), 80, 0.001)
    before, after = check(judged(values)), check(judged([change(value) for value in values]))
    assert before is not None
    assert after is not None
    assert after.drifting == before.drifting
    assert after.ratios == pytest.approx(before.ratios)
