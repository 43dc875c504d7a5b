"""The judge of single runs by the runs before them: one fact each."""

import math

import msgspec
import pytest

from benchmark_exporter.judge import (
    JudgeLimits,
    SeriesState,
    accept,
    judge,
    of_another_line,
    replay,
)
from tests.exporter.judged_runs import LIMITS, QUIET, SIX_HOURS, judged, states
from tests.exporter.short_series import (
    HALF_LOST,
    LOST_IMPROVEMENT,
    SECOND_STEP,
    SMALL_STEP,
    SPIKES,
    TWO_MODES,
)


def test_a_lost_improvement_is_critical() -> None:
    assert states(LOST_IMPROVEMENT)[32:36] == ["suspect", "critical", "critical", "critical"]


def test_a_small_step_of_a_quiet_benchmark_is_a_warning() -> None:
    seen = states(SMALL_STEP)
    assert "warning" in seen[22:28]
    assert "warning" not in seen[:22]


def test_a_spike_is_shown_and_not_sent() -> None:
    seen = states(SPIKES)
    assert seen[28] == "suspect"
    assert set(seen) == {"insufficient_data", "ok", "suspect"}


def test_a_second_step_within_an_open_alarm_is_reported_once() -> None:
    verdicts, _ = judged(SECOND_STEP)
    further = [run for run, verdict in enumerate(verdicts) if verdict.further]
    assert further == [28]  # the third run of the second step
    assert {verdict.state for verdict in verdicts[16:]} == {"critical"}


def test_a_step_of_both_of_two_modes_is_critical() -> None:
    seen = states(TWO_MODES)
    assert "critical" not in seen[:26]
    assert seen[-5:] == ["critical"] * 5


def test_a_loss_of_most_of_an_improvement_is_critical() -> None:
    seen = states(HALF_LOST)
    assert seen.index("critical") == 21
    assert "improved" in seen[:20]


def test_a_step_after_a_slow_warm_up_is_critical() -> None:
    seen = states(
        [150 + each for each in (0.5, -0.3, 0.1, 0.6, -0.4, 0.2)] + QUIET[:24] + [160.0] * 4
    )
    assert seen[-2:] == ["critical"] * 2


def test_a_large_step_is_critical_with_the_second_run() -> None:
    assert states([*QUIET, 150.0, 151.0])[-2:] == ["suspect", "critical"]


def test_a_step_within_the_large_ratio_needs_three_runs() -> None:
    assert states([*QUIET, 120.0, 121.0, 120.5])[-3:] == ["suspect", "suspect", "critical"]


def test_an_alarm_ends_when_it_is_fixed() -> None:
    verdicts, state = judged([*QUIET, *[120.0] * 12, 100.0, 100.0])
    assert [verdict.state for verdict in verdicts[-3:]] == ["critical", "critical", "ok"]
    assert state.alarm is None


def test_a_short_disturbance_ends_with_its_first_good_run() -> None:
    assert states([*QUIET, 120.0, 121.0, 120.5, 100.0])[-2:] == ["critical", "ok"]


def test_an_alarm_counts_its_runs() -> None:
    verdicts, _ = judged([*QUIET, *[120.0] * 6])
    assert [verdict.alarm_runs for verdict in verdicts[-6:]] == [0, 0, 1, 2, 3, 4]


def test_the_numbers_of_a_verdict() -> None:
    verdicts, _ = judged([*QUIET, 120.0])
    verdict = verdicts[-1]
    assert verdict.reference == pytest.approx(100.1)  # the median of the first 23 runs
    assert verdict.limit == pytest.approx(107.107)
    assert verdict.worsening_ratio == pytest.approx(19.9 / 100.1)
    assert verdict.noise_ratio == pytest.approx(0.0082, abs=0.004)
    assert verdict.detectable_ratio == pytest.approx(0.03)
    assert verdict.run_count == len(QUIET) + 1 - 8


def test_few_runs_are_insufficient_data() -> None:
    verdicts, _ = judged(QUIET[:11])
    assert [verdict.state for verdict in verdicts[-2:]] == ["insufficient_data", "ok"]


