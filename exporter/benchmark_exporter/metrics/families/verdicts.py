"""What the history says of the newest results: verdicts, baselines and environment shifts."""

from collections.abc import Iterable

from benchmark_exporter.ledger import Labels, NewestVerdict, State
from benchmark_exporter.ledger.state import NewestBaseline, NewestShift
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.model import REGRESSED


def add_verdicts(sink: Sink, verdicts: Iterable[NewestVerdict]) -> None:
    """Each verdict with its values, and the baseline that it was compared with."""
    for newest in verdicts:
        verdict, labels = newest.verdict, (newest.name, newest.environment)
        for state in dict.fromkeys((*REGRESSED, verdict.state)):
            sink.add("benchmark_verdict", (*labels, state), int(state == verdict.state))
        commits = (newest.commit_hash, newest.passed_commit)
        sink.add("benchmark_verdict_info", (*labels, newest.project, *commits, newest.unit), 1)
        sink.add("benchmark_judged_value", (*labels, newest.unit), verdict.value)
        for metric, more, value in (
            ("benchmark_reference_value", ("rolling",), verdict.rolling),
            ("benchmark_reference_value", ("pinned",), _pinned_value(newest)),
            ("benchmark_limit_value", (), verdict.limit),
            ("benchmark_worsening_ratio", (), verdict.worsening_ratio),
            ("benchmark_noise_ratio", (), verdict.noise_ratio),
            ("benchmark_detectable_change_ratio", (), verdict.detectable_ratio),
            ("benchmark_unaccepted_level_info", (), verdict.unaccepted),
        ):
            if value is not None:
                sink.add(metric, (*labels, *more), value)
        if verdict.state in REGRESSED:
            _add_regression(sink, newest)
        if newest.baseline is not None:
            _add_baseline(sink, labels, newest.baseline)


def _pinned_value(newest: NewestVerdict) -> float | None:
    return None if newest.baseline is None else newest.baseline.value


def add_baseline_speedups(sink: Sink, state: State) -> None:
    """How many times better results are than their pinned baselines.

    A benchmark whose tool compares it with a reference of its own has that speedup instead. The
    metric has no environment: of several, the last one is shown.
    """
    own = {outcome.benchmark for outcome in state.gate_outcomes}
    speedups = {
        (newest.name, percentile, newest.baseline.version): value
        for newest in state.verdicts
        if newest.baseline is not None and newest.name not in own
        for percentile, value in (
            ("p50", newest.baseline.speedup_p50_ratio),
            ("p95", newest.baseline.speedup_p95_ratio),
        )
    }
    for labels, value in speedups.items():
        if value is not None:
            sink.add("speedup_ratio", labels, value)


def add_shifts(sink: Sink, shifts: Iterable[NewestShift]) -> None:
    """Whether the machine, rather than the code, has changed."""
    for shift in shifts:
        labels = (shift.project, shift.environment)
        sink.add("benchmark_environment_shift_active", labels, int(shift.shifted))


def _add_regression(sink: Sink, newest: NewestVerdict) -> None:
    """What an alert reports.

    It must be there at once, so it is in the part that is scraped every second, but only while
    there is something to report.
    """
    verdict, labels = newest.verdict, (newest.name, newest.environment)
    commits = (newest.commit_hash, newest.passed_commit)
    sink.add("benchmark_regression_info", (*labels, newest.project, *commits, newest.unit), 1)
    sink.add("benchmark_regression_confirmed", labels, int(verdict.state == "critical"))
    for metric, value in (
        ("benchmark_regression_value", verdict.value),
        ("benchmark_regression_reference_value", verdict.reference),
        ("benchmark_regression_worsening_ratio", verdict.worsening_ratio),
        ("benchmark_regression_noise_ratio", verdict.noise_ratio),
    ):
        if value is not None:
            sink.add(metric, labels, value)


def _add_baseline(sink: Sink, labels: Labels, baseline: NewestBaseline) -> None:
    identity = (baseline.version, baseline.run_id, baseline.commit_hash)
    sink.add("benchmark_baseline_info", (*labels, *identity), 1)
    sink.add("benchmark_baseline_pinned_timestamp_seconds", labels, baseline.pinned_seconds)
