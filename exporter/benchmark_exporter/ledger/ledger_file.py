"""The files of an open ledger: whether its path still leads to them, and what to do if not.

SQLite goes on with files that were deleted or replaced, without a word, and what it commits is lost
with the process. Until then, everything is still there for the open connection.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Literal

from benchmark_exporter.ledger.connection import LedgerError, errors_named
from benchmark_exporter.ledger.overwriting import Guard, Overwriting
from benchmark_exporter.ledger.witnesses import INDEX_SUFFIX, LOG_SUFFIX, beside, integrity_of

# What happened to the files: the database was deleted or moved; its folder was; another database is
# at its path; the write-ahead log or its index was deleted or replaced alone; another file was
# written over the database.
Loss = Literal["deleted", "folder_deleted", "replaced", "log_lost"] | Overwriting
_OVERWRITTEN: tuple[Loss | None, ...] = ("overwriting", "overwritten", "mixed")
# A copy that is complete, and one that is not.
WRITTEN_BACK, PART = ".written-back", ".written-back.part"
FOLDER_MODE = 0o750

_Key = tuple[int, int] | None


class LedgerFile:
    """The files that a connection has open, which must have read from them before.

    `guarded` notices what is written over them, for the one process that keeps the ledger. For the
    connection's thread.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, *, guarded: bool = False
    ) -> None:
        self._path = path
        self._connection = connection
        self._guard = Guard(path, connection) if guarded else None
        self._database = _key(path) if self._guard is None else self._guard.key
        self._log = _key(beside(path, LOG_SUFFIX))
        self._index = _key(beside(path, INDEX_SUFFIX))

    def loss(self) -> Loss | None:
        """What happened to the files since they were opened; None if all are in their places.

        Raises:
            OSError: their folder cannot be reached.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return "deleted" if self._path.parent.is_dir() else "folder_deleted"
        if (status.st_dev, status.st_ino) != self._database:
            # An empty file is not a ledger yet.
            return "replaced" if status.st_size else "deleted"
        for known, suffix in ((self._log, LOG_SUFFIX), (self._index, INDEX_SUFFIX)):
            if known is not None and _key(beside(self._path, suffix)) != known:
                return "log_lost"
        return None if self._guard is None else self._guard.check()

    @property
    def is_changed(self) -> bool:
        """Whether another program has just written to the database, whatever it was."""
        return self._guard is not None and self._guard.is_changed

    @property
    def is_mixed(self) -> bool:
        """Whether the database is neither this ledger nor the one that was written over it."""
        return self._guard is not None and self._guard.is_mixed

    def refuse_overwritten(self) -> None:
        """To be called before the connection is used: it would read pages of two ledgers.

        Raises:
            LedgerError: another file was written over the database.
        """
        if self.is_changed and self._guard is not None and self._guard.check() in _OVERWRITTEN:
            raise LedgerError(f"{self._path}: another file is being written over the ledger")

    def checkpoint_if_due(self) -> None:
        """Writes a long log to the database. To be called after each commit."""
        if self._guard is not None:
            self._guard.checkpoint_if_due()

    def close(self) -> None:
        """Closes the connection, which writes its log to the database if that is still its own."""
        guard = self._guard
        if guard is None or guard.is_closed:
            self._connection.close()
            return
        try:
            if _key(self._path) == guard.key:
                guard.checkpoint()
                if guard.check() in _OVERWRITTEN:
                    with suppress(OSError):
                        guard.discard_log()
        finally:
            self._connection.close()
            guard.close()

    def recover(self, loss: Loss) -> LedgerError | None:
        """Has the path lead to a ledger that can be opened, before the connection is closed.

        A ledger that was deleted is written back with everything that was committed. One that was
        replaced or overwritten gives way to the other, and its log with it, which would damage the
        other.

        Returns:
            Why what was written over it has to be set aside; None if it can be opened.

        Raises:
            LedgerError: it cannot be written back, or its folder was moved and may return, or it is
                still being overwritten.
            OSError: the folder's permissions or disk forbid it.
        """
        if loss in _OVERWRITTEN and self._guard is not None:
            return self._give_way(self._guard, loss)
        if loss == "replaced":
            self._remove_own_log()
        elif loss == "log_lost":
            with errors_named(self._path):
                busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise LedgerError(
                    f"{self._path}: its log was deleted, and another program reads it"
                )
        elif loss != "rewritten":  # which needs nothing but to be opened again
            if loss == "folder_deleted":
                if self._is_elsewhere():
                    raise LedgerError(f"{self._path}: the ledger's folder was moved; move it back")
                self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self._write_back()
        return None

    def _give_way(self, guard: Guard, loss: Loss) -> LedgerError | None:
        if loss == "overwriting":
            raise LedgerError(f"{self._path}: another file is being written over the ledger")
        damage = None
        # A mixed one is set aside in any case.
        if loss == "overwritten" and (reason := integrity_of(self._path)):
            if guard.is_awaited:
                raise LedgerError(
                    f"{self._path}: what was written over it is not complete ({reason}); waiting"
                )
            damage = LedgerError(
                f"{self._path}: what was written over it is not a ledger: {reason}"
            )
        guard.discard_log()
        return damage

    def _write_back(self) -> None:
        path = self._path
        part, whole = beside(path, PART), beside(path, WRITTEN_BACK)
        for suffix in ("", "-journal", LOG_SUFFIX, INDEX_SUFFIX):
            beside(part, suffix).unlink(missing_ok=True)
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        os.close(descriptor)
        with errors_named(part):
            copy = sqlite3.connect(part, isolation_level=None)
            try:
                self._connection.backup(copy)
            finally:
                copy.close()
        _sync(part)
        part.replace(whole)
        _sync(path.parent)
        # From here on, the start of another process finishes what this one has begun.
        finish_writing_back(path)

    def _remove_own_log(self) -> None:
        for known, suffix in ((self._index, INDEX_SUFFIX), (self._log, LOG_SUFFIX)):
            path = beside(self._path, suffix)
            if known is not None and _key(path) == known:
                path.unlink(missing_ok=True)

    def _is_elsewhere(self) -> bool:
        """Whether the database has a name in another folder."""
        descriptors = Path("/proc/self/fd")
        with suppress(OSError):  # where /proc is not mounted
            for name in os.listdir(descriptors):  # noqa: PTH208  # no Path is needed
                with suppress(OSError):
                    status = (descriptors / name).stat()
                    if (status.st_dev, status.st_ino) == self._database:
                        return status.st_nlink > 0
        return False


def finish_writing_back(path: Path) -> None:
    """Puts a complete copy in the place of a ledger that was deleted; does nothing without one.

    Raises:
        OSError: the folder's permissions or disk forbid it.
    """
    whole = beside(path, WRITTEN_BACK)
    if not whole.exists():
        return
    if path.exists() and path.stat().st_size:
        whole.unlink()  # somebody else has put a ledger there
        return
    # The log is of the deleted ledger, and would be taken for the copy's.
    for suffix in (INDEX_SUFFIX, LOG_SUFFIX):
        beside(path, suffix).unlink(missing_ok=True)
    _sync(path.parent)
    whole.replace(path)
    _sync(path.parent)


def _key(path: Path) -> _Key:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
