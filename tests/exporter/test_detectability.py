"""What would be detectable with more samples: the promise against simulated runs that take them."""

import random
import statistics

import pytest

from benchmark_exporter.judge import JudgeLimits, SeriesState, Verdict, judge
from benchmark_exporter.judge.detectability import added_spread, sampling_error
from tests.exporter.judged_runs import SIX_HOURS

RUNS = 68  # a full reference and the newest 8
SERIES = 12


def last_verdict(
    rng: random.Random,
    between: float,
    within: float,
    samples: int,
    limits: JudgeLimits,
    *,
    center: float = 1.0,
) -> Verdict:
    """The verdict on the last of some runs with noise between runs and within each, as ratios."""
    state = SeriesState()
    for run in range(RUNS):
        level = center * (1 + rng.gauss(0, between))
        values = [level * (1 + rng.gauss(0, within)) for _ in range(samples)]
        verdict, state = judge(
            state,
            statistics.median(values),
            run * SIX_HOURS,
            better="lower",
            limits=limits,
            cv_ratio=statistics.stdev(values) / statistics.fmean(values),
            samples=samples,
        )
    return verdict


def simulated(
    seed: int,
    between: float,
    within: float,
    samples: int,
    limits: JudgeLimits | None = None,
    *,
    series: int = SERIES,
) -> list[Verdict]:
    rng = random.Random(seed)  # noqa: S311  # simulated noise
    return [
        last_verdict(rng, between, within, samples, limits or JudgeLimits()) for _ in range(series)
    ]


@pytest.mark.parametrize(
    ("between", "within", "samples"),
    [(0.002, 0.15, 5), (0.01, 0.3, 10), (0.005, 0.4, 20), (0.03, 0.3, 10)],
)
def test_so_many_samples_give_the_promised_change(
    between: float, within: float, samples: int
) -> None:
    now = simulated(1, between, within, samples)
    advised = [each for each in now if each.reachable_samples is not None]
    assert len(advised) >= SERIES / 2
    kept = []
    for number, verdict in enumerate(advised):
        assert verdict.reachable_ratio is not None
        assert verdict.reachable_samples is not None
        assert verdict.detectable_ratio is not None
        assert verdict.reachable_ratio <= 0.86 * verdict.detectable_ratio
        assert samples < verdict.reachable_samples <= 5 * samples + 1
        (then,) = simulated(100 + number, between, within, verdict.reachable_samples, series=1)
        assert then.detectable_ratio is not None
        kept.append(then.detectable_ratio / verdict.reachable_ratio)
    # One series' noise is known to about a fifth from 60 runs, so the typical one counts.
    assert 0.75 < statistics.median(kept) < 1.25


def test_noise_between_runs_is_not_bought_with_samples() -> None:
    verdicts = simulated(2, 0.05, 0.02, 10)
    assert [each.reachable_samples for each in verdicts] == [None] * SERIES
    typical = statistics.median(each.detectable_ratio or 0.0 for each in verdicts)
    more = simulated(3, 0.05, 0.02, 50)
    assert statistics.median(each.detectable_ratio or 0.0 for each in more) > 0.75 * typical


def test_where_a_limit_decides_it_is_the_limit_that_can_be_lowered() -> None:
    verdicts = simulated(4, 0.001, 0.02, 10)
    for each in verdicts:
        assert each.detectable_ratio == pytest.approx(0.03)  # small_ratio
        assert each.quiet_ratio is not None
        assert each.quiet_ratio < 0.02
        assert each.reachable_samples is None
    lower = JudgeLimits(small_ratio=0.005, tolerance_ratio=0.02)
    typical = statistics.median(
        each.detectable_ratio or 0.0 for each in simulated(5, 0.001, 0.02, 10, lower)
    )
    assert typical == pytest.approx(
        statistics.median(each.quiet_ratio or 0.0 for each in verdicts), rel=0.25
    )


def test_the_limit_itself_is_a_target() -> None:
    limits = JudgeLimits(small_ratio=0.04)
    targets = {each.reachable_ratio for each in simulated(6, 0.001, 0.1, 20, limits)}
    assert any(target == pytest.approx(0.04) for target in targets if target is not None)
    assert all(target is None or target > 0.0399 for target in targets)


def test_where_nothing_is_known_of_the_samples_nothing_is_promised() -> None:
    rng, state = random.Random(7), SeriesState()  # noqa: S311  # simulated noise
    for run in range(RUNS):
        value = 1 + rng.gauss(0, 0.1)
        verdict, state = judge(
            state, value, run * SIX_HOURS, better="lower", limits=JudgeLimits(), samples=10
        )
    assert verdict.detectable_ratio is not None
    assert verdict.reachable_ratio is verdict.reachable_samples is None
    assert state.cv_ratios == ()


@pytest.mark.parametrize("samples", [3, 5, 20])
def test_the_standard_error_of_a_runs_median(samples: int) -> None:
    rng = random.Random(8)  # noqa: S311  # simulated noise
    runs = [[rng.gauss(100, 5) for _ in range(samples)] for _ in range(4000)]
    measured = statistics.stdev(statistics.median(run) for run in runs) / 100
    cv_ratios = [statistics.stdev(run) / statistics.fmean(run) for run in runs]
    assert sampling_error(cv_ratios, samples) == pytest.approx(measured, rel=0.06)


def test_a_series_that_is_not_positive_has_an_answer_too() -> None:
    rng, state = random.Random(9), SeriesState()  # noqa: S311  # simulated noise
    for run in range(RUNS):
        values = [rng.gauss(10, 30) for _ in range(10)]
        verdict, state = judge(
            state,
            statistics.median(values),
            run * SIX_HOURS,
            better="lower",
            limits=JudgeLimits(),
            cv_ratio=statistics.stdev(values) / abs(statistics.fmean(values)),
            samples=10,
        )
    assert min(state.values) < 0
    assert verdict.detectable_ratio is not None


def test_the_spread_of_the_newest_runs_is_kept() -> None:
    kept: tuple[float, ...] = ()
    for number in range(40):
        kept = added_spread(kept, number / 1000, 5)
    assert kept == tuple(number / 1000 for number in range(25, 40))
    for cv_ratio, samples in ((None, 5), (0.1, None), (0.1, 1), (float("inf"), 5)):
        assert added_spread(kept, cv_ratio, samples) == kept
