"""Whether a run of a benchmark is a regression, judged by the earlier runs of its series.

Pure: `judge` takes a state and a value, and returns a verdict and the next state. Nothing is kept
elsewhere, and a state is never changed in place.
"""

from collections.abc import Iterable, Sequence
from math import hypot, isfinite

from msgspec.structs import replace

from benchmark_exporter.judge.description import described
from benchmark_exporter.judge.detectability import added_spread, detectability
from benchmark_exporter.judge.reference import (
    Reference,
    Scale,
    better_two,
    in_order,
    make_reference,
    make_scale,
    median,
    standard_error,
)
from benchmark_exporter.judge.state import (
    GAP,
    HOLDS,
    LONG,
    OF,
    SHORT,
    VERSION,
    Alarm,
    Better,
    JudgeLimits,
    SeriesState,
    Verdict,
    VerdictState,
)
from benchmark_exporter.judge.window import Window

_AGREEMENT = 0.5  # Each run that counts is at least this share of the change from the reference.
_CONFIRMED = 1.25  # Six runs this far beyond the limit are critical; less is a warning.
_DAY_SECONDS = 86400.0


def judge(
    state: SeriesState,
    value: float,
    at_seconds: float,
    *,
    better: Better,
    limits: JudgeLimits,
    pinned: float | None = None,
    cv_ratio: float | None = None,
    samples: int | None = None,
    window: Window | None = None,
) -> tuple[Verdict, SeriesState]:
    """The verdict on the next run of a series, and the state that the run after it needs.

    `at_seconds` says when it ran, on any clock that the runs of the series share; `pinned` is the
    pinned baseline's value. `cv_ratio` and `samples` are those of the run's own samples: they say
    how exact its value is. A `window` that judged the run before makes this one faster; it changes
    no verdict. Raises ValueError for a value that is not finite.
    """
    if not isfinite(value):
        raise ValueError(f"value must be finite, not {value}")
    if pinned == state.lapsed_pinned:
        pinned = None
    window = Window() if window is None else window
    scale = window.scale(state, value, better, pinned)
    cv_ratios = added_spread(state.cv_ratios, cv_ratio, samples)
    if state.alarm is not None:
        within = replace(state, cv_ratios=cv_ratios)
        return _within_alarm(within, state.alarm, value, at_seconds, scale, limits, pinned, samples)
    values = (*state.values, value)[-limits.window_runs - GAP :]
    before, unaccepted = state.values, state.unaccepted
    state = SeriesState(state.version, values, None, unaccepted, state.lapsed_pinned, cv_ratios)
    gap = min(GAP, len(values) - limits.least_runs)
    if gap < SHORT:
        worsening = None if pinned is None else scale.worsening(value, pinned)
        few = Verdict("insufficient_data", value, pinned, worsening_ratio=worsening)
        return replace(few, run_count=len(values) - 1, unaccepted=unaccepted), state
    bad, ordered = window.follow(before, values, scale, gap)
    known = make_reference(ordered, scale, limits, standard_error(cv_ratio, samples))
    long = long_change(bad, known)
    level, limit, runs = _strictest(bad, known, long, scale, limits, pinned)
    seen = detectability(known, scale, cv_ratios, samples)
    if runs:
        alarm = Alarm(
            scale.value(level), scale.value(limit), at_seconds, 1, at_seconds, runs, values[-runs:]
        )
        opened = replace(state, values=values[:-runs], alarm=alarm)
        verdict = described("critical", value, scale, known, level, limit, seen, unaccepted)
        return replace(verdict, alarm_runs=1), opened
    now = state_of(bad, known, long)
    if unaccepted is not None and _is_fixed(bad, known, scale.bad(unaccepted)):
        state, unaccepted = replace(state, unaccepted=None, lapsed_pinned=None), None
    followed = _following(values, bad, known, scale, told=now == "warning")
    if followed is not values:
        state = replace(state, values=followed)
    suppressed = now == "ok" and bad[-1] - level > known.tolerance
    verdict = described(now, value, scale, known, level, limit, seen, unaccepted, suppressed)
    return verdict, state


def _is_fixed(bad: Sequence[float], known: Reference, before: float) -> bool:
    """Whether the newest runs are back at the level before one that nobody has accepted."""
    return median(sorted(bad[-SHORT:])) - before < known.tolerance / 2


