"""What the results of a run mean together: the machine, shared code, or too little to say."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pytest
from msgspec.structs import replace

from benchmark_exporter.judge import SeriesState, judge
from benchmark_exporter.model import REGRESSED, Better
from benchmark_exporter.regression import Limits
from benchmark_exporter.shifts import Extent, RunResult, RunShift, extent, find_run_shift

LIMITS = Limits()
QUIET_RUNS = 70
SIX_HOURS = 6 * 3600.0
FIFTY = tuple(f"{number:02}" for number in range(50))


def same(state: SeriesState) -> SeriesState:
    return state


class Suite:
    """Judges runs of results whose values vary by a cv, and keeps their states."""

    def __init__(
        self,
        names: Sequence[str] = FIFTY,
        *,
        cv: float = 0.02,
        units: Mapping[str, str] | None = None,
        constant: Sequence[str] = (),
    ) -> None:
        self.random = np.random.default_rng(14)
        self.names, self.cv, self.units, self.constant = names, cv, units or {}, constant
        self.states = dict.fromkeys(names, SeriesState())
        self.runs = 0
        for _ in range(QUIET_RUNS):
            self.step({})

    def step(
        self, factors: Mapping[str, float], *, pinned: float | None = None
    ) -> tuple[list[RunResult], RunShift | None]:
        """Judges a run in which some results are slower by a factor."""
        judged = []
        for name in self.names:
            noise = 1.0 if name in self.constant else float(self.random.lognormal(0.0, self.cv))
            unit = self.units.get(name, "seconds")
            better: Better = "higher" if unit == "per_second" else "lower"
            slower = noise * factors.get(name, 1.0)
            verdict, after = judge(
                self.states[name],
                1 / slower if better == "higher" else slower,
                self.runs * SIX_HOURS,
                better=better,
                limits=LIMITS,
                pinned=pinned,
            )
            self.states[name] = after
            judged.append(RunResult(name, unit, better, verdict, partial(same, after)))
        self.runs += 1
        return judged, find_run_shift(judged, LIMITS)


def slower(names: Sequence[str], factor: float) -> dict[str, float]:
    return dict.fromkeys(names, factor)


def regressed(judged: Sequence[RunResult]) -> set[str]:
    return {each.name for each in judged if each.verdict.state in REGRESSED}


def test_results_that_all_became_slower_alike_are_a_shift_that_mutes_them() -> None:
    suite = Suite()
    shifts = [suite.step(slower(FIFTY, 1.08)) for _ in range(6)]
    assert not shifts[0][1].active  # type: ignore[union-attr]  # one run says nothing
    for judged, shift in shifts[2:]:
        assert shift is not None
        assert shift.active
        assert shift.ratio == pytest.approx(0.08, abs=0.01)
        assert len(shift.moved) >= 48
        assert shift.judged == 50
        assert shift.muted == regressed(judged)
    assert len(regressed(shifts[2][0])) > 10


def test_a_quiet_suite_has_no_shift() -> None:
    suite = Suite(cv=0.05)
    found = [suite.step({})[1] for _ in range(40)]
    assert not any(shift is None or shift.active or shift.muted for shift in found)


@pytest.mark.parametrize("count", [10, 25, 40])
def test_shared_code_that_moves_some_results_is_no_shift(count: int) -> None:
    suite = Suite()
    seen: set[str] = set()
    for _ in range(8):
        judged, shift = suite.step(slower(FIFTY[:count], 1.15))
        assert shift is not None
        assert not shift.active
        seen |= regressed(judged) - shift.muted
    assert seen >= set(FIFTY[:count])


def test_a_regression_within_a_shift_is_not_muted() -> None:
    suite = Suite()
    factors = slower(FIFTY, 1.08) | {"07": 1.08 * 1.30}
    for _ in range(4):
        judged, shift = suite.step(factors)
    assert shift is not None
    assert shift.active
    assert "07" in regressed(judged) - shift.muted
    assert shift.muted == regressed(judged) - {"07"}
    assert not shift.explains("07", judged[7].verdict)


def test_results_whose_verdict_needs_six_runs_are_muted_also_when_the_machine_is_back() -> None:
    suite = Suite(cv=0.01)
    for _ in range(5):
        suite.step(slower(FIFTY, 1.06))  # below the tolerance of three runs
    judged, shift = suite.step({})
    assert shift is not None
    assert not shift.active
    assert len(regressed(judged)) > 10
    assert shift.muted == regressed(judged)
    assert not shift.moved


def test_a_shift_ends_with_the_first_run_at_the_old_level() -> None:
    suite = Suite()
    for _ in range(4):
        _, shift = suite.step(slower(FIFTY, 1.3))
    assert shift is not None
    assert shift.active
    judged, shift = suite.step({})
    assert shift == RunShift(muted=frozenset(regressed(judged)))


def test_rates_show_a_shift_and_sizes_do_not() -> None:
    names = FIFTY[:20]
    units = dict.fromkeys(names[:6], "per_second") | dict.fromkeys(names[10:], "bytes")
    suite = Suite(names, units=units)
    for _ in range(3):
        _, shift = suite.step(slower(names[:10], 1.2))
    assert shift is not None
    assert shift.active
    assert (shift.moved, shift.judged) == (frozenset(names[:10]), 10)


def test_counts_that_never_vary_do_not_hide_a_shift() -> None:
    names = FIFTY[:20]
    suite = Suite(names, units=dict.fromkeys(names[10:], "allocs/op"), constant=names[10:])
    for _ in range(3):
        _, shift = suite.step(slower(names[:10], 1.2))
    assert shift is not None
    assert shift.moved == frozenset(names[:10])


def test_a_faster_machine_is_a_shift_that_mutes_nothing() -> None:
    suite = Suite()
    for _ in range(3):
        judged, shift = suite.step(slower(FIFTY, 0.8) | {"03": 1.3})
    assert shift is not None
    assert shift.active
    assert shift.ratio == pytest.approx(-0.2, abs=0.01)
    assert not shift.muted
    assert regressed(judged) == {"03"}


def test_a_pinned_baseline_of_another_machine_is_no_shift() -> None:
    suite = Suite()
    for _ in range(4):
        judged, shift = suite.step({}, pinned=0.8)
    assert len(regressed(judged)) == 50
    assert shift == RunShift()


def test_three_results_are_too_few_to_say() -> None:
    suite = Suite(FIFTY[:3])
    for _ in range(3):
        judged, shift = suite.step(slower(FIFTY[:3], 1.3))
        assert shift is None
    assert len(regressed(judged)) == 3


def test_the_order_of_the_results_does_not_matter() -> None:
    suite = Suite()
    for _ in range(3):
        judged, shift = suite.step(slower(FIFTY, 1.08) | {"07": 1.5})
    assert find_run_shift(judged[::-1], LIMITS) == shift


def test_a_result_whose_state_is_not_known_takes_no_part() -> None:
    suite = Suite()
    for _ in range(3):
        judged, _ = suite.step(slower(FIFTY, 1.2))
    unknown: Callable[[], None] = lambda: None  # noqa: E731
    judged[0] = replace(judged[0], after=unknown)
    shift = find_run_shift(judged, LIMITS)
    assert shift is not None
    assert shift.active
    assert "00" not in shift.moved | shift.muted


@pytest.mark.parametrize(
    ("count", "judged", "found"),
    [
        (25, 50, Extent("some", 25, 50, 0.15)),
        (4, 50, Extent("some", 4, 50, 0.15)),
        (3, 50, None),
        (1, 1, None),
        (2, 2, Extent("all", 2, 2, 0.15)),
        (3, 3, Extent("all", 3, 3, 0.15)),
        (2, 3, None),
        (45, 50, Extent("all", 45, 50, 0.15)),
        (0, 0, None),
    ],
)
def test_how_far_regressions_with_one_cause_reach(
    count: int, judged: int, found: Extent | None
) -> None:
    assert extent([0.15] * count, judged, LIMITS) == found
