"""When a benchmark that becomes slower by little each run is first critical."""

from collections.abc import Sequence

import numpy as np

from benchmark_exporter.regression import Limits
from benchmarks.online import CRITICAL, Judge
from benchmarks.simulation import WARM_UP, make_values

# Shares by which a series becomes slower each run, up to this share in all.
DRIFTS, DRIFT_TO = (0.001, 0.0025, 0.005, 0.01), 0.5


def slow_drift(limits: Limits, seed: int, series: int) -> str:
    """Series that become slower by little each run: how much slower they are when first critical.

    With and without a pinned baseline, which is the last run before.
    """
    lines = [
        "| slower each run by | cv | against the last runs | with a pinned baseline |",
        "|--:|--:|---|---|",
    ]
    for per_run in DRIFTS:
        for cv_ratio in (0.02, 0.05):
            runs = round(DRIFT_TO / per_run)
            values = make_values("log-normal", cv_ratio, seed, series, runs)[:, : WARM_UP + runs]
            drift = 1 + per_run * np.maximum(0, np.arange(WARM_UP + runs) - WARM_UP + 1)
            row = [f"{per_run:.2%} | {cv_ratio:.0%}"]
            for pins in (False, True):
                at = [
                    _first_critical(line, limits, pins=pins) for line in (values * drift).tolist()
                ]
                slower = sorted(per_run * (run - WARM_UP + 1) for run in at if run is not None)
                row.append(
                    f"{len(slower) / series:.0%} found, "
                    f"half of them by +{slower[len(slower) // 2]:.0%}"
                    if slower
                    else "never found"
                )
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _first_critical(values: Sequence[float], limits: Limits, *, pins: bool) -> int | None:
    """The first run after the warm-up that is critical."""
    rule = Judge(limits)
    state = rule.start()
    for value in values[:WARM_UP]:
        _, state = rule.step(state, value)
    rule = Judge(limits, pinned=values[WARM_UP - 1] if pins else None)
    for run, value in enumerate(values[WARM_UP:], start=WARM_UP):
        level, state = rule.step(state, value)
        if level >= CRITICAL:
            return run
    return None