def accept(state: SeriesState, *, better: Better, limits: JudgeLimits) -> SeriesState:
    """The state with the level of an open alarm, or an unaccepted one, taken as the level."""
    if state.alarm is not None:
        scale = make_scale(state, state.alarm.values[-1], better, None)
        values = _at_level_of(state.alarm, state.values, scale, limits)
        state = replace(state, values=values, alarm=None)
    return replace(state, unaccepted=None, lapsed_pinned=None)


def of_another_line(state: SeriesState, limits: JudgeLimits) -> SeriesState:
    """The state for a run that does not go on with the series but is only compared with it.

    Such a run stands alone: neither an open alarm nor the newest runs of the series confirm it, so
    these are taken to be at the level of those before them.
    """
    values = state.values
    newest = max(min(GAP, len(values) + 1 - limits.least_runs) - 1, 0)
    known = values[: len(values) - newest]
    if newest and known:
        values = (*known, *[median(sorted(known))] * newest)
    return replace(state, values=values, alarm=None)


def replay(
    runs: Iterable[tuple[float, float]],
    *,
    better: Better,
    limits: JudgeLimits,
    pinned: float | None = None,
    keep_alarm: bool = True,
) -> SeriesState:
    """The state after runs, oldest first, each a value and when it ran, in seconds.

    For a series that was judged by another rule before. Without `keep_alarm`, an alarm that is open
    in the end is accepted: what the other rule has let pass is not reported at the change.
    """
    state, window = SeriesState(), Window()
    for value, at_seconds in runs:
        _, state = judge(
            *(state, value, at_seconds), better=better, limits=limits, pinned=pinned, window=window
        )
    return state if keep_alarm else accept(state, better=better, limits=limits)


def _within_alarm(
    state: SeriesState,
    alarm: Alarm,
    value: float,
    at_seconds: float,
    scale: Scale,
    limits: JudgeLimits,
    pinned: float | None,
    samples: int | None,
) -> tuple[Verdict, SeriesState]:
    """A run while an alarm is open: it ends, goes on, becomes worse, or its level is accepted."""
    kept = limits.window_runs + GAP
    values = (*alarm.values, value)[-kept:]
    level_runs = alarm.level_runs + 1
    alarm = replace(alarm, runs=alarm.runs + 1, level_runs=level_runs, values=values)
    bad = scale.all_bad(values[-SHORT - OF :])
    level, limit = scale.bad(alarm.reference), scale.bad(alarm.limit)
    runs = in_order(scale.all_bad(state.values[-limits.window_runs :]))
    known = make_reference(runs, scale, limits, 0.0)
    seen = detectability(known, scale, state.cv_ratios, samples)
    verdict = described("ok", value, scale, known, level, limit, seen, state.unaccepted)
    now, half = median(sorted(bad[-SHORT:])), (limit - level) / 2
    # A young alarm ends with its first good run: most likely it was a disturbance.
    young = alarm.runs <= HOLDS
    if now - level < half or (young and bad[-1] - level < half):
        back = (*state.values, *(values if young else values[-2:]))[-kept:]
        return verdict, replace(state, values=back, alarm=None)
    verdict = replace(verdict, state="critical", alarm_runs=alarm.runs)
    if level_runs >= HOLDS:
        before = median(sorted(bad[:-SHORT]))
        more = now - before
        if more > limit - level and min(bad[-SHORT:]) - before > _AGREEMENT * more:
            newest = values[-SHORT:]
            alarm = replace(alarm, level_seconds=at_seconds, level_runs=SHORT, values=newest)
            return replace(verdict, further=True), replace(state, alarm=alarm)
    lasted_seconds, after = at_seconds - alarm.level_seconds, limits.accept_after_runs
    if (
        after is None
        or level_runs < after
        or lasted_seconds < limits.accept_after_days * _DAY_SECONDS
    ):
        return verdict, replace(state, alarm=alarm)
    unaccepted = alarm.reference if state.unaccepted is None else state.unaccepted
    values = _at_level_of(alarm, state.values, scale, limits)
    lapsed = state.lapsed_pinned if pinned is None else pinned
    after_all = SeriesState(VERSION, values, None, unaccepted, lapsed, state.cv_ratios)
    return replace(verdict, state="ok", accepted=True, unaccepted=unaccepted), after_all


