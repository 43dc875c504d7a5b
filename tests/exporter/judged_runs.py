"""Judging runs in a row, for tests."""

from collections.abc import Sequence

from benchmark_exporter.judge import Better, JudgeLimits, SeriesState, Verdict, VerdictState, judge

LIMITS = JudgeLimits()
SIX_HOURS = 6 * 3600.0
QUIET = [100 + each for each in (0.3, -0.4, 0.1, 0.6, -0.2, -0.6, 0.4, 0.0, 0.2, -0.3) * 3]


def judged(
    values: Sequence[float],
    state: SeriesState | None = None,
    *,
    better: Better = "lower",
    limits: JudgeLimits = LIMITS,
    pinned: float | None = None,
    start: int = 0,
) -> tuple[list[Verdict], SeriesState]:
    """The verdicts on runs that are 6 hours apart, and the state after them."""
    state, verdicts = SeriesState() if state is None else state, []
    for run, value in enumerate(values, start=start):
        verdict, state = judge(
            state, value, run * SIX_HOURS, better=better, limits=limits, pinned=pinned
        )
        verdicts.append(verdict)
    return verdicts, state


def states(
    values: Sequence[float],
    state: SeriesState | None = None,
    *,
    better: Better = "lower",
    limits: JudgeLimits = LIMITS,
    pinned: float | None = None,
    start: int = 0,
) -> list[VerdictState]:
    """The states of those verdicts."""
    verdicts, _ = judged(values, state, better=better, limits=limits, pinned=pinned, start=start)
    return [verdict.state for verdict in verdicts]
