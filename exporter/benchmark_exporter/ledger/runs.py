"""Runs in the ledger, with their results, failures and gate outcomes."""

import hashlib
import math
import sqlite3
import struct
from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from benchmark_exporter.ledger import totals
from benchmark_exporter.ledger.newest_rows import (
    NewestGateOutcomeRow,
    NewestResultRow,
    NewestRunRow,
    Rank,
)
from benchmark_exporter.ledger.places import Places
from benchmark_exporter.ledger.rows import FailureRow, GateOutcomeRow, Place, RunRow
from benchmark_exporter.ledger.state import NewestGateOutcome
from benchmark_exporter.ledger.tables import (
    FAILURES,
    GATE_OUTCOMES,
    NEWEST_GATE_OUTCOMES,
    NEWEST_RESULTS,
    NEWEST_RUNS,
    RESULTS,
    RUNS,
    SUITE_DURATIONS,
)
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import GateOutcome, Run, Scope, Severity, measurements_digest

MAX_ERROR_CHARACTERS = 300

_RUN = (
    "SELECT id, environment, machine, iif(branch = '', line, branch) FROM runs "
    "WHERE project = ? AND run_id = ? AND measurements = ?"
)
_OTHER_RUN = "SELECT 1 FROM runs WHERE project = ? AND run_id = ? AND id <> ?"


class AddedRun(NamedTuple):
    """A run's row, whether it is new, and where it stands among others.

    `conflict` says that a run with other measurements already had its run_id, `late` that a run of
    its scope, or of another branch that is compared with it, has a later place.
    """

    row: int
    new: bool
    conflict: bool
    rank: Rank
    late: bool = False

    @property
    def place(self) -> Place:
        return Place(self.rank.seconds, self.rank.tie, self.row)


