"""Changes to the ledger."""

import hashlib
import math
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec

from benchmark_exporter.ledger.baselines import Baselines
from benchmark_exporter.ledger.gathered import (
    COMMIT_REGRESSIONS,
    HISTOGRAMS,
    LAST_INGEST,
    NEWEST_GATE_OUTCOMES,
    NEWEST_PIPELINE_RUNS,
    NEWEST_RESULTS,
    NEWEST_RUNS,
    SUITE_DURATIONS,
    Gathered,
    Row,
    Rows,
)
from benchmark_exporter.ledger.inserts import Inserts
from benchmark_exporter.ledger.state import Labels, Subject, to_json
from benchmark_exporter.ledger.verdicts import Verdicts
from benchmark_exporter.ledger.visibility import is_lately, see
from benchmark_exporter.model import (
    GateOutcome,
    Notification,
    PipelineRun,
    Rejected,
    Run,
    Severity,
    measurements_digest,
)

Signature = tuple[int, int, int]
NOTIFICATIONS_KEPT = 200
MAX_ERROR_CHARACTERS = 300

# What SQLite raises for a value that it cannot keep, in contrast to a file or disk that fails it.
_VALUE_ERRORS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


class KnownFile(msgspec.Struct, frozen=True):
    """A file as it was when it was last read. digest is empty where it could not be read, reason None where it was not rejected."""

    signature: Signature
    digest: bytes
    reason: str | None


