"""A state by what its series belong to, so that a part of it can take the place of an earlier one.

An *owner* is a benchmark or result of a scope, or a pipeline with its branches and triggers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.state import (
    SUBJECT_COUNTERS,
    SUBJECT_HISTOGRAMS,
    Histogram,
    NewestGate,
    NewestPipeline,
    NewestResult,
    NewestRun,
    NewestVerdict,
    PendingReport,
    RunningTotal,
    State,
    Subject,
)
from benchmark_exporter.ledger.subject_place import SubjectPlace
from benchmark_exporter.model import Scope

# A kind of subject, and its `total_labels`.
Owner = tuple[str, ...]


class OwnerState(msgspec.Struct, frozen=True):
    """What a state has of one owner; see State. Its subjects have their places."""

    subjects: tuple[tuple[Subject, SubjectPlace], ...] = ()
    results: tuple[NewestResult, ...] = ()
    runs: tuple[NewestRun, ...] = ()
    gates: tuple[NewestGate, ...] = ()
    verdicts: tuple[NewestVerdict, ...] = ()
    changes: tuple[ChangePoint, ...] = ()
    pipelines: tuple[NewestPipeline, ...] = ()
    failure_ratios: tuple[tuple[tuple[str, str], float], ...] = ()
    reports: tuple[PendingReport, ...] = ()
    counters: tuple[tuple[str, RunningTotal], ...] = ()
    by_commit: tuple[RunningTotal, ...] = ()
    histograms: tuple[tuple[str, Histogram], ...] = ()
    returned_counters: tuple[tuple[str, RunningTotal], ...] = ()
    returned_histograms: tuple[tuple[str, Histogram], ...] = ()

    @property
    def position(self) -> int:
        """The place of its first subject."""
        return self.subjects[0][1].position

    def without_totals(self) -> "OwnerState":
        """The same without what only scrapes show."""
        return replace(
            self,
            counters=(),
            by_commit=(),
            histograms=(),
            returned_counters=(),
            returned_histograms=(),
        )


_Parts = dict[str, list[Any]]


def by_owner(state: State) -> Mapping[Owner, OwnerState]:
    """The owners of a state's subjects, in the order of these, with what the state has of each."""
    found: dict[Owner, _Parts] = {}
    selection = state.selection
    for subject, place in zip(selection.subjects, selection.places, strict=True):
        owner = subject.kind, *subject.total_labels
        found.setdefault(owner, defaultdict(list))["subjects"].append((subject, place))
    for field, owner, value in _parts(state):
        parts = found.get(owner)
        if parts is not None:
            parts[field].append(value)
    return {
        owner: OwnerState(**{field: tuple(values) for field, values in parts.items()})
        for owner, parts in found.items()
    }


def _parts(state: State) -> Iterator[tuple[str, Owner, Any]]:
    for result in state.results:
        yield "results", _benchmark(result.scope, result.result.name), result
    for run in state.runs:
        yield "runs", _benchmark(run.scope, run.benchmark), run
    for gate in state.gates:
        yield "gates", _benchmark(gate.scope, gate.outcome.benchmark), gate
    for verdict in state.verdicts:
        yield "verdicts", _benchmark(verdict.scope, verdict.name), verdict
    for change in state.changes:
        yield "changes", _benchmark(change.scope, change.name), change
    for report in state.reports:
        yield "reports", _benchmark(report.regression.scope, report.regression.name), report
    for pipeline in state.pipelines:
        yield "pipelines", ("pipeline", pipeline.project, pipeline.pipeline), pipeline
    for ratio in state.pipeline_failure_ratios.items():
        yield "failure_ratios", ("pipeline", *ratio[0]), ratio
    yield from _totals(state)


def _totals(state: State) -> Iterator[tuple[str, Owner, Any]]:
    for name, kind in SUBJECT_COUNTERS.items():
        for counter in state.counters.get(name, ()):
            yield "counters", (kind, *counter.labels[: _LABELS[kind]]), (name, counter)
    for counter in state.regressions_by_commit:
        yield "by_commit", ("benchmark", *counter.labels[:5]), counter
    for name, kind in SUBJECT_HISTOGRAMS.items():
        for histogram in state.histograms.get(name, ()):
            yield "histograms", (kind, *histogram.labels[: _LABELS[kind]]), (name, histogram)
    for (name, labels), counter in state.returned_counters.items():
        kind = SUBJECT_COUNTERS.get(name, "benchmark")  # or one of a commit
        yield "returned_counters", (kind, *labels[: _LABELS[kind]]), (name, counter)
    for (name, labels), histogram in state.returned_histograms.items():
        kind = SUBJECT_HISTOGRAMS[name]
        yield "returned_histograms", (kind, *labels[: _LABELS[kind]]), (name, histogram)


_LABELS: Mapping[str, int] = {"benchmark": 5, "pipeline": 2}  # of an owner


def _benchmark(scope: Scope, name: str) -> Owner:
    return "benchmark", *scope.key, name


def with_owners(state: State, owners: Iterable[OwnerState]) -> State:
    """The state with only these owners, whatever owners it had."""
    every = list(owners)
    counters: dict[str, list[RunningTotal]] = {}
    histograms: dict[str, list[Histogram]] = {}
    for owner in every:
        for name, counter in owner.counters:
            counters.setdefault(name, []).append(counter)
        for name, histogram in owner.histograms:
            histograms.setdefault(name, []).append(histogram)
    apart = {name: found for name, found in state.counters.items() if name not in SUBJECT_COUNTERS}
    return replace(
        state,
        selection=replace(
            state.selection,
            subjects=[subject for owner in every for subject, _ in owner.subjects],
            places=[place for owner in every for _, place in owner.subjects],
        ),
        counters={**apart, **counters},
        regressions_by_commit=[each for owner in every for each in owner.by_commit],
        histograms=histograms,
        returned_counters={
            (name, each.labels): each for owner in every for name, each in owner.returned_counters
        },
        returned_histograms={
            (name, each.labels): each for owner in every for name, each in owner.returned_histograms
        },
        results=[each for owner in every for each in owner.results],
        runs=[each for owner in every for each in owner.runs],
        gates=[each for owner in every for each in owner.gates],
        verdicts=[each for owner in every for each in owner.verdicts],
        changes=[each for owner in every for each in owner.changes],
        pipelines=[each for owner in every for each in owner.pipelines],
        pipeline_failure_ratios={
            pipeline: ratio for owner in every for pipeline, ratio in owner.failure_ratios
        },
        reports=[each for owner in every for each in owner.reports],
    )


def without_owners(state: State) -> State:
    """The state without what belongs to owners and projects."""
    return replace(
        with_owners(state, ()),
        suite_durations=(),
        fallback_branches=(),
        shifts=(),
    )