class Runs:
    """The runs of one transaction.

    With `keeps_durations`, the durations of their suites are shown as the newest ones.
    """

    keeps_durations = True

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer
        self._added: set[int] = set()
        self._places = Places(connection)
        self._newest: dict[Scope, Place] = {}

    def add(self, run: Run, scope: Scope, rank: Rank, at: float, *, tracked: bool) -> AddedRun:
        """See `Transaction.add_run`."""
        project = scope.project
        moment = struct.pack("<d", run.timestamp_seconds)
        stated = run.measurements or measurements_digest(run.results, run.failures)
        measured = hashlib.sha256(moment + stated).digest()
        newest = self._newest_place(scope, rank.horizon_seconds)
        ahead = rank.ahead
        if ahead:
            seconds, tie = -math.inf if newest is None else newest.rank_seconds, totals.AFTER_ALL
        else:
            seconds, tie = rank.seconds, totals.tie_of(_digest(measured, run.run_id))
        rank = Rank(seconds, tie, rank.horizon_seconds)
        row = RunRow(
            project=project,
            run_id=run.run_id,
            measurements=measured,
            format=run.format,
            environment=scope.environment,
            machine=scope.machine_class,
            commit_hash=run.commit_hash,
            branch=run.branch,
            timestamp_seconds=run.timestamp_seconds,
            suite_duration_seconds=run.suite_duration_seconds,
            ingested_seconds=at,
            line=scope.branch,
            tracked=tracked,
            ahead=ahead,
            rank_seconds=seconds,
            tie=tie,
        )
        number, new, known_by = self._insert(row, scope.branch if tracked else run.branch)
        if not new:
            return AddedRun(number, new=False, conflict=False, rank=rank)
        self._added.add(number)
        self._buffer.touched.note_run(number, scope.key)
        place = Place(rank.seconds, rank.tie, number)
        self._newest[scope] = place if newest is None else max(newest, place)
        others = self._connection.execute(_OTHER_RUN, (project, run.run_id, number))
        conflict = known_by == measured and others.fetchone() is not None
        self._add_measured(number, run)
        if tracked:
            self._show(number, run, scope, rank)
        late = newest is not None and newest > place
        return AddedRun(number, new=True, conflict=conflict, rank=rank, late=late)

    def _newest_place(self, scope: Scope, horizon_seconds: float) -> Place | None:
        newest = self._newest.get(scope)
        if newest is None:
            newest = self._places.newest(scope)
        if newest is None or newest.rank_seconds <= horizon_seconds:
            return newest
        self._buffer.flush()
        self._buffer.change_everything()
        self._places.demote(scope, horizon_seconds)
        self._buffer.discard()  # it has read what is changed
        self.discard()
        return self._places.newest(scope)

    def _insert(self, row: RunRow, branch: str) -> tuple[int, bool, bytes]:
        """The number of a run's row, whether it is new, and what its measurements are known by.

        `branch` is the run's own. Two branches, environments or machines may measure the same in
        the same second; then where the later run comes from becomes part of what it is known by. A
        run that states no machine may be of any.
        """
        for told_apart in _told_apart(row, branch):
            known_by = told_apart.measurements
            cursor = self._buffer.insert(RUNS, told_apart)
            if cursor.rowcount == 1:
                assert cursor.lastrowid is not None  # noqa: S101  # it has just been inserted
                return cursor.lastrowid, True, known_by
            key = (row.project, row.run_id, known_by)
            ((number, environment, machine, of_branch),) = self._connection.execute(_RUN, key)
            machines = {machine, row.machine} - {""}
            if (environment, of_branch) == (row.environment, branch) and len(machines) < 2:
                break
        return number, False, known_by

    def _add_measured(self, row: int, run: Run) -> None:
        add = self._buffer.add
        for result in run.results:
            add(RESULTS, (row, result.name), result)
        errors: dict[str, str] = {}
        for failure in run.failures:
            errors.setdefault(failure.benchmark, failure.error[:MAX_ERROR_CHARACTERS])
        for benchmark, error in errors.items():
            add(FAILURES, (row, benchmark), FailureRow(error))

    def _show(self, row: int, run: Run, scope: Scope, rank: Rank) -> None:
        """Makes the run the newest of what it measured, unless a newer one is known."""
        change, newest, where = self._buffer.change, totals.newest, scope.key
        seconds, tie = rank.seconds, rank.tie
        newest_result = NewestResultRow(row, seconds, tie)
        for result in run.results:
            change(NEWEST_RESULTS, (*where, result.name), newest, newest_result, rank)
        for benchmark, failed in run.outcomes.items():
            newest_run = NewestRunRow(row, failed, seconds, tie)
            change(NEWEST_RUNS, (*where, benchmark), newest, newest_run, rank)
        newest_outcome = NewestGateOutcomeRow(row, seconds, tie)
        for comparison in run.comparisons:
            change(
                NEWEST_GATE_OUTCOMES, (*where, comparison.benchmark), newest, newest_outcome, rank
            )
        if run.suite_duration_seconds is not None and self.keeps_durations:
            change(SUITE_DURATIONS, (scope.project,), totals.with_suite, run.suite_duration_seconds)

    def record_gate_outcome(
        self, run: int, gate_outcome: GateOutcome, speedup_p50: float, speedup_p95: float | None
    ) -> tuple[bool, Severity | None]:
        """See `Transaction.record_gate_outcome`."""
        gate, severity = gate_outcome.gate, gate_outcome.severity
        outcome = NewestGateOutcome(
            benchmark=gate_outcome.benchmark,
            speedup_p50_ratio=speedup_p50,
            speedup_p95_ratio=speedup_p95,
            min_speedup_p50_ratio=gate.min_speedup_p50_ratio,
            min_speedup_p95_ratio=gate.min_speedup_p95_ratio,
            max_p95_seconds=gate.max_p95_seconds,
            criteria=gate_outcome.criteria,
            passed=gate_outcome.passed,
            severity=severity,
        )
        key, decided = (run, gate_outcome.benchmark), gate.passed is not None
        find = self._buffer.get_gathered if run in self._added else self._buffer.get
        known = find(GATE_OUTCOMES, key)
        if known is not None:
            is_weaker = known.decided and not decided
            if is_weaker or (known.outcome, known.decided) == (outcome, decided):
                return False, None
        counted = None if known is None else known.counted
        self._buffer.put(GATE_OUTCOMES, key, GateOutcomeRow(outcome, decided, counted or severity))
        return True, severity if counted is None else None

    def discard(self) -> None:
        """Drops what is known of the runs that were added, after a savepoint was rolled back."""
        self._added.clear()
        self._newest.clear()


def _told_apart(row: RunRow, branch: str) -> Iterator[RunRow]:
    """The row by its measurements alone, and then by where it comes from, too."""
    yield row
    where = "\0".join((row.environment, row.machine, branch))
    apart = hashlib.sha256(row.measurements + where.encode()).digest()
    yield replace(row, measurements=apart)


def _digest(measurements: bytes, run_id: str) -> bytes:
    """Distinguishes runs of the same time; two may have measured the same."""
    return hashlib.sha256(measurements + run_id.encode()).digest()
