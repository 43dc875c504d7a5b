"""Drifts that are reported on real histories of public projects."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from benchmark_exporter.regression import Limits
from benchmarks.drifts import Seen, onsets, watch
from benchmarks.histories import Series, Stretch, quiet_stretches

# Of a quiet stretch these do not count, as in `real_series`.
FIRST, LAST, QUIET_CV = 20, 8, 0.05
# A step is reported if one of so many runs is; a drift may follow from it for so many.
REPORTED_WITHIN, FOLLOWS_WITHIN = 10, 140


def measure_drifts(series: Sequence[Series], limits: Limits) -> dict[str, Any]:
    """Onsets per 1,000 quiet runs, and what drifts add to the certain steps that hindsight sees."""
    return {**_quiet(quiet_stretches(series), limits), **_steps(series, limits)}


def _quiet(stretches: Sequence[Stretch], limits: Limits) -> dict[str, Any]:
    runs = began = quiet_runs = quiet_began = 0
    sources: dict[str, int] = {}
    for stretch in stretches:
        last = len(stretch.values) - LAST
        found = [at for at in onsets(list(watch(stretch.values, limits))) if FIRST <= at < last]
        count = max(last - FIRST, 0)
        runs, began = runs + count, began + len(found)
        sources[stretch.source] = sources.get(stretch.source, 0) + len(found)
        if stretch.cv_ratio < QUIET_CV:
            quiet_runs, quiet_began = quiet_runs + count, quiet_began + len(found)
    return {
        "quiet_runs": runs,
        "drift_onsets": 1000 * began / max(runs, 1),
        "drift_onsets_quiet": 1000 * quiet_began / max(quiet_runs, 1),
        "drift_onsets_by_source": {name: count for name, count in sources.items() if count},
    }


def _steps(series: Sequence[Series], limits: Limits) -> dict[str, Any]:
    reported = repeated = unreported = found = runs = drifting = in_all = 0
    for each in series:
        seen = list(watch(each.values, limits))
        began = onsets(seen)
        runs, drifting = runs + len(seen), drifting + sum(run.drifting for run in seen)
        in_all += len(began)
        ends = sorted({*(step["at"] for step in each.steps), len(seen)})
        sizes = {step["at"]: step["change_ratio"] for step in each.steps if step["certain"]}
        for at, end in pairwise(ends):
            if sizes.get(at, 0.0) <= 0:
                continue
            follows = any(at <= run < min(at + FOLLOWS_WITHIN, end) for run in began)
            if _is_reported(seen[at : at + REPORTED_WITHIN]):
                reported, repeated = reported + 1, repeated + follows
            else:
                unreported, found = unreported + 1, found + follows
    return {
        "steps_reported": reported,
        "steps_reported_that_a_drift_repeats": repeated,
        "steps_unreported": unreported,
        "steps_unreported_that_a_drift_reports": found,
        "drift_onsets_of_all_runs": 1000 * in_all / max(runs, 1),
        "runs_drifting": 100 * drifting / max(runs, 1),
    }


def _is_reported(seen: Sequence[Seen]) -> bool:
    return any(run.is_reported for run in seen)


def drift_table(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table; rates are per 1,000 runs, shares in percent."""
    f = figures
    rows = {
        "drift onsets per 1,000 quiet runs, all · cv < 5 %": (
            f"{f['drift_onsets']:.2f} · {f['drift_onsets_quiet']:.2f}"
        ),
        "reported steps that a drift repeats": (
            f"{f['steps_reported_that_a_drift_repeats']} of {f['steps_reported']}"
        ),
        "other certain steps that a drift reports": (
            f"{f['steps_unreported_that_a_drift_reports']} of {f['steps_unreported']}"
        ),
        "drift onsets per 1,000 runs of all": f"{f['drift_onsets_of_all_runs']:.2f}",
        "runs in a drift": f"{f['runs_drifting']:.1f}",
    }
    lines = ["| figure | drift |", "|---|--:|", *(f"| {a} | {b} |" for a, b in rows.items())]
    return "\n".join(lines) + "\n"