def test_a_lasting_level_is_accepted_once_after_30_runs_and_7_days() -> None:
    verdicts, state = judged([*QUIET, *[120.0] * 40])
    accepted = [run for run, verdict in enumerate(verdicts) if verdict.accepted]
    assert accepted == [len(QUIET) + 30]  # 30 runs in 7.5 days; the alarm began 2 runs later
    assert verdicts[accepted[0] - 1].state == "critical"
    assert {verdict.state for verdict in verdicts[accepted[0] :]} == {"ok"}
    assert verdicts[-1].unaccepted == pytest.approx(100.05, abs=0.1)
    assert accept(state, better="lower", limits=LIMITS).unaccepted is None


def test_a_level_is_not_accepted_before_7_days() -> None:
    _, state = judged(QUIET)
    for run in range(60):
        verdict, state = judge(state, 120.0, 1e9 + run * 3600, better="lower", limits=LIMITS)
    assert (verdict.state, verdict.accepted) == ("critical", False)


def test_a_level_is_never_accepted_where_nobody_wants_it() -> None:
    limits = JudgeLimits(accept_after_runs=None)
    assert states([*QUIET, *[120.0] * 300], limits=limits)[-1] == "critical"


def test_an_unaccepted_level_is_forgotten_when_it_is_fixed() -> None:
    verdicts, _ = judged([*QUIET, *[120.0] * 40, *QUIET[:10]])
    assert verdicts[-11].unaccepted is not None
    assert verdicts[-1].unaccepted is None


def test_accepting_an_open_alarm_makes_its_level_the_level() -> None:
    _, state = judged([*QUIET, *[120.0] * 5])
    assert state.alarm is not None
    accepted = accept(state, better="lower", limits=LIMITS)
    assert states([120.0, 121.0, 119.5, 120.3], state=accepted) == ["ok"] * 4
    assert states([150.0] * 3, state=accepted)[-1] == "critical"


def test_a_pinned_baseline_is_compared_with_too() -> None:
    verdicts, state = judged([*QUIET, *QUIET[:5]], pinned=85.0)
    assert verdicts[-1].state == "critical"
    assert verdicts[-1].reference == pytest.approx(85.0)
    assert state.alarm is not None
    assert states(QUIET, pinned=100.0).count("critical") == 0


def test_a_pinned_baseline_lapses_with_an_accepted_level() -> None:
    verdicts, _ = judged([*QUIET, *QUIET, *QUIET], pinned=85.0)
    assert sum(verdict.accepted for verdict in verdicts) == 1
    assert verdicts[-1].state == "ok"


def test_a_change_by_no_more_than_the_least_change_is_none() -> None:
    limits = JudgeLimits(least_change=30.0)
    assert set(states([*QUIET, *[128.0] * 8], limits=limits)[-8:]) == {"ok"}
    assert states([*QUIET, *[135.0] * 3], limits=limits)[-1] == "critical"


def test_a_runs_own_noise_counts() -> None:
    _, state = judged(QUIET)
    exact, _ = judge(state, 115.0, 0.0, better="lower", limits=LIMITS, cv_ratio=0.01, samples=100)
    rough, _ = judge(state, 115.0, 0.0, better="lower", limits=LIMITS, cv_ratio=0.5, samples=9)
    assert (exact.state, rough.state) == ("suspect", "ok")
    assert rough.suppressed


def test_something_from_nothing_is_critical_and_has_no_ratio() -> None:
    verdicts, _ = judged([0.0] * 20 + [1.0] * 3)
    assert verdicts[-1].state == "critical"
    assert verdicts[-1].worsening_ratio is None
    limits = JudgeLimits(least_change=5.0)
    assert set(states([0.0] * 20 + [5.0] * 9, limits=limits)[11:]) == {"ok"}


