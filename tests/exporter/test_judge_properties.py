"""What holds of the judge whatever the runs are, and what it promises on noise."""

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_exporter.judge import Better, SeriesState, judge
from tests.exporter.judged_runs import LIMITS, SIX_HOURS, judged, states


def noisy(seed: int) -> list[float]:
    """Runs with noise and with steps up and down; no two values are the same."""
    drawn = random.Random(seed)  # noqa: S311 - simulation
    level, runs = 100.0, []
    for _ in range(90):
        level *= drawn.choice((0.8, 1.2, 1.6)) if drawn.random() < 0.05 else 1.0
        runs.append(level * math.exp(drawn.gauss(0, 0.03)))
    return runs


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(-20, 20))
def test_the_unit_does_not_matter(seed: int, exponent: int) -> None:
    runs = noisy(seed)
    one, _ = judged(runs)
    other, _ = judged([value * 2.0**exponent for value in runs])
    assert [verdict.state for verdict in other] == [verdict.state for verdict in one]
    judged_by_now = [verdict.detectable_ratio for verdict in one[10:]]
    assert [verdict.detectable_ratio for verdict in other[10:]] == pytest.approx(judged_by_now)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(-20, 20))
def test_a_rate_is_judged_as_the_time_that_it_is_the_inverse_of(seed: int, exponent: int) -> None:
    runs = noisy(seed)
    scale = 2.0**exponent
    assert states([scale / each for each in runs], better="higher") == states(runs)


@settings(max_examples=40)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 100))
def test_a_constant_series_is_never_bad(value: float, runs: int) -> None:
    assert set(states([value] * runs)) <= {"insufficient_data", "ok"}


@settings(max_examples=40)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=90),
    st.sampled_from(["lower", "higher"]),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_numbers_are_judged(runs: list[float], better: Better, pinned: float | None) -> None:
    verdicts, state = judged(runs, better=better, pinned=pinned)
    numbers = [number for v in verdicts for number in msgspec.structs.astuple(v)[1:7]]
    assert all(number is None or math.isfinite(number) for number in numbers)
    assert msgspec.json.decode(msgspec.json.encode(state), type=SeriesState) == state


@settings(max_examples=40)
@given(st.lists(st.floats(98, 102), min_size=30, max_size=90), st.floats(0, 1e9))
def test_one_bad_run_is_never_sent(runs: list[float], worse: float) -> None:
    assert states([*runs, 100 + worse])[-1] in ("ok", "suspect")


def test_the_promise_on_simulated_noise() -> None:
    drawn = random.Random(2026)  # noqa: S311 - simulation
    onsets = runs = found = forks = 0
    for _ in range(12):
        line = [100 * math.exp(drawn.gauss(0, 0.03)) for _ in range(260)]
        state, before = judged(line[:60])[1], "ok"
        for run in range(60, 257):
            if run % 20 == 0 and state.alarm is None:
                forks += 1
                stepped = [value * 1.2 for value in line[run : run + 3]]
                found += "critical" in states(stepped, state=state, start=run)
            verdict, state = judge(state, line[run], run * SIX_HOURS, better="lower", limits=LIMITS)
            onsets += verdict.state == "critical" and before != "critical"
            runs, before = runs + 1, verdict.state
    assert onsets <= 0.003 * runs
    assert found >= 0.95 * forks
