"""The ledger; the package says what it promises."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Self, TypeVar

from benchmark_exporter.ledger.branch_runs import BranchRuns, read_branch_runs
from benchmark_exporter.ledger.change_history import read_changes
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.change_search import Searched
from benchmark_exporter.ledger.changed_states import ChangedStates
from benchmark_exporter.ledger.connection import (
    Connect,
    LedgerError,
    connect_to_write,
    errors_named,
    has_no_room,
    open_to_write,
)
from benchmark_exporter.ledger.deletion import Deleted
from benchmark_exporter.ledger.delivery import Delivery
from benchmark_exporter.ledger.executable_renaming import rename_executable
from benchmark_exporter.ledger.file_listing import ListedFile, list_files
from benchmark_exporter.ledger.ledger_file import LedgerFile
from benchmark_exporter.ledger.migrating import NoteProgress
from benchmark_exporter.ledger.past_transaction import PastTransaction
from benchmark_exporter.ledger.renaming import Renamed
from benchmark_exporter.ledger.retention import old_uploads, prune
from benchmark_exporter.ledger.run_removal import Gap
from benchmark_exporter.ledger.selection import ChangeSelection
from benchmark_exporter.ledger.selective_deletion import DeletedRuns, DeletionSelection
from benchmark_exporter.ledger.state import State
from benchmark_exporter.ledger.state_reading import read_state
from benchmark_exporter.ledger.transaction import Transaction
from benchmark_exporter.ledger.trends import Trend, read_trends
from benchmark_exporter.ledger.visibility import select
from benchmark_exporter.names import Renamings

T = TypeVar("T", bound=Transaction)

JudgeAgain = Callable[[Transaction, Sequence[Gap]], None]


class _DryRun(Exception):
    """Undoes a transaction whose effect was counted."""


class Ledger:
    """See the package's contract. `path` is the database file, in a folder that can be written.

    `is_alone` says that the disk had no room to open it for several processes: it is read and
    written as always, but no other process can. `connect` makes the connections, instead of
    `connect_to_write`: whoever hands one in can watch its statements or make them fail. `note` gets
    how far a migration of an earlier version's file is. `file` says whether the files are still in
    their places; `guarded` has it notice what is written over them as well, for the process that
    keeps the ledger.
    Every method raises LedgerError if the database cannot be read or written.
    """

    def __init__(
        self,
        path: Path,
        *,
        connect: Connect = connect_to_write,
        note: NoteProgress | None = None,
        guarded: bool = False,
    ) -> None:
        self._path = path
        self.is_alone = False
        try:
            self._connection = open_to_write(path, connect, note=note)
        except LedgerError as error:
            if not has_no_room(error):
                raise
            self._connection = open_to_write(path, connect, alone=True, note=note)
            self.is_alone = True
        try:
            with self._errors_named():
                self.changed_states = ChangedStates(self._connection, self._errors_named)
            self.file = LedgerFile(path, self._connection, guarded=guarded and not self.is_alone)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database. Nothing is written that was not committed before."""
        self.file.close()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        return self._begun(Transaction)

    def past_transaction(self) -> AbstractContextManager[PastTransaction]:
        """One of runs that were made long before they come in."""
        return self._begun(PastTransaction)

    @contextmanager
    def _begun(self, kind: type[T]) -> Iterator[T]:
        self.file.refuse_overwritten()
        with self._errors_named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                transaction = kind(self._connection, self._errors_named)
                yield transaction
                transaction.finish()
                self._connection.execute("COMMIT")
                self.changed_states.note(transaction.touched)
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        self.file.checkpoint_if_due()

    def files(self, step_files: int) -> Iterator[list[ListedFile]]:
        """The name and signature of every known file, in steps of some files, by name.

        The signature is None for a rejected one, which another version or setting may ingest.
        Between two steps, other methods may be called.
        """
        steps = list_files(self._connection, step_files)
        while True:
            with self._errors_named():
                files = next(steps, None)
            if files is None:
                return
            yield files

    def state(
        self,
        *,
        after_seconds: float = -math.inf,
        at_most: int = 2**62,
        returned_after_seconds: float = -math.inf,
        passed_after_seconds: float = -math.inf,
    ) -> State:
        """What the newest commit left of the first `at_most` subjects with a run after a time.

        Times are in seconds since 1970; the defaults select all. What their counters were before is
        left out of those that did not return after `returned_after_seconds`, and a regression that
        is not reported yet if it passed before `passed_after_seconds`.
        """
        self.file.refuse_overwritten()
        with self._errors_named():
            return read_state(
                self._connection,
                select(self._connection, after_seconds, at_most),
                returned_after_seconds,
                passed_after_seconds,
            )

    def branch_runs(self) -> BranchRuns:
        """The newest runs of branches that are not tracked."""
        with self._errors_named():
            return read_branch_runs(self._connection)

    def trends(self) -> list[Trend]:
        """How the last runs of each benchmark went."""
        with self._errors_named():
            return read_trends(self._connection)

    def prune(self, before_seconds: float, unshown_seconds: float | None = None) -> Iterator[int]:
        """Deletes what came in before a time (seconds since 1970), except what a scrape shows.

        Series without a run since `unshown_seconds` are not shown, by default the same time. The
        state does not change. Each step is one small transaction and yields how many rows it
        deleted, so that other work can come between.
        """
        unshown = before_seconds if unshown_seconds is None else unshown_seconds
        steps = prune(self._connection, before_seconds, unshown)
        while True:
            with self.transaction() as transaction:
                deleted = next(steps, None)
                transaction.touched.everything |= bool(deleted)
            if deleted is None:
                return
            yield deleted

    def old_uploads(self, prefix: str, before_seconds: float) -> Iterator[list[str]]:
        """The names of uploaded files that are to be removed after a `prune` of the same time.

        The names of uploads begin with `prefix`.
        """
        steps = old_uploads(self._connection, prefix, before_seconds)
        while True:
            with self._errors_named():
                names = next(steps, None)
            if names is None:
                return
            yield names

    def changes(self, selection: ChangeSelection, limit: int) -> list[ChangePoint]:
        """The newest change points that are selected."""
        with self._errors_named():
            return read_changes(self._connection, selection, limit)

    def search_changes(self, now: float, enough: Callable[[], bool]) -> Searched:
        """Searches series with new runs for change points, in one transaction, until `enough`."""
        with self.transaction() as transaction:
            return transaction.search_changes(now, enough)

    def delete(
        self, projects: Sequence[str], pipelines: Sequence[str], *, dry_run: bool = False
    ) -> Deleted:
        """Deletes everything of these projects and pipelines, totals too.

        Their series go, and no counter of others falls. A `dry_run` only counts.
        """
        with suppress(_DryRun), self.transaction() as transaction:
            deleted = transaction.delete(projects, pipelines)
            if dry_run:
                raise _DryRun
        return deleted

    def delete_runs(
        self, selection: DeletionSelection, judge_again: JudgeAgain, *, dry_run: bool = False
    ) -> DeletedRuns:
        """Deletes single runs, benchmarks or branches; a `dry_run` only counts.

        `judge_again` judges the runs after those that were deleted.
        """
        with suppress(_DryRun), self.transaction() as transaction:
            deleted, gaps = transaction.delete_runs(selection)
            if dry_run:
                raise _DryRun
            judge_again(transaction, gaps)
        return deleted

    def rename(
        self, renamings: Renamings, projects: Sequence[str] = (), *, dry_run: bool = False
    ) -> Renamed:
        """Renames benchmarks or results; a `dry_run` only counts. See `renaming`.

        Raises:
            RenameError: a new name cannot be used, or a run has measured both.
        """
        with suppress(_DryRun), self.transaction() as transaction:
            renamed = transaction.rename(renamings, projects)
            if dry_run:
                raise _DryRun
        return renamed

    @property
    def delivery(self) -> Delivery:
        """Who scrapes the exporter, and what was reported to them."""
        return Delivery(self._connection, self.transaction, self._errors_named)

    def rename_executable(
        self, old: str, new: str, projects: Sequence[str] = (), *, dry_run: bool = False
    ) -> tuple[int, Renamed]:
        """An executable is called otherwise now; see `executable_renaming`."""
        with suppress(_DryRun), self.transaction() as transaction:
            naming, rename = transaction.naming, transaction.rename
            renamed = rename_executable(naming, rename, old, new, projects)
            if dry_run:
                raise _DryRun
        return renamed

    def adopt_pipelines(self, project: str) -> None:
        """Gives a project to the pipelines of a ledger from before pipelines had one."""
        with self._errors_named():
            known = self._connection.execute(
                "SELECT 1 FROM newest_pipeline_runs WHERE project = '' LIMIT 1"
            ).fetchone()
        if known is not None:
            with self.transaction() as transaction:
                transaction.adopt_pipelines(project)

    def changed_elsewhere(self) -> bool:
        """Whether another process has committed since the state was read or this was asked."""
        return self.changed_states.changed_elsewhere()

    def _errors_named(self) -> AbstractContextManager[None]:
        return errors_named(self._path)
