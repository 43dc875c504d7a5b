"""What has happened, in SQLite: the only place that uses sqlite3.

Contract
- One thread writes and reads, the one that opened it. A scrape never comes here. Another process may pin a baseline meanwhile.
- `transaction()` is all or nothing. What happened (runs, results, verdicts, judgements, pipeline runs, rejections), the running totals
  that a scrape shows (counters, histograms, totals, newest_*) and what the next run is judged by (series, shifts) change together, so a
  crash at any instant loses nothing and counts nothing twice.
- A document is known by the digest of its bytes; a run by (project, run_id, digest of its measurements).
- Every commit that changes the state carries a number, `commits`.
- `state()` costs by the number of series asked for, never by the number of runs.
- `prune()` never moves a number that a scrape shows; see retention.
"""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmark_exporter.ledger.baselines import KnownRun, Pin, PinnedResult
from benchmark_exporter.ledger.forgetting import Forgotten, forget
from benchmark_exporter.ledger.retention import old_uploads, prune
from benchmark_exporter.ledger.schema import NewerSchemaError, migrate
from benchmark_exporter.ledger.state import (
    REGRESSIONS_BY_COMMIT,
    Histogram,
    Labels,
    NewestVerdict,
    RunningTotal,
    Selection,
    State,
    Subject,
    read_state,
)
from benchmark_exporter.ledger.transaction import Signature, Transaction
from benchmark_exporter.ledger.trends import Trend, read_trends
from benchmark_exporter.ledger.verdicts import Series, SeriesKey, is_newer
from benchmark_exporter.ledger.visibility import select

__all__ = [
    "REGRESSIONS_BY_COMMIT",
    "Forgotten",
    "Histogram",
    "KnownRun",
    "Labels",
    "Ledger",
    "LedgerError",
    "NewestVerdict",
    "Pin",
    "PinnedResult",
    "RunningTotal",
    "Selection",
    "Series",
    "SeriesKey",
    "Signature",
    "State",
    "Subject",
    "Transaction",
    "Trend",
    "has_no_room",
    "is_newer",
]


class LedgerError(Exception):
    """The ledger cannot be used; the message names the file and the reason."""


def has_no_room(error: LedgerError) -> bool:
    """Whether it was the disk that failed, which may be full only for now, in contrast to a wrong path or a missing right."""
    return getattr(error.__cause__, "sqlite_errorname", "").startswith(
        ("SQLITE_FULL", "SQLITE_IOERR")
    )


class Ledger:
    """See the module's contract. `path` is the database file; its folder must exist and be writable.

    `is_alone` says that the disk had no room to open it beside others: it is read and written as always, but no other process can.
    Every method raises LedgerError where the database cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_alone = False
        try:
            self._connection = self._connect()
        except LedgerError as error:
            if not has_no_room(error):
                raise
            # Alone, SQLite keeps the index of the write-ahead log in memory, so that a disk without room for it can still be read.
            self._connection = self._connect("PRAGMA locking_mode = EXCLUSIVE;")
            self.is_alone = True
        with self._errors_named():
            self._commits_elsewhere = self._count_commits_elsewhere()

    def _connect(self, first: str = "") -> sqlite3.Connection:
        with self._errors_named():
            connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            with self._errors_named():
                # WAL with synchronous FULL: a commit that returned is on the disk. What a read puts aside and what undoes a step stay in
                # memory: there may be no folder for temporary files. A burst's digests lie all over their indexes, which 8 MB can hold.
                connection.executescript(
                    f"{first} PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                    "PRAGMA cache_size = -8000;"
                )
                migrate(connection)
        except LedgerError:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Closes the database. Nothing is written that was not committed before."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        with self._errors_named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                transaction = Transaction(self._connection, self._errors_named)
                yield transaction
                transaction.finish()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def signatures(self) -> dict[str, Signature | None]:
        """The signature of every known file, by its name; None for a rejected one, which another version or setting may take."""
        with self._errors_named():
            rows = self._connection.execute(
                "SELECT path, inode, size_bytes, ctime_ns, reason FROM files"
            )
            return {
                path: (inode, size, ctime) if reason is None else None
                for path, inode, size, ctime, reason in rows
            }

    def state(
        self,
        *,
        after_seconds: float = -math.inf,
        at_most: int = 2**62,
        returned_after_seconds: float = -math.inf,
    ) -> State:
        """What the newest commit left, of the first `at_most` subjects with a run after a time (since 1970); of all, unless told.

        What their counters were before is left out of those that did not return after `returned_after_seconds`.
        """
        with self._errors_named():
            return read_state(
                self._connection,
                select(self._connection, after_seconds, at_most),
                returned_after_seconds,
            )

    def trends(self) -> list[Trend]:
        """How the last runs of each benchmark went."""
        with self._errors_named():
            return read_trends(self._connection)

    def prune(self, before_seconds: float) -> Iterator[int]:
        """Forgets what came in before a time (seconds since 1970), but for what a scrape shows; the state does not change.

        Each step is one small transaction and yields how many rows it deleted, so that other work can come between.
        """
        steps = prune(self._connection, before_seconds)
        while True:
            with self.transaction():
                deleted = next(steps, None)
            if deleted is None:
                return
            yield deleted

    def old_uploads(self, prefix: str, before_seconds: float) -> Iterator[list[str]]:
        """The names of uploaded files, which begin with `prefix`, that are to be removed after a `prune` of the same time."""
        steps = old_uploads(self._connection, prefix, before_seconds)
        while True:
            with self._errors_named():
                names = next(steps, None)
            if names is None:
                return
            yield names

    def forget(self, projects: Sequence[str], pipelines: Sequence[str]) -> Forgotten:
        """Forgets all that is of these projects and pipelines, totals too; their series go, and no counter of others falls."""
        with self.transaction() as transaction:
            transaction.changed = True
            return forget(self._connection, projects, pipelines)

    def changed_elsewhere(self) -> bool:
        """Whether another process has committed since the last time this was asked."""
        with self._errors_named():
            before, self._commits_elsewhere = (
                self._commits_elsewhere,
                self._count_commits_elsewhere(),
            )
            return self._commits_elsewhere != before

    def _count_commits_elsewhere(self) -> int:
        """A number that the commits of other connections change, and those of this one do not."""
        (number,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except NewerSchemaError as error:
            raise LedgerError(
                f"{self._path}: {error}; run that version, or name another file"
            ) from error
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise LedgerError(
                f"{self._path}: {error}; is its folder there and writable, with room, and the file a ledger?"
            ) from error
