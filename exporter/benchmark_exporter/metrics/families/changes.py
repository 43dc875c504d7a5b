"""The newest change of each result's level, and the one that an open regression began with."""

from collections.abc import Iterable, Sequence

from benchmark_exporter.ledger import ChangePoint, Labels, NewestVerdict
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.metrics.families.scopes import labels_without_environment
from benchmark_exporter.model import REGRESSED


def add_changes(
    sink: Sink, changes: Iterable[ChangePoint], verdicts: Sequence[NewestVerdict]
) -> None:
    """Those of the results that have a verdict, in the unit of that verdict."""
    newest = {(each.scope, each.name, each.unit): each for each in verdicts}
    for change in changes:
        verdict = newest.get((change.scope, change.name, change.unit))
        if verdict is None:
            continue
        if change.newest:
            _add_newest(sink, change)
        # The change was found before the newest run: another alarm may have begun since.
        if (
            verdict.verdict.state in REGRESSED
            and change.alarm_commit is not None
            and change.alarm_commit == verdict.passed_commit
        ):
            _add_begin(sink, change)


def _add_newest(sink: Sink, change: ChangePoint) -> None:
    direction = "worse" if change.worse else "better"
    sink.add("benchmark_change_info", (*_info_labels(change), direction, *_origin(change)), 1)
    labels = _labels(change)
    sink.add("benchmark_change_timestamp_seconds", labels, change.at_seconds)
    if change.ratio is not None:
        sink.add("benchmark_change_ratio", labels, change.ratio)


def _add_begin(sink: Sink, change: ChangePoint) -> None:
    labels = _labels(change)
    info = (*_info_labels(change), *_origin(change))
    sink.add("benchmark_regression_change_info", info, 1)
    sink.add("benchmark_regression_change_timestamp_seconds", labels, change.at_seconds)
    if change.reported_seconds is not None:
        reported = change.reported_seconds
        sink.add("benchmark_regression_reported_timestamp_seconds", labels, reported)


def _labels(change: ChangePoint) -> Labels:
    return change.name, change.scope.environment, *labels_without_environment(change.scope)


def _info_labels(change: ChangePoint) -> Labels:
    """What the labels of an info series begin with."""
    commits = change.commit_hash, change.previous_commit_hash
    return change.name, change.scope.environment, change.scope.project, *commits


def _origin(change: ChangePoint) -> Labels:
    return change.scope.machine_class, change.scope.branch