def _strictest(
    bad: Sequence[float],
    known: Reference,
    long: float,
    scale: Scale,
    limits: JudgeLimits,
    pinned: float | None,
) -> tuple[float, float, int]:
    """The level and the limit that judge, and how many runs are critical by them; 0: none are."""
    level, limit, runs = known.level, known.level + known.three, bad_runs(bad, known, long)
    if pinned is None:
        return level, limit, runs
    base, third = scale.bad(pinned), bad[-SHORT:]
    # The pinned value is that of one run, and has its noise.
    tolerance = scale.distance(limits.tolerance_ratio, base, limits.least_change)
    margin = max(tolerance, hypot(*known.noise))
    worse = better_two(*third) - known.bias - base
    beyond = worse > margin and min(third) - base > _AGREEMENT * worse
    if base + margin < limit or (beyond and not runs):
        level, limit = base, base + margin
    return level, limit, runs or (SHORT if beyond else 0)


def bad_runs(bad: Sequence[float], known: Reference, long: float) -> int:
    """How many of the newest runs are a regression by the reference: 3, 2 or 6; 0: none are.

    `long` is what `long_change` returns.
    """
    level, third = known.level, bad[-SHORT:]
    worse = better_two(*third) - known.bias - level
    if (
        worse > known.three
        and min(third) > max(level + _AGREEMENT * worse, known.tail)
        and not known.has_been_at(median(sorted(third)))
    ):
        return SHORT
    least = min(bad[-2:])
    if least > known.runs[-1] and least - level > max(known.large, known.noise[0]):
        return 2
    return LONG if long > max(known.tolerance, _CONFIRMED * known.six) else 0


def long_change(bad: Sequence[float], known: Reference) -> float:
    """By how much the newest six runs are worse; 0 where they are not, or two or more disagree."""
    ordered = sorted(bad[-LONG:])
    worse = median(ordered) - known.level
    if worse <= 0 or ordered[1] <= known.level + _AGREEMENT * worse:
        return 0.0
    new = ordered[1] > known.tail or not known.has_been_at(known.level + worse)
    return worse if new else 0.0


def state_of(bad: Sequence[float], known: Reference, long: float) -> VerdictState:
    """That of the newest run, if it is not critical; `long` is what `long_change` returns."""
    if long > known.six:
        return "warning"
    worse = bad[-1] - known.level
    if bad[-1] > known.tail and worse > max(known.tolerance, known.noise[0]):
        return "suspect"
    return "improved" if known.level - median(sorted(bad[-SHORT:])) > known.three else "ok"


def _following(
    values: tuple[float, ...], bad: list[float], known: Reference, scale: Scale, *, told: bool
) -> tuple[float, ...]:
    """The values, moved to a level that lasts: an improvement, or a small step that was reported.

    The noise goes with the level, so the older runs are moved and not dropped.
    """
    if not told and known.level - median(sorted(bad[-SHORT:])) <= known.three:
        return values
    side, limit = (1.0, known.small) if told else (-1.0, known.three)
    newest = sorted((side * each for each in bad[-OF:]), reverse=True)[:HOLDS]
    level, least = side * known.level, newest[-1]
    shift = median(newest) - level
    if not told and known.has_been_at(side * (level + shift)):
        return values
    if shift <= limit or least - level <= _AGREEMENT * shift:
        return values
    moved = [scale.value(each + side * shift) for each in bad[:-OF]]
    pairs = zip(values[-OF:], bad[-OF:], strict=True)
    return (*moved, *(value for value, each in pairs if side * each >= least))


def _at_level_of(
    alarm: Alarm, values: tuple[float, ...], scale: Scale, limits: JudgeLimits
) -> tuple[float, ...]:
    """The values before an alarm, moved to its level, and the newest that it has."""
    before = scale.all_bad(values)
    level = median(sorted(scale.all_bad(alarm.values[-2 * HOLDS :])))
    shift = level - median(sorted(before[-limits.window_runs :]))
    moved = [scale.value(each + shift) for each in before]
    return (*moved, *alarm.values)[-limits.window_runs - GAP :]
