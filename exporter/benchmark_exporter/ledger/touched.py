"""What transactions changed of the state: which subjects, and what is not of a subject.

The keys of the rows that a transaction writes name it. Whoever writes past the write buffer says
what it touched, or that it may be anything.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from benchmark_exporter.counters import UNTRACKED_BRANCH_RUNS
from benchmark_exporter.ledger.columns import Key, Table
from benchmark_exporter.ledger.state import SUBJECT_COUNTERS, SUBJECT_HISTOGRAMS, Labels, Subject
from benchmark_exporter.ledger.tables import (
    BASELINES,
    COMMIT_REGRESSIONS,
    COUNTERS,
    DRIFTS,
    FALLBACK_BRANCHES,
    GATE_OUTCOMES,
    HISTOGRAMS,
    NEWEST_GATE_OUTCOMES,
    NEWEST_PIPELINE_RUNS,
    NEWEST_RESULTS,
    NEWEST_RUNS,
    NEWEST_VERDICTS,
    REGRESSION_REPORTS,
    RUN_SHIFTS,
    SERIES,
    SHIFTS,
    SUITE_DURATIONS,
    TRIAGE,
    VERDICTS,
)

_KINDS = {**SUBJECT_COUNTERS, **SUBJECT_HISTOGRAMS}
_UNTRACKED = UNTRACKED_BRANCH_RUNS.name


class Touched:
    """What may differ from the state that was read last.

    `benchmarks` are the keys of scopes with the name of a benchmark or result, `pipelines` projects
    with the name of a pipeline: as `Subject.total_labels`. `projects` are those whose suite
    durations, branches or counters changed, `scopes` the keys of those whose environment shift did.
    `runs` are rows of runs with a name, of which only the run is known. `births` says that a
    counter or histogram may be new, or have returned. If `everything` is set, the rest says
    nothing.
    """

    def __init__(self, *, everything: bool = False) -> None:
        self.everything = everything
        self.rejected_files = self.notifications = self.branch_runs = self.births = False
        self.benchmarks: set[Labels] = set()
        self.pipelines: set[Labels] = set()
        self.projects: set[str] = set()
        self.scopes: set[Labels] = set()
        self.runs: set[tuple[int, str]] = set()
        self.shift_runs: set[int] = set()
        self._added_runs: dict[int, Labels] = {}

    def add(self, other: "Touched") -> None:
        """Adds what another transaction changed."""
        self.everything |= other.everything
        self.rejected_files |= other.rejected_files
        self.notifications |= other.notifications
        self.branch_runs |= other.branch_runs
        self.births |= other.births
        self.benchmarks |= other.benchmarks
        self.pipelines |= other.pipelines
        self.projects |= other.projects
        self.scopes |= other.scopes
        self.runs |= other.runs
        self.shift_runs |= other.shift_runs

    def parts(self, most: int) -> Iterator["Touched"]:
        """The same in parts of at most so many benchmarks or results; the first has the rest."""
        benchmarks = sorted(self.benchmarks)
        first = Touched()
        first.add(self)
        first.benchmarks = set(benchmarks[:most])
        yield first
        for start in range(most, len(benchmarks), most):
            part = Touched()
            part.benchmarks = set(benchmarks[start : start + most])
            yield part

    def note_rows(self, table: Table[Any], keys: Iterable[Key]) -> None:
        """Notes that rows of a table were written or deleted."""
        note = _NOTES.get(table.name)
        if note is not None:
            note(self, keys)

    def note_run(self, run: int, scope: Labels) -> None:
        """Notes of which scope a new run is, so that this need not be read for its rows."""
        self._added_runs[run] = scope

    def note_run_row(self, run: int, name: str) -> None:
        """Notes that a row of a run and a name changed."""
        scope = self._added_runs.get(run)
        if scope is None:
            self.runs.add((run, name))
        else:
            self.benchmarks.add((*scope, name))

    def note_birth(self, table: Table[Any]) -> None:
        """Notes that a row of a table is new."""
        self.births |= table.name in _BORN

    def note_subject(self, subject: Subject) -> None:
        """Notes that something of a subject changed."""
        kinds = self.pipelines if subject.kind == "pipeline" else self.benchmarks
        kinds.add(subject.total_labels)


def _note_benchmarks(touched: Touched, keys: Iterable[Key]) -> None:
    touched.benchmarks.update(key[:5] for key in keys)


def _note_pipelines(touched: Touched, keys: Iterable[Key]) -> None:
    touched.pipelines.update(key[:2] for key in keys)


def _note_projects(touched: Touched, keys: Iterable[Key]) -> None:
    touched.projects.update(key[0] for key in keys)


def _note_scopes(touched: Touched, keys: Iterable[Key]) -> None:
    touched.scopes.update(keys)


def _note_runs(touched: Touched, keys: Iterable[Key]) -> None:
    for run, name in keys:
        touched.note_run_row(run, name)


def _note_shift_runs(touched: Touched, keys: Iterable[Key]) -> None:
    touched.shift_runs.update(run for (run,) in keys)


def _note_totals(touched: Touched, keys: Iterable[Key]) -> None:
    for name, labels in keys:
        kind = _KINDS.get(name)
        if kind == "benchmark":
            touched.benchmarks.add(labels[:5])
        elif kind == "pipeline":
            touched.pipelines.add(labels[:2])
        elif name == _UNTRACKED:
            touched.projects.add(labels[0])


_Note = Callable[[Touched, Iterable[Key]], None]
_OF_NAMES: Collection[Table[Any]] = (
    *(SERIES, BASELINES, DRIFTS, REGRESSION_REPORTS, COMMIT_REGRESSIONS, TRIAGE),
    *(NEWEST_VERDICTS, NEWEST_RESULTS, NEWEST_RUNS, NEWEST_GATE_OUTCOMES),
)
_BORN = frozenset(table.name for table in (COUNTERS, HISTOGRAMS, COMMIT_REGRESSIONS))
_NOTES: dict[str, _Note] = {
    **{table.name: _note_benchmarks for table in _OF_NAMES},
    **{table.name: _note_totals for table in (COUNTERS, HISTOGRAMS)},
    **{table.name: _note_projects for table in (SUITE_DURATIONS, FALLBACK_BRANCHES)},
    **{table.name: _note_runs for table in (VERDICTS, GATE_OUTCOMES)},
    NEWEST_PIPELINE_RUNS.name: _note_pipelines,
    SHIFTS.name: _note_scopes,
    RUN_SHIFTS.name: _note_shift_runs,
}
