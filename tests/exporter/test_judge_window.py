"""What a window keeps from one run to the next changes no verdict and no state, to the last bit."""

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_exporter.judge import Better, JudgeLimits, SeriesState, Window, judge
from benchmark_exporter.judge.reference import Ordered, in_order
from benchmark_exporter.judge.state import GAP, SHORT
from tests.exporter.judged_runs import SIX_HOURS

encoded = msgspec.msgpack.encode  # tells 0 from -0, as == does not

LIMITS = [
    JudgeLimits(),
    JudgeLimits(window_runs=13, accept_after_runs=9, accept_after_days=1),
    JudgeLimits(window_runs=20, least_runs=20, least_change=2.0),
]


def runs_of(drawn: random.Random) -> list[float]:
    """Runs with noise, equal values, steps, and now and then a value without a logarithm."""
    level, noise = drawn.choice((100.0, 1.0, 1e-6)), drawn.choice((0.0, 0.03))
    digits, odd = drawn.choice((2, 12)), drawn.choice((0.0, 0.0, 0.03))
    runs = []
    for _ in range(drawn.randrange(40, 180)):
        level *= drawn.choice((0.8, 1.2, 1.6)) if drawn.random() < 0.03 else 1.0
        value = float(f"{level * math.exp(drawn.gauss(0, noise)):.{digits}g}")
        runs.append(drawn.choice((0.0, -0.0, -value)) if drawn.random() < odd else value)
    return runs


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.sampled_from(LIMITS),
    st.sampled_from(["lower", "higher"]),
    st.none() | st.sampled_from([95.0, -1.0]),
)
def test_a_window_changes_nothing(
    seed: int, limits: JudgeLimits, better: Better, pinned: float | None
) -> None:
    drawn, window = random.Random(seed), Window()  # noqa: S311 - simulation
    state, earlier = SeriesState(), SeriesState()
    for run, value in enumerate(runs_of(drawn)):
        if drawn.random() < 0.05:  # another run follows on an earlier state, as a late one does
            state, earlier = earlier, state
        before = pinned if drawn.random() < 0.9 else None
        expected, after = judge(
            *(state, value, run * SIX_HOURS), better=better, limits=limits, pinned=before
        )
        verdict, same = judge(
            *(state, value, run * SIX_HOURS),
            better=better,
            limits=limits,
            pinned=before,
            window=window,
        )
        assert encoded((verdict, same)) == encoded((expected, after))
        earlier = state if drawn.random() < 0.1 else earlier
        state = same


def test_a_run_that_follows_on_the_one_before_is_not_put_in_order_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sorted_runs: list[int] = []

    def counted(runs: list[float]) -> Ordered:
        sorted_runs.append(len(runs))
        return in_order(runs)

    monkeypatch.setattr("benchmark_exporter.judge.window.in_order", counted)
    drawn, window, state = random.Random(5), Window(), SeriesState()  # noqa: S311 - simulation
    for run in range(120):
        value = 100 * math.exp(drawn.gauss(0, 0.01))
        _, state = judge(
            *(state, value, run * SIX_HOURS), better="lower", limits=LIMITS[0], window=window
        )
    assert len(sorted_runs) == GAP - SHORT + 1  # once for each gap of a young series