def test_differences_may_be_negative() -> None:
    around = [-2.0, 1.0, 0.0, -1.0, 2.0, 0.0, 1.0, -1.0] * 4
    assert "critical" not in states([*around, 3.0, -3.0, 2.5])
    assert states([*around, 40.0, 41.0, 39.0])[-1] == "critical"
    assert states([-100.0] * 20 + [-80.0] * 3)[-1] == "critical"
    assert states([-100.0] * 20 + [-120.0] * 3)[-1] == "improved"


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="value must be finite, not nan"):
        judge(SeriesState(), math.nan, 0.0, better="lower", limits=LIMITS)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"least_runs": 60, "window_runs": 50}, r"least_runs \(60\) must not exceed window_runs"),
        ({"least_runs": 2}, r"least_runs \(2\) must be at least 6"),
        ({"small_ratio": 0.1}, r"small_ratio \(0.1\) must not exceed tolerance_ratio \(0.07\)"),
        ({"tail_share": 0.0}, r"tail_share \(0\) must be more than 0 and at most 1"),
        ({"noise_factor": -1.0}, r"noise_factor \(-1\) must be 0 or a positive number"),
        ({"accept_after_runs": 3}, r"accept_after_runs \(3\) must be at least 8, or null"),
        ({"outlier_share": 0.1}, "unknown field `outlier_share`"),
    ],
)
def test_wrong_limits_are_refused(limits: dict[str, float], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(limits, JudgeLimits)


def test_the_state_survives_json() -> None:
    state = SeriesState()
    for run, value in enumerate([*QUIET, *[120.0] * 40, *[150.0] * 5]):
        _, state = judge(state, value, run * SIX_HOURS, better="lower", limits=LIMITS)
        assert msgspec.json.decode(msgspec.json.encode(state), type=SeriesState) == state


def test_replaying_runs_gives_the_state_that_judging_them_gave() -> None:
    values = [*QUIET, *[120.0] * 12, *QUIET[:5], *[80.0] * 12]
    _, state = judged(values)
    runs = [(value, run * SIX_HOURS) for run, value in enumerate(values)]
    assert replay(runs, better="lower", limits=LIMITS) == state


def test_a_replay_may_leave_no_alarm_open() -> None:
    runs = [(value, 0.0) for value in (*QUIET, *[120.0] * 5)]
    assert replay(runs, better="lower", limits=LIMITS).alarm is not None
    settled = replay(runs, better="lower", limits=LIMITS, keep_alarm=False)
    assert states([120.0, 121.0, 120.4], state=settled) == ["ok"] * 3


def test_the_state_does_not_grow() -> None:
    _, state = judged([*QUIET * 5, *[120.0] * 300], limits=JudgeLimits(accept_after_runs=None))
    assert state.alarm is not None
    assert max(len(state.values), len(state.alarm.values)) <= LIMITS.window_runs + 8


def test_a_verdict_has_the_median_of_the_last_runs_whatever_is_compared_with() -> None:
    verdicts, _ = judged([*QUIET, 100.0], pinned=90.0)
    assert verdicts[-1].reference == 90.0
    assert verdicts[-1].rolling == pytest.approx(100.0, rel=0.005)


def test_equal_runs_are_exactly_equal() -> None:
    verdicts, _ = judged([0.001] * 20)
    assert (verdicts[-1].reference, verdicts[-1].worsening_ratio) == (0.001, 0.0)


def test_a_run_of_another_line_is_not_confirmed_by_the_newest_runs_of_the_series() -> None:
    _, state = judged([*QUIET[:24], 160.0])
    own, _ = judge(state, 160.0, 1e9, better="lower", limits=LIMITS)
    other = of_another_line(state, LIMITS)
    first, after = judge(other, 160.0, 1e9, better="lower", limits=LIMITS)
    second, _ = judge(after, 160.0, 1e9 + 1, better="lower", limits=LIMITS)
    assert [own.state, first.state, second.state] == ["critical", "suspect", "critical"]


def test_a_run_of_another_line_does_not_end_an_open_alarm_or_join_it() -> None:
    _, state = judged([*QUIET[:24], 160.0, 160.0, 160.0])
    assert state.alarm is not None
    verdict, _ = judge(of_another_line(state, LIMITS), 100.0, 1e9, better="lower", limits=LIMITS)
    assert (verdict.state, verdict.alarm_runs) == ("ok", 0)