class Transaction:
    """Changes of one transaction; made by `Ledger.transaction`. `changed` tells whether there were any.

    Running totals, newest rows and what is only added are gathered and not yet there to be read: `finish` writes them.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        errors_named: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._errors_named = errors_named
        self._execute = connection.execute
        self._gathered = Gathered()
        self._inserts = Inserts(connection)
        self._files: dict[str, KnownFile] = {}  # that were recorded
        self._gate_outcomes: dict[int, set[str]] = {}  # of the runs that were added, by benchmark
        self._seen: dict[Subject, float] = {}  # when each was last seen, as it is written down
        self.verdicts = Verdicts(connection, self._inserts)
        self.changed = False

    @property
    def baselines(self) -> Baselines:
        """The pinned baselines, as they are in this transaction."""
        self._inserts.write()  # they are read there
        # Kept, it would make a cycle with its transaction, and all that was gathered would wait for the collector.
        return Baselines(self._execute, self._change, self.verdicts)

    def finish(self) -> None:
        """Writes what was gathered; for `Ledger.transaction`, before it commits."""
        self._inserts.write()
        self._gathered.write(self._connection)
        self.verdicts.write()
        if self.changed:
            self._execute("UPDATE totals SET commits = commits + 1")

    @contextmanager
    def step(self) -> Iterator[None]:
        """A part that is undone by itself when it raises, so that the others can stand.

        Raises:
            ValueError: a value that cannot be kept.
            LedgerError: the database cannot be read or written, so the whole transaction is lost.
        """
        with self._errors_named():
            self._inserts.write()
            self._execute("SAVEPOINT step")
            gathered, verdicts = self._gathered.mark(), len(self.verdicts)
            try:
                yield
                self._inserts.write()
            except BaseException as error:
                self._inserts.clear()
                self._gathered.cut(gathered)
                self.verdicts.cut(verdicts)
                self._files.clear()
                self._gate_outcomes.clear()
                self._seen.clear()
                if self._connection.in_transaction:  # a full disk may have ended it
                    self._execute("ROLLBACK TO step")
                    self._execute("RELEASE step")
                if isinstance(error, _VALUE_ERRORS):
                    raise ValueError(f"cannot be kept in the ledger: {error}") from error
                raise
            self._execute("RELEASE step")

    def file(self, path: str) -> KnownFile | None:
        """The file as it was when it was last read."""
        known = self._files.get(path)
        if known is not None:
            return known
        row = self._execute(
            "SELECT inode, size_bytes, ctime_ns, digest, reason FROM files WHERE path = ?", (path,)
        ).fetchone()
        return None if row is None else KnownFile(row[:3], row[3], row[4])

    def record_file(
        self, path: str, signature: Signature, digest: bytes, rejected: Rejected | None, at: float
    ) -> None:
        """What a file is now; `rejected` is None for one that was ingested or is a duplicate."""
        reason = (
            (None, None, None)
            if rejected is None
            else (rejected.reason, rejected.json_path, rejected.detail)
        )
        self._insert(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (path, *signature, digest, *reason, at),
        )
        self._files[path] = KnownFile(signature, digest, reason[0])

    def record_rejection(self, path: str, rejected: Rejected, at: float) -> None:
        """That a file was rejected, whatever becomes of it."""
        self._insert(
            "INSERT INTO rejections VALUES (?, ?, ?, ?, ?)",
            (at, path, rejected.reason, rejected.json_path, rejected.detail),
        )

    def forget_files(self, paths: Sequence[str]) -> None:
        """Files that are no longer in the folder."""
        for path in paths:
            self._change("DELETE FROM files WHERE path = ?", (path,))

    def add_document(self, digest: bytes, file_digest: bytes, format_name: str, at: float) -> bool:
        """Whether the document is new. `digest` is its own and its side file's, `file_digest` of its file's bytes alone."""
        values = (digest, file_digest, format_name, at)
        return (
            self._change(
                "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", values
            ).rowcount
            == 1
        )

    def add_measurements(self, digest: bytes, at: float) -> bool:
        """Whether measurements are new that a document may bring once more, among others."""
        return (
            self._change(
                "INSERT INTO measurements VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, at)
            ).rowcount
            == 1
        )

    def record_ingest(self, at: float) -> None:
        """That something new was ingested."""
        self._gather(LAST_INGEST, (), (at,))

    def add_run(
        self, run: Run, project: str, environment: str, at: float
    ) -> tuple[int, bool, bool]:
        """The run's row, whether it is new, and whether its run_id was taken by a run with other measurements."""
        moment = struct.pack("<d", run.timestamp_seconds)
        measurements = hashlib.sha256(
            moment + measurements_digest(run.results, run.failures)
        ).digest()
        cursor = self._change(
            "INSERT INTO runs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                *(
                    project,
                    run.run_id,
                    measurements,
                    run.format,
                    environment,
                    run.machine_class,
                    run.commit_hash,
                ),
                *(run.branch, run.timestamp_seconds, run.suite_duration_seconds, at),
            ),
        )
        if cursor.rowcount != 1:
            (run_row,) = self._execute(
                "SELECT id FROM runs WHERE project = ? AND run_id = ? AND measurements = ?",
                (project, run.run_id, measurements),
            ).fetchone()
            return run_row, False, False
        run_row = cursor.lastrowid
        assert run_row is not None  # noqa: S101  # it has just been inserted
        self._gate_outcomes[run_row] = set()
        others = self._execute(
            "SELECT 1 FROM runs WHERE project = ? AND run_id = ? AND id <> ?",
            (project, run.run_id, run_row),
        )
        conflict = others.fetchone() is not None
        rank = min(run.timestamp_seconds, at)
        for result in run.results:
            s, name = result.statistics, result.name
            self._insert(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(run_row, name, result.benchmark, result.variant, result.unit, result.better),
                    *(
                        s.p50,
                        s.p95,
                        s.p99,
                        s.mean,
                        s.min,
                        s.max,
                        s.stddev,
                        result.sample_count,
                        result.cv_ratio,
                    ),
                ),
            )
            self._gather(NEWEST_RESULTS, (name, environment), ((run_row, rank), at))
        for failure in run.failures:
            error = failure.error[:MAX_ERROR_CHARACTERS]
            self._insert(
                "INSERT INTO failures VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (run_row, failure.benchmark, error),
            )
        for benchmark, failed in run.outcomes.items():
            self._gather(NEWEST_RUNS, (benchmark, environment), ((run_row, failed, rank), at))
        for comparison in run.comparisons:
            self._gather(NEWEST_GATE_OUTCOMES, (comparison.benchmark,), ((run_row, rank), at))
        if run.suite_duration_seconds is not None:
            self._gather(SUITE_DURATIONS, (), (run.suite_duration_seconds,))
        return run_row, True, conflict

    def record_gate_outcome(
        self, run: int, gate_outcome: GateOutcome, speedup_p50: float, speedup_p95: float | None
    ) -> tuple[bool, Severity | None]:
        """The verdict on a run. One that a tool gave stays when a document of the same run comes without.

        Returns whether that changed anything, and the severity to count as a regression: None where there is none or the run was counted.
        """
        gate = gate_outcome.gate
        decided = gate.passed is not None
        values = (
            *(
                speedup_p50,
                speedup_p95,
                gate.min_speedup_p50_ratio,
                gate.min_speedup_p95_ratio,
                gate.max_p95_seconds,
            ),
            *(to_json(gate_outcome.criteria), gate_outcome.passed, gate_outcome.severity, decided),
        )
        row = (run, gate_outcome.benchmark, *values, gate_outcome.severity)
        known_outcomes = self._gate_outcomes.get(run)
        if known_outcomes is not None and gate_outcome.benchmark not in known_outcomes:
            known_outcomes.add(gate_outcome.benchmark)
            self._insert("INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            return True, gate_outcome.severity
        self._inserts.write()
        if (
            self._change(
                "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                row,
            ).rowcount
            == 1
        ):
            return True, gate_outcome.severity
        *known, was_decided, counted = self._execute(
            "SELECT speedup_p50_ratio, speedup_p95_ratio, min_speedup_p50_ratio, min_speedup_p95_ratio, max_p95_seconds, criteria, passed, "
            "severity, decided, counted FROM verdicts WHERE run = ? AND benchmark = ?",
            (run, gate_outcome.benchmark),
        ).fetchone()
        if (was_decided and not decided) or (*known, was_decided) == values:
            return False, None
        self._change(
            "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (run, gate_outcome.benchmark, *values, counted or gate_outcome.severity),
        )
        return True, gate_outcome.severity if counted is None else None

    def add_pipeline_run(self, run: PipelineRun, at: float) -> bool:
        """Whether the pipeline's run is new."""
        rank = min(run.timestamp_seconds, at)
        cursor = self._execute(
            "INSERT INTO pipeline_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                run.pipeline,
                run.run_id,
                run.timestamp_seconds,
                run.branch,
                run.trigger,
                run.passed,
                run.duration_seconds,
                rank,
                at,
            ),
        )
        if cursor.rowcount == 0:
            return False
        self._gather(
            NEWEST_PIPELINE_RUNS,
            (run.pipeline, run.branch, run.trigger),
            ((run.passed, run.duration_seconds, rank), at),
        )
        return True

    def see(self, subject: Subject, at: float, max_age_seconds: float) -> None:
        """That a subject has a run, told before that is counted; `visibility` says what follows from it."""
        self.changed = True
        seen = self._seen.get(subject)
        if seen is None or not is_lately(seen, at, max_age_seconds):
            self._seen[subject] = see(self._connection, subject, at, max_age_seconds)

    def count(self, name: str, labels: Labels, at: float, by: int = 1) -> None:
        """Adds to a counter; by 0 only makes its series known."""
        self.changed = True
        self._gathered.count((name, labels), by, at)

    def count_commit(
        self, benchmark: str, severity: Severity, commit_hash: str, run_seconds: float, at: float
    ) -> None:
        """Counts a regression of a commit's run, made at run_seconds."""
        self._gather(
            COMMIT_REGRESSIONS, (benchmark, severity, commit_hash), (at, min(run_seconds, at))
        )

    def record_notification(self, notification: Notification, at: float) -> None:
        """The newest word on an alert. Of alerts as a whole the newest are kept."""
        n = notification
        self._change(
            "INSERT OR REPLACE INTO notifications VALUES (?, ?, ?, ?, ?, ?, ?)",
            (n.fingerprint, n.alertname, n.benchmark, n.severity, n.status, n.summary, at),
        )
        self._change(
            "DELETE FROM notifications WHERE fingerprint IN "
            "(SELECT fingerprint FROM notifications ORDER BY received_seconds DESC LIMIT -1 OFFSET ?)",
            (NOTIFICATIONS_KEPT,),
        )

    def observe(
        self,
        name: str,
        labels: Labels,
        values: Sequence[float],
        bounds: tuple[float, ...],
        at: float,
    ) -> None:
        """Adds observations to a histogram with the given upper bounds.

        Should these have changed since, the histogram starts anew: old counts cannot be dealt out to new buckets.

        Raises:
            ValueError: an observation is not a number, and no sum would be one after it.
        """
        total = math.fsum(values)
        if math.isnan(total):
            raise ValueError(f"an observation of {name} is not a number")
        self._gather(HISTOGRAMS, (name, labels), (bounds, values, total, at))

    def _gather(self, rows: Rows, key: Row, change: Row) -> None:
        self.changed = True
        self._gathered.add(rows, key, change)

    def _insert(self, statement: str, row: Row) -> None:
        self.changed = True
        self._inserts.add(statement, row)

    def _change(self, statement: str, values: Sequence[object]) -> sqlite3.Cursor:
        self.changed = True
        return self._execute(statement, values)
