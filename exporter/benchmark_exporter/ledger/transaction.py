"""Changes to the ledger."""

import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from benchmark_exporter.ledger import rows, totals
from benchmark_exporter.ledger.baselines import Baselines
from benchmark_exporter.ledger.branches import Branches
from benchmark_exporter.ledger.change_search import ChangeSearch, Searched
from benchmark_exporter.ledger.deletion import Deleted, delete
from benchmark_exporter.ledger.drifts import Drifts
from benchmark_exporter.ledger.imported_runs import ImportedRuns
from benchmark_exporter.ledger.naming import Naming
from benchmark_exporter.ledger.newest_rows import Rank
from benchmark_exporter.ledger.notifications import Notifications
from benchmark_exporter.ledger.pipeline_adoption import adopt_pipelines
from benchmark_exporter.ledger.pipelines import add_pipeline_run
from benchmark_exporter.ledger.renaming import Renamed, rename
from benchmark_exporter.ledger.reports import Reports
from benchmark_exporter.ledger.rows import DocumentRow, FileRow, MeasurementRow, RejectionRow
from benchmark_exporter.ledger.run_removal import Gap
from benchmark_exporter.ledger.runs import AddedRun, Runs
from benchmark_exporter.ledger.selective_deletion import (
    DeletedRuns,
    DeletionSelection,
    delete_selected,
)
from benchmark_exporter.ledger.state import Labels, Subject
from benchmark_exporter.ledger.tables import (
    COMMIT_REGRESSIONS,
    COUNTERS,
    DOCUMENTS,
    FILES,
    HISTOGRAMS,
    MEASUREMENTS,
    REJECTIONS,
    TOTALS,
)
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.ledger.triage import Triage
from benchmark_exporter.ledger.value_errors import value_errors_named
from benchmark_exporter.ledger.verdicts import Verdicts
from benchmark_exporter.ledger.visibility import is_lately, see
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import GateOutcome, PipelineRun, Rejected, Run, Scope, Severity
from benchmark_exporter.names import Renamings

_Signature = rows.Signature


