"""What moved together: environment shifts, and regressions that have one cause."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from benchmark_exporter.ledger import Labels, NewestVerdict
from benchmark_exporter.ledger.shift_state import AcceptedShift, NewestShift
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.model import Scope
from benchmark_exporter.regression import Limits
from benchmark_exporter.shifts import extent


def add_shifts(sink: Sink, shifts: Iterable[NewestShift]) -> None:
    """Whether the machine, rather than the code, has changed, and how far that reaches."""
    for shift in shifts:
        labels = _labels(shift.scope)
        sink.add("benchmark_environment_shift_active", labels, int(shift.shifted))
        for metric, value in (
            ("benchmark_environment_shift_ratio", shift.ratio),
            ("benchmark_environment_shift_moved_results", shift.moved),
            ("benchmark_environment_shift_judged_results", shift.judged),
        ):
            if shift.shifted and value is not None:
                sink.add(metric, labels, value)


def add_accepted_shifts(sink: Sink, shifts: Iterable[AcceptedShift]) -> None:
    """Shifts that have lasted, so that they are the level now."""
    for shift in shifts:
        labels, name = _labels(shift.scope), "benchmark_environment_shift_accepted"
        sink.add(f"{name}_timestamp_seconds", labels, shift.rank_seconds)
        sink.add(f"{name}_ratio", labels, shift.ratio)
        sink.add(f"{name}_results", labels, shift.accepted)


def add_common_regressions(
    sink: Sink,
    regressed: Iterable[NewestVerdict],
    judged_in: Mapping[int, int],
    limits: Limits,
) -> None:
    """Regressions since the same commit, where these are so many that one cause is likely.

    `regressed` are those of one scope without those of environment shifts, `judged_in` has the
    number of judged results that each run is the newest of.
    """
    groups: dict[str, list[NewestVerdict]] = defaultdict(list)
    for newest in regressed:
        groups[newest.passed_commit].append(newest)
    for commit, group in groups.items():
        judged = sum(judged_in.get(run, 0) for run in {newest.run for newest in group})
        ratios = [newest.verdict.worsening_ratio or 0.0 for newest in group]
        found = extent(ratios, judged, limits)
        if found is None:
            continue
        labels, name = (*_labels(group[0].scope), commit), "benchmark_common_regression"
        confirmed = sum(newest.verdict.state == "critical" for newest in group)
        sink.add(f"{name}_results", (*labels, found.kind), found.regressed)
        sink.add(f"{name}_confirmed_results", labels, confirmed)
        sink.add(f"{name}_judged_results", labels, found.judged)
        sink.add(f"{name}_worsening_ratio", labels, found.ratio)


def _labels(scope: Scope) -> Labels:
    return scope.project, scope.environment, scope.machine_class, scope.branch
