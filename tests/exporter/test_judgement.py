"""Results judged beside their own history: single cases with obvious numbers, and what must hold for any."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmark_exporter.config import Config
from benchmark_exporter.model import (
    VERDICT_STATES,
    Better,
    Result,
    Statistics,
    Verdict,
    VerdictState,
)
from benchmark_exporter.regression import (
    History,
    Limits,
    is_environment_shift,
    judge_result,
    typical,
)

LIMITS = Config().judgement
QUIET = (100.0,) * 10
# Median 100, median absolute deviation 2: 1.4826 · 2 is a standard deviation of 2.97.
NOISY = (96.0, 97.0, 98.0, 98.0, 99.0, 100.0, 100.0, 101.0, 102.0, 102.0, 103.0, 104.0)


def result(
    value: float,
    *,
    better: Better | None = "lower",
    cv_ratio: float | None = None,
    samples: int | None = None,
) -> Result:
    return Result("sorting", "fast", Statistics(p50=value), samples, cv_ratio, better=better)


def judged(
    value: float,
    window: Sequence[float] = QUIET,
    *,
    better: Better = "lower",
    previous: VerdictState | None = "ok",
    unconfirmed: float | None = None,
    pinned: float | None = None,
    limits: Limits = LIMITS,
) -> Verdict:
    judgement = judge_result(
        result(value, better=better), History(tuple(window), previous, unconfirmed), pinned, limits
    )
    assert judgement is not None
    return judgement


def judged_in_turn(values: Sequence[float], window: Sequence[float] = QUIET) -> list[VerdictState]:
    history, states = History(tuple(window)), []
    for value in values:
        judgement = judge_result(result(value), history, None, LIMITS)
        assert judgement is not None
        history = history.after(judgement, LIMITS)
        states.append(judgement.state)
    return states


@pytest.mark.parametrize(
    ("value", "better", "state"),
    [
        (110.0, "lower", "ok"),  # at the limit a value keeps it
        (110.1, "lower", "warning"),
        (300.0, "lower", "warning"),
        (300.1, "lower", "critical"),  # a time that tripled is critical at once
        (89.9, "lower", "improved"),
        (90.0, "lower", "ok"),
        (89.9, "higher", "warning"),
        (33.4, "higher", "warning"),
        (33.3, "higher", "critical"),  # a rate that fell to a third
        (110.1, "higher", "improved"),
    ],
)
def test_without_noise_the_tolerance_judges(
    value: float, better: Better, state: VerdictState
) -> None:
    judgement = judged(value, better=better)
    assert judgement.state == state
    assert judgement.rolling == 100.0
    assert judgement.limit == pytest.approx(110.0 if better == "lower" else 90.0)
    assert judgement.worsening_ratio == pytest.approx(
        (value - 100) / 100 * (1 if better == "lower" else -1)
    )
    assert judgement.noise_ratio == 0.0


def test_the_numbers_of_a_noisy_window() -> None:
    judgement = judged(111.0, NOISY)
    # 2.2 + (2.2³ + 2.2) / (4 · 0.37 · 11) = 2.9892; · 2.9652 · √(1 + π/2/12) = 9.4252, under the tolerance of 10 %
    assert judgement.noise_ratio == pytest.approx(0.094252, rel=1e-4)
    assert judgement.limit == pytest.approx(110.0)
    assert judgement.state == "warning"


def test_a_worsening_within_the_noise_is_suppressed() -> None:
    window = [100 + 2 * (value - 100) for value in NOISY]
    judgement = judged(115.0, window)
    assert (judgement.state, judgement.suppressed) == ("ok", True)
    assert judgement.limit == pytest.approx(118.85, rel=1e-4)
    assert judged(109.0, window).suppressed is False


def test_a_documents_own_noise_counts() -> None:
    # The standard error of a median of 16 samples: √(π/2) · 0.4 / √16 = 12.5 %; times 3.19 and 1.075.
    judgement = judge_result(result(130.0, cv_ratio=0.4, samples=16), History(QUIET), None, LIMITS)
    assert judgement is not None
    assert (judgement.state, judgement.suppressed) == ("ok", True)
    assert judgement.noise_ratio == pytest.approx(0.43, rel=0.02)


def test_the_slower_of_two_modes_is_no_regression() -> None:
    window = (100.0, 100.5, 99.5, 100.0, 115.0, 100.5, 99.5, 100.0, 100.0, 115.0, 114.5, 100.5)
    assert judged(115.5, window).state == "ok"
    assert judged(121.0, window).state == "warning"


def test_a_step_is_a_warning_then_critical_and_ok_again_when_it_is_mended() -> None:
    assert judged_in_turn([120.0, 121.0, 119.0, 100.0, 101.0]) == [
        "warning",
        "critical",
        "critical",
        "ok",
        "ok",
    ]


def test_a_run_that_passes_by_chance_does_not_hide_a_step() -> None:
    assert judged_in_turn([112.0, 109.0, 112.0]) == ["warning", "ok", "critical"]


def test_a_warning_that_two_runs_pass_over_confirms_nothing() -> None:
    states = judged_in_turn([112.0, 100.0, 100.0, 112.0, 112.0], QUIET * 2)
    assert states == ["warning", "ok", "ok", "warning", "critical"]


def test_a_warning_that_was_noise_widens_the_limit_of_a_short_window() -> None:
    assert judged_in_turn([112.0, 100.0, 100.0, 114.9]) == [
        "warning",
        "ok",
        "ok",
        "ok",
    ]  # 1.25 · 12
    assert judged_in_turn([112.0, 100.0, 100.0, 115.1]) == ["warning", "ok", "ok", "warning"]


def test_an_outlier_does_not_confirm_a_much_smaller_worsening() -> None:
    assert judged_in_turn([180.0, 112.0, 100.0]) == ["warning", "warning", "ok"]
    assert judged_in_turn([130.0, 112.0]) == ["warning", "critical"]


def test_a_regression_stays_out_of_the_window_and_noise_gets_in() -> None:
    history = History(QUIET)
    windows = []
    for value in (120.0, 120.0, 100.0, 115.0, 101.0, 102.0):
        judgement = judge_result(result(value), history, None, LIMITS)
        assert judgement is not None
        history = history.after(judgement, LIMITS)
        windows.append(history.window[len(QUIET) :])
    assert windows == [(), (), (100.0,), (100.0,), (100.0, 101.0), (100.0, 101.0, 115.0, 102.0)]


def test_the_window_keeps_the_newest_runs() -> None:
    limits = replace(LIMITS, window_runs=10)
    assert History(QUIET).after(judged(101.0), limits).window == (*QUIET[1:], 101.0)


def test_few_runs_are_no_data_but_what_they_would_say_is_kept() -> None:
    judgement = judged(150.0, QUIET[:7])
    assert (judgement.state, judgement.run_count, judgement.suppressed) == (
        "insufficient_data",
        7,
        True,
    )
    assert (judgement.rolling, judgement.limit, judgement.worsening_ratio) == (None, None, None)
    assert judged(100.0, QUIET[:7]).suppressed is False
    assert judged(150.0, QUIET[:8]).state == "warning"
    beside_baseline = judged(150.0, (), pinned=100.0)
    assert (beside_baseline.state, beside_baseline.worsening_ratio) == ("insufficient_data", 0.5)


def test_the_stricter_of_two_references_judges() -> None:
    risen = (120.0,) * 10
    judgement = judged(121.0, risen, pinned=100.0)
    assert judgement.state == "warning"
    assert judgement.limit == pytest.approx(110.0)
    assert judgement.worsening_ratio == pytest.approx(0.21)
    assert judged(121.0, risen).state == "ok"
    assert judged(115.0, QUIET, pinned=200.0).worsening_ratio == pytest.approx(0.15)
    rate = judged(79.0, (70.0,) * 10, better="higher", pinned=100.0)
    assert rate.state == "warning"
    assert rate.limit == pytest.approx(90.0)


def test_a_pinned_run_has_noise_of_its_own() -> None:
    rolling, pinned = judged(100.0, NOISY), judged(100.0, NOISY, pinned=90.0)
    assert pinned.noise_ratio == pytest.approx((rolling.noise_ratio or 0) * math.sqrt(2) * 100 / 90)


def test_a_worsening_from_nothing_has_no_share_and_waits_for_confirmation() -> None:
    judgement = judged(1.0, (0.0,) * 10)
    assert (judgement.state, judgement.worsening_ratio, judgement.noise_ratio, judgement.limit) == (
        "warning",
        None,
        None,
        0.0,
    )
    assert judged_in_turn([1.0, 1.0], (0.0,) * 10) == ["warning", "critical"]
    assert judged(0.0, (0.0,) * 10).state == "ok"


def test_differences_may_be_negative() -> None:
    around_zero = (-2.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 2.0)
    assert judged(3.0, around_zero).state == "ok"
    assert judged(20.0, around_zero).state == "warning"
    assert judged(-89.0, (-100.0,) * 10).state == "warning"
    assert judged(-111.0, (-100.0,) * 10).state == "improved"


def test_numbers_too_large_to_add_are_not_judged() -> None:
    judgement = judged(1.7e308, (1.7e308,) * 10)
    assert (judgement.state, judgement.limit) == ("insufficient_data", None)


def test_a_result_without_a_direction_or_a_value_is_not_judged() -> None:
    assert judge_result(result(1.0, better=None), History(QUIET), None, LIMITS) is None
    assert (
        judge_result(replace(result(1.0), statistics=Statistics()), History(QUIET), None, LIMITS)
        is None
    )
    assert judge_result(result(math.inf), History(QUIET), None, LIMITS) is None


@pytest.mark.parametrize(
    ("statistics", "value"),
    [
        (Statistics(p50=1.0, mean=2.0), 1.0),
        (Statistics(mean=2.0, min=1.0), 2.0),
        (Statistics(p95=3.0), 3.0),
        (Statistics(min=1.0, max=3.0), None),
        (Statistics(p50=math.nan), None),
        (Statistics(), None),
    ],
)
def test_what_stands_for_a_result(statistics: Statistics, value: float | None) -> None:
    assert typical(replace(result(0.0), statistics=statistics)) == value


@pytest.mark.parametrize(
    ("states", "shift"),
    [
        (["critical", "warning", "ok", "ok"], True),
        (["critical", "ok", "ok", "ok"], False),
        (["improved", "improved", "ok", "ok"], True),
        (["improved", "critical", "ok", "ok"], False),  # not the same way
        (
            ["critical", "critical", "critical"],
            False,
        ),  # too few results to tell the machine from the code
        (["critical", "critical", "ok", "ok", "insufficient_data", "insufficient_data"], True),
        ([], False),
    ],
)
def test_half_of_a_suite_at_once_is_the_environment(
    states: list[VerdictState], shift: bool
) -> None:
    judgements = [replace(judged(100.0), state=state) for state in states]
    assert is_environment_shift(judgements, LIMITS) == shift


# Between them the noise and the level are anything that a benchmark may have, in exact steps, so that scaling by powers of two is exact.
values = st.integers(1, 4096).map(float)
windows = st.lists(values, min_size=LIMITS.least_runs, max_size=LIMITS.window_runs)
histories = st.builds(
    History, windows.map(tuple), st.sampled_from(VERDICT_STATES), st.none() | values
)
SEVERITY: dict[VerdictState, int] = {"improved": 0, "ok": 1, "warning": 2, "critical": 3}


def state_of(
    value: float, history: History, pinned: float | None = None, better: Better = "lower"
) -> VerdictState:
    judgement = judge_result(result(value, better=better), history, pinned, LIMITS)
    assert judgement is not None
    return judgement.state


@given(histories, st.none() | values, values, values)
def test_a_worse_value_is_never_judged_better(
    history: History, pinned: float | None, one: float, other: float
) -> None:
    better, worse = sorted((one, other))
    hits = [
        SEVERITY[state_of(value, history, pinned)] >= SEVERITY["warning"]
        for value in (better, worse)
    ]
    assert hits != [True, False]
    unconfirmed = replace(
        history, unconfirmed=None
    )  # whether two hits agree is not a matter of worse
    assert (
        SEVERITY[state_of(better, unconfirmed, pinned)]
        <= SEVERITY[state_of(worse, unconfirmed, pinned)]
    )


@given(histories, st.none() | values, values, st.integers(-30, 30))
def test_the_unit_does_not_matter(
    history: History, pinned: float | None, value: float, exponent: int
) -> None:
    scale = 2.0**exponent
    scaled = History(
        tuple(each * scale for each in history.window),
        history.previous,
        None if history.unconfirmed is None else history.unconfirmed * scale,
    )
    one = judge_result(result(value), history, pinned, LIMITS)
    other = judge_result(
        result(value * scale), scaled, None if pinned is None else pinned * scale, LIMITS
    )
    assert one is not None
    assert other is not None
    assert (other.state, other.worsening_ratio, other.noise_ratio, other.suppressed) == (
        one.state,
        one.worsening_ratio,
        one.noise_ratio,
        one.suppressed,
    )


@given(histories, st.none() | values, values)
def test_both_directions_are_judged_alike(
    history: History, pinned: float | None, value: float
) -> None:
    """But for what is critical at once, where a rate cannot fall as far as a time can rise."""
    mirrored = History(
        tuple(-each for each in history.window),
        history.previous,
        None if history.unconfirmed is None else -history.unconfirmed,
    )
    one = judge_result(result(value), history, pinned, LIMITS)
    other = judge_result(
        result(-value, better="higher"), mirrored, None if pinned is None else -pinned, LIMITS
    )
    assert one is not None
    assert other is not None
    assert min(SEVERITY[one.state], SEVERITY["warning"]) == min(
        SEVERITY[other.state], SEVERITY["warning"]
    )
    assert (other.worsening_ratio, other.suppressed) == (one.worsening_ratio, one.suppressed)


@given(windows, st.randoms())
def test_the_order_of_the_window_does_not_matter(window: list[float], random: object) -> None:
    shuffled = list(window)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert judged(200.0, window) == judged(200.0, shuffled)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 80))
def test_a_constant_series_is_never_a_regression(value: float, runs: int) -> None:
    assert set(judged_in_turn([value] * runs, ())) <= {"insufficient_data", "ok"}


@given(
    st.lists(values, max_size=LIMITS.least_runs - 1),
    st.sampled_from(VERDICT_STATES),
    st.none() | values,
    st.none() | values,
    values,
)
def test_few_runs_never_give_a_verdict(
    window: list[float],
    previous: VerdictState,
    unconfirmed: float | None,
    pinned: float | None,
    value: float,
) -> None:
    assert (
        state_of(value, History(tuple(window), previous, unconfirmed), pinned)
        == "insufficient_data"
    )


@given(histories, st.none() | values, st.floats(), st.sampled_from(["lower", "higher"]))
def test_any_numbers_are_judged_or_refused(
    history: History, pinned: float | None, value: float, better: Better
) -> None:
    judgement = judge_result(result(value, better=better), history, pinned, LIMITS)
    assert (judgement is None) == (not math.isfinite(value))
    if judgement is not None:
        numbers = (judgement.limit, judgement.worsening_ratio, judgement.noise_ratio)
        assert all(number is None or math.isfinite(number) for number in numbers)