class Transaction:
    """Changes of one transaction; made by `Ledger.transaction`.

    What is changed may be gathered in the transaction's `WriteBuffer`, which `finish` writes.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        errors_named: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._errors_named = errors_named
        self._execute = connection.execute
        self._buffer = WriteBuffer(connection)
        self._runs = Runs(connection, self._buffer)
        self._seen: dict[Subject, float] = {}  # when each was last seen, as it is stored
        self.verdicts = Verdicts(connection, self._buffer)
        self.branches = Branches(connection, self._buffer)
        self.naming = Naming(connection, self._buffer)
        self.reports = Reports(connection, self._buffer)
        self.drifts = Drifts(connection, self._buffer)
        self.notifications = Notifications(connection, self._buffer)
        self.triage = Triage(connection, self._buffer)
        self.imported_runs = ImportedRuns(connection)

    @property
    def changed(self) -> bool:
        """Whether the state has changed."""
        return self._buffer.changed

    @property
    def touched(self) -> Touched:
        """What may differ from the state before, of what was written."""
        return self._buffer.touched

    @property
    def baselines(self) -> Baselines:
        """The pinned baselines, as they are in this transaction."""
        self._buffer.flush()  # they are read by SQL
        return Baselines(self._connection, self._buffer, self.verdicts)

    def finish(self) -> None:
        """Writes what was gathered; for `Ledger.transaction`, before it commits."""
        self.triage.finish()
        if self.changed:
            self._buffer.change(TOTALS, (), totals.committed)
        self._buffer.flush()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All that is stored in this transaction, which is lost as a whole where it raises.

        A savepoint, which `step` needs, has SQLite keep what each page was.

        Raises:
            ValueError: a value cannot be stored.
            LedgerError: the database cannot be read or written.
        """
        with self._errors_named(), value_errors_named():
            yield
            self._buffer.flush()

    @contextmanager
    def step(self) -> Iterator[None]:
        """A part that is undone by itself when it raises, so that the others can stand.

        Raises:
            ValueError: a value cannot be stored.
            LedgerError: the database cannot be read or written, so the whole transaction is lost.
        """
        with self._errors_named():
            self._buffer.flush()
            self._execute("SAVEPOINT step")
            try:
                with value_errors_named():
                    yield
                    self._buffer.flush()
            except BaseException:
                self._buffer.discard()
                self._runs.discard()
                self.branches.discard()
                self._seen.clear()
                if self._connection.in_transaction:  # a full disk may have ended it
                    self._execute("ROLLBACK TO step")
                    self._execute("RELEASE step")
                raise
            self._execute("RELEASE step")

    def file(self, path: str) -> FileRow | None:
        """The file as it was last read."""
        return self._buffer.get(FILES, (path,))

    def record_file(
        self, path: str, signature: _Signature, digest: bytes, rejected: Rejected | None, at: float
    ) -> None:
        """Stores what a file is now; `rejected` is None if it was ingested or is a duplicate."""
        reason = json_path = detail = None
        if rejected is not None:
            reason, json_path, detail = rejected.reason, rejected.json_path, rejected.detail
        # Whatever else has a row was read before.
        known = self._buffer.get_gathered(FILES, (path,))
        if reason is not None or (known is not None and known.reason is not None):
            self.touched.rejected_files = True
        self._buffer.put(FILES, (path,), FileRow(*signature, digest, reason, json_path, detail, at))

    def record_rejection(self, path: str, rejected: Rejected, at: float) -> None:
        """Stores that a file was rejected, whatever becomes of it."""
        row = RejectionRow(at, path, rejected.reason, rejected.json_path, rejected.detail)
        self._buffer.add(REJECTIONS, (), row)

    def delete_files(self, paths: Sequence[str]) -> None:
        """Deletes files that are no longer in the folder."""
        self.touched.rejected_files = True
        for path in paths:
            self._buffer.put(FILES, (path,), None)

    def add_document(self, digest: bytes, file_digest: bytes, format_name: str, at: float) -> bool:
        """Whether the document is new.

        `digest` is of the document and its sidecar, `file_digest` of its file's bytes alone.
        """
        row = DocumentRow(digest, file_digest, format_name, at)
        return self._buffer.insert(DOCUMENTS, row).rowcount == 1

    def add_measurements(self, digest: bytes, at: float) -> bool:
        """Whether measurements are new. A document may contain old ones among new ones."""
        return self._buffer.insert(MEASUREMENTS, MeasurementRow(digest, at)).rowcount == 1

    def record_ingest(self, at: float) -> None:
        """Stores that something new was ingested."""
        self._buffer.change(TOTALS, (), totals.ingested, at)

    def add_run(
        self, run: Run, scope: Scope, rank: Rank, at: float, *, tracked: bool = True
    ) -> AddedRun:
        """Adds a run.

        `scope` is that of the series which it belongs to if `tracked`, and else is compared with,
        without being shown.
        """
        self.touched.branch_runs |= not tracked
        return self._runs.add(run, scope, rank, at, tracked=tracked)

    def record_gate_outcome(
        self, run: int, gate_outcome: GateOutcome, speedup_p50: float, speedup_p95: float | None
    ) -> tuple[bool, Severity | None]:
        """Stores the outcome of a gate on a run.

        One that a tool gave stays when a document of the same run comes without. Returns whether
        that changed anything, and the severity to count as a regression: None if there is none or
        the run was counted.
        """
        return self._runs.record_gate_outcome(run, gate_outcome, speedup_p50, speedup_p95)

    def add_pipeline_run(self, run: PipelineRun, project: str, rank: Rank, at: float) -> bool:
        """Whether the pipeline's run is new."""
        return add_pipeline_run(self._buffer, run, project, rank, at)

    def see(self, subject: Subject, at: float, max_age_seconds: float) -> None:
        """Stores that a subject has a run, before that is counted; see `visibility`."""
        self._buffer.changed = True
        seen = self._seen.get(subject)
        if seen is None:
            self.touched.note_subject(subject)
        if seen is None or not is_lately(seen, at, max_age_seconds):
            seen = self._seen[subject] = see(self._connection, subject, at, max_age_seconds)
            self.touched.births |= seen == at  # it may have returned, and its counters with it

    def hide_branch(self, project: str, branch: str) -> None:
        """Shows nothing more of a branch that is no longer tracked; see `Branches.hide`."""
        self._seen.clear()
        self.branches.hide(project, branch)

    def count(self, name: str, labels: Labels, at: float, by: int = 1) -> None:
        """Adds to a counter; by 0 only makes its series known."""
        if by or self._buffer.get_gathered(COUNTERS, (name, labels)) is None:
            self._buffer.change(COUNTERS, (name, labels), totals.counted, by, at)

    def count_commit(
        self,
        scope: Scope,
        name: str,
        severity: Severity,
        commit_hash: str,
        run_seconds: float,
        at: float,
    ) -> None:
        """Counts a regression of a commit's run, made at run_seconds."""
        key, rank = (*scope.key, name, severity, commit_hash), min(run_seconds, at)
        self._buffer.change(COMMIT_REGRESSIONS, key, totals.counted_commit, at, rank)

    def observe(
        self,
        name: str,
        labels: Labels,
        values: Sequence[float],
        bounds: tuple[float, ...],
        at: float,
    ) -> None:
        """Adds observations to a histogram with the given upper bounds.

        If these have changed since, the histogram starts again: old counts cannot be distributed
        over new buckets.

        Raises:
            ValueError: an observation is not a number; the sum would never be one again.
        """
        total = math.fsum(values)
        if math.isnan(total):
            raise ValueError(f"an observation of {name} is not a number")
        self._buffer.change(HISTOGRAMS, (name, labels), totals.observed, bounds, values, total, at)

    def adopt_pipelines(self, project: str) -> None:
        """See `Ledger.adopt_pipelines`."""
        self._buffer.change_everything()
        adopt_pipelines(self._connection, project)

    def search_changes(self, now: float, enough: Callable[[], bool]) -> Searched:
        """See `ChangeSearch.step`."""
        searched = ChangeSearch(self._connection, self.touched).step(now, enough)
        self._buffer.changed |= searched.changed
        return searched

    def delete(self, projects: Sequence[str], pipelines: Sequence[str]) -> Deleted:
        """Deletes everything of these projects and pipelines; see `deletion`."""
        self._buffer.flush()
        self._buffer.change_everything()
        return delete(self._connection, projects, pipelines)

    def delete_runs(self, selection: DeletionSelection) -> tuple[DeletedRuns, Sequence[Gap]]:
        """Deletes single runs, benchmarks or branches; see `selective_deletion`."""
        self._buffer.flush()
        self._buffer.change_everything()
        return delete_selected(self._connection, selection)

    def rename(self, renamings: Renamings, projects: Sequence[str] = ()) -> Renamed:
        """Renames benchmarks or results of these projects, of all if there are none.

        Raises:
            RenameError: a new name cannot be used, or a run has measured both.
        """
        self._buffer.flush()
        self._buffer.discard()  # rows that were read have other keys now
        self._runs.discard()
        self._seen.clear()
        self._buffer.change_everything()
        return rename(self._connection, renamings, projects)
