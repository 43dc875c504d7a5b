"""The level of a series after an environment shift that has lasted."""

from msgspec.structs import replace

from benchmark_exporter.judge.reference import make_scale, median
from benchmark_exporter.judge.rule import accept
from benchmark_exporter.judge.state import Better, JudgeLimits, SeriesState


def accept_shift(
    state: SeriesState,
    runs: int,
    *,
    better: Better,
    limits: JudgeLimits,
    pinned: float | None = None,
) -> SeriesState:
    """The state with the level of the newest runs, which all moved with a shift, as the level.

    So that somebody can reject it, a worse level is kept as one that nobody has accepted, and is
    not compared with the pinned baseline. The noise of the runs before is kept, which are moved.
    """
    if state.alarm is not None:
        before: float | None = state.alarm.reference
        after = accept(state, better=better, limits=limits)
    else:
        earlier, newest = state.values[:-runs], state.values[-runs:]
        if len(earlier) < limits.least_runs:
            return state
        scale = make_scale(state, newest[-1], better, pinned)
        bad = scale.all_bad(earlier)
        level = median(sorted(bad[-limits.window_runs :]))
        distance = median(sorted(scale.all_bad(newest))) - level
        before = scale.value(level) if distance > 0 else None
        moved = tuple(scale.value(each + distance) for each in bad)
        after = replace(state, values=(*moved, *newest))
    if before is None:
        return after
    unaccepted = before if state.unaccepted is None else state.unaccepted
    lapsed = state.lapsed_pinned if pinned is None else pinned
    return replace(after, unaccepted=unaccepted, lapsed_pinned=lapsed)
