"""What the history says of the newest results: verdicts and baselines."""

from collections.abc import Iterable

from benchmark_exporter.ledger import Labels, NewestVerdict, State
from benchmark_exporter.ledger.state import NewestBaseline, NewestDrift, PendingReport
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.metrics.families.scopes import labels_of, labels_without_environment
from benchmark_exporter.model import REGRESSED, VerdictState

# What is bad while it holds, and has to be seen to end: a sparse series that is gone goes on in
# Prometheus for five minutes.
_ALWAYS_SHOWN: tuple[VerdictState, ...] = (*REGRESSED, "suspect")


def add_verdicts(
    sink: Sink, verdicts: Iterable[NewestVerdict], reports: Iterable[PendingReport]
) -> None:
    """Each verdict with its values, and the baseline that it was compared with.

    `reports` are the regressions that have to be reported even if they have passed.
    """
    pending = {(each.regression.scope, each.regression.name): each for each in reports}
    for newest in verdicts:
        verdict = newest.verdict
        labels, origin = _labels(newest), labels_without_environment(newest.scope)
        for state in dict.fromkeys((*_ALWAYS_SHOWN, verdict.state)):
            sink.add("benchmark_verdict", (*labels, state, *origin), int(state == verdict.state))
        sink.add("benchmark_verdict_info", _info_labels(newest), 1)
        sink.add("benchmark_judged_value", (*labels, newest.unit, *origin), verdict.value)
        for metric, more, value in (
            ("benchmark_reference_value", ("rolling",), verdict.rolling),
            ("benchmark_reference_value", ("pinned",), _pinned_value(newest)),
            ("benchmark_limit_value", (), verdict.limit),
            ("benchmark_worsening_ratio", (), verdict.worsening_ratio),
            ("benchmark_noise_ratio", (), verdict.noise_ratio),
            ("benchmark_detectable_change_ratio", (), verdict.detectable_ratio),
            ("benchmark_reachable_change_ratio", (), verdict.reachable_ratio),
            ("benchmark_reachable_change_samples", (), verdict.reachable_samples),
            ("benchmark_unaccepted_level_info", (), verdict.unaccepted),
        ):
            if value is not None:
                sink.add(metric, (*labels, *more, *origin), value)
        report = pending.get((newest.scope, newest.name)) if pending else None
        if report is not None or verdict.state in REGRESSED:
            _add_regression(sink, newest, report)
        if newest.baseline is not None:
            _add_baseline(sink, newest, newest.baseline)
        if newest.drift is not None:
            _add_drift(sink, newest, newest.drift)


def _pinned_value(newest: NewestVerdict) -> float | None:
    return None if newest.baseline is None else newest.baseline.value


def add_baseline_speedups(sink: Sink, state: State) -> None:
    """How many times better results are than their pinned baselines.

    A benchmark whose tool compares it with a reference of its own has that speedup instead.
    """
    own = {(gate.scope, gate.outcome.benchmark) for gate in state.gates}
    for newest in state.verdicts:
        baseline = newest.baseline
        if baseline is None or (newest.scope, newest.name) in own:
            continue
        for percentile, value in (
            ("p50", baseline.speedup_p50_ratio),
            ("p95", baseline.speedup_p95_ratio),
        ):
            if value is not None:
                labels = (newest.name, percentile, baseline.version, *labels_of(newest.scope))
                sink.add("speedup_ratio", labels, value)


def _labels(newest: NewestVerdict) -> Labels:
    """The labels that each metric of a verdict begins with."""
    return newest.name, newest.scope.environment


def _info_labels(newest: NewestVerdict) -> Labels:
    scope = newest.scope
    commits = (newest.commit_hash, newest.passed_commit, newest.unit)
    return (*_labels(newest), scope.project, *commits, scope.machine_class, scope.branch)


def _add_regression(sink: Sink, newest: NewestVerdict, report: PendingReport | None) -> None:
    """What an alert reports.

    It must be there at once, so it is in the part that is scraped every second, but only while
    there is something to report: the newest verdict, or a confirmed regression before it that is
    not reported yet. Even a warning waits for that one.
    """
    labels = (*_labels(newest), *labels_without_environment(newest.scope))
    if report is not None and has_passed(report, newest):
        commit = newest.commit_hash if report.ended_commit is None else report.ended_commit
        sink.add("benchmark_regression_passed_info", (*labels, commit), 1)
        newest = report.regression
    elif newest.shifted and report is None:
        # The shift does not hide a regression that was confirmed before it.
        sink.add("benchmark_regression_shifted", labels, 1)
    if report is not None and report.merged > 1:
        sink.add("benchmark_regression_merged", labels, report.merged)
    verdict = newest.verdict
    step = "" if newest.triage is None or not newest.triage.step else str(newest.triage.step)
    sink.add("benchmark_regression_info", (*_info_labels(newest), step), 1)
    sink.add("benchmark_regression_confirmed", labels, int(verdict.state == "critical"))
    for metric, value in (
        ("benchmark_regression_value", verdict.value),
        ("benchmark_regression_reference_value", verdict.reference),
        ("benchmark_regression_worsening_ratio", verdict.worsening_ratio),
        ("benchmark_regression_noise_ratio", verdict.noise_ratio),
    ):
        if value is not None:
            sink.add(metric, labels, value)


def has_passed(report: PendingReport, newest: NewestVerdict) -> bool:
    """Whether a run after the confirmed regression was not one."""
    return report.ended_seconds is not None or newest.verdict.state not in REGRESSED


def _add_drift(sink: Sink, newest: NewestVerdict, drift: NewestDrift) -> None:
    labels, origin = _labels(newest), labels_without_environment(newest.scope)
    for span, ratio in drift.ratios.items():
        sink.add("benchmark_drift_ratio", (*labels, span, *origin), ratio)
    since_seconds = drift.since_seconds
    sink.add("benchmark_drift_since_timestamp_seconds", (*labels, *origin), since_seconds)


def _add_baseline(sink: Sink, newest: NewestVerdict, baseline: NewestBaseline) -> None:
    labels, origin = _labels(newest), labels_without_environment(newest.scope)
    identity = (baseline.version, baseline.run_id, baseline.commit_hash)
    sink.add("benchmark_baseline_info", (*labels, *identity, *origin), 1)
    pinned_seconds = baseline.pinned_seconds
    sink.add("benchmark_baseline_pinned_timestamp_seconds", (*labels, *origin), pinned_seconds)
