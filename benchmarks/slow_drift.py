"""When a benchmark that becomes slower gradually is first reported, and by what."""

from collections.abc import Sequence

import numpy as np

from benchmark_exporter.regression import Limits
from benchmarks.drifts import watch
from benchmarks.online import CRITICAL, Judge
from benchmarks.simulation import WARM_UP, make_values

# Shares by which a series becomes slower each run, up to this share in all.
DRIFTS, DRIFT_TO = (0.001, 0.0025, 0.005, 0.01), 0.5
DRIFT_CVS = (0.01, 0.02, 0.05)
# Runs before it, 35 days: then all comparisons can be made.
BEFORE = 140
# A drift is to be reported before the series is slower by this.
IN_TIME = 0.15


def slow_drift(limits: Limits, seed: int, series: int) -> str:
    """Series that become slower gradually: how much slower they are when first reported.

    As a drift; as a drift or at least as a warning; and as critical, with and without a pinned
    baseline, which is the last run before.
    """
    lines = [
        "| slower each run by | cv | drift | drift or regression | critical | critical, pinned |",
        "|--:|--:|---|---|---|---|",
    ]
    for per_run in DRIFTS:
        for cv_ratio in DRIFT_CVS:
            runs = round(DRIFT_TO / per_run)
            count = BEFORE + runs
            values = make_values("log-normal", cv_ratio, seed, series, count - WARM_UP)[:, :count]
            drift = 1 + per_run * np.maximum(0, np.arange(count) - BEFORE + 1)
            drifting = (values * drift).tolist()
            first = [_first_reports(line, limits) for line in drifting]
            found = [
                [drift_at for drift_at, _ in first],
                [min(both, key=_late) for both in first],
                *(
                    [_first_critical(line, limits, pins=pins) for line in drifting]
                    for pins in (False, True)
                ),
            ]
            row = [f"{per_run:.2%} | {cv_ratio:.0%}"]
            row += [_described([_slower(at, per_run) for at in each]) for each in found]
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _described(slower: Sequence[float | None]) -> str:
    """How many were found, how many in time, and by when half of those that were found."""
    found = sorted(each for each in slower if each is not None)
    if not found:
        return "never found"
    in_time = sum(each <= IN_TIME for each in found)
    return (
        f"{in_time / len(slower):.0%} by +{IN_TIME:.0%}, {len(found) / len(slower):.0%} by "
        f"+{DRIFT_TO:.0%}, half of these by +{found[len(found) // 2]:.1%}"
    )


def _slower(run: int | None, per_run: float) -> float | None:
    return None if run is None else per_run * (run - BEFORE + 1)


def _late(run: int | None) -> float:
    return float("inf") if run is None else run


def _first_reports(values: Sequence[float], limits: Limits) -> tuple[int | None, int | None]:
    """The first run of the drift that drifts, and the first that the judge reports."""
    drift = reported = None
    for number, seen in enumerate(watch(values, limits, first=BEFORE)):
        if number < BEFORE:
            continue
        if drift is None and seen.drifting:
            drift = number
        if reported is None and seen.is_reported:
            reported = number
        if drift is not None and reported is not None:
            break
    return drift, reported


def _first_critical(values: Sequence[float], limits: Limits, *, pins: bool) -> int | None:
    """The first run of the drift that is critical."""
    rule = Judge(limits)
    state = rule.start()
    for value in values[:BEFORE]:
        _, state = rule.step(state, value)
    rule = Judge(limits, pinned=values[BEFORE - 1] if pins else None)
    for run, value in enumerate(values[BEFORE:], start=BEFORE):
        level, state = rule.step(state, value)
        if level >= CRITICAL:
            return run
    return None
