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

# What happened to the files: the database was deleted or moved; its folder was; another database is
# at its path; the write-ahead log or its index was deleted or replaced alone.
Loss = Literal["deleted", "folder_deleted", "replaced", "log_lost"]
LOG_SUFFIX, INDEX_SUFFIX = "-wal", "-shm"
# A copy that is complete, and one that is not.
WRITTEN_BACK, PART = ".written-back", ".written-back.part"
FOLDER_MODE = 0o750

_Key = tuple[int, int] | None


class LedgerFile:
    """The files that a connection has open, which must have read from them before.

    For the connection's thread.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._database = _key(path)
        self._log = _key(_beside(path, LOG_SUFFIX))
        self._index = _key(_beside(path, INDEX_SUFFIX))

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
            # An empty file is no ledger yet.
            return "replaced" if status.st_size else "deleted"
        for known, suffix in ((self._log, LOG_SUFFIX), (self._index, INDEX_SUFFIX)):
            if known is not None and _key(_beside(self._path, suffix)) != known:
                return "log_lost"
        return None

    def recover(self, loss: Loss) -> None:
        """Has the path lead to a ledger that can be opened, before the connection is closed.

        A ledger that was deleted is written back with everything that was committed. One that was
        replaced gives way to the other, and its log with it, which would damage the other.

        Raises:
            LedgerError: it cannot be written back, or its folder was moved and may return.
            OSError: the folder's permissions or disk forbid it.
        """
        if loss == "replaced":
            self._remove_own_log()
        elif loss == "log_lost":
            with errors_named(self._path):
                busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise LedgerError(
                    f"{self._path}: its log was deleted, and another program reads it"
                )
        else:
            if loss == "folder_deleted":
                if self._is_elsewhere():
                    raise LedgerError(f"{self._path}: the ledger's folder was moved; move it back")
                self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self._write_back()

    def _write_back(self) -> None:
        path = self._path
        part, whole = _beside(path, PART), _beside(path, WRITTEN_BACK)
        for suffix in ("", "-journal", LOG_SUFFIX, INDEX_SUFFIX):
            _beside(part, suffix).unlink(missing_ok=True)
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
            path = _beside(self._path, suffix)
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
    whole = _beside(path, WRITTEN_BACK)
    if not whole.exists():
        return
    if path.exists() and path.stat().st_size:
        whole.unlink()  # somebody else has put a ledger there
        return
    # The log is of the deleted ledger, and would be taken for the copy's.
    for suffix in (INDEX_SUFFIX, LOG_SUFFIX):
        _beside(path, suffix).unlink(missing_ok=True)
    _sync(path.parent)
    whole.replace(path)
    _sync(path.parent)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


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
