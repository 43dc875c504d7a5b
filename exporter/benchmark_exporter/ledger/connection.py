"""Connections to the ledger's file, and what their errors say."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmark_exporter.ledger.migrating import (
    NewerSchemaError,
    NoteProgress,
    migrate,
    schema_of,
)
from benchmark_exporter.ledger.schema import MIGRATIONS
from benchmark_exporter.ledger.witnesses import has_foreign_log

Connect = Callable[[Path], sqlite3.Connection]

# WAL with synchronous FULL: a commit that returned is on the disk. What a read sets aside and what
# undoes a step stay in memory: there may be no folder for temporary files. A burst's digests lie
# all over their indexes, which 8 MB can hold.
_SETTINGS = (
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000;"
)
# Without others, SQLite keeps the index of the write-ahead log in memory, so that a disk without
# room for it can still be read.
_ALONE = "PRAGMA locking_mode = EXCLUSIVE;"


class LedgerError(Exception):
    """The ledger cannot be used; the message names the file and the reason."""


def has_no_room(error: LedgerError) -> bool:
    """Whether the disk failed, which may be full only for now, and not a path or permission."""
    cause = error.__cause__
    if isinstance(cause, OSError):  # of the copy before a migration
        return cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
    return getattr(cause, "sqlite_errorname", "").startswith(("SQLITE_FULL", "SQLITE_IOERR"))


def connect_to_write(path: Path) -> sqlite3.Connection:
    """A connection in which each statement commits unless a transaction was begun."""
    _bind_at_once()
    return sqlite3.connect(path, isolation_level=None)


def _bind_at_once() -> None:
    """Registers adapters that return NULL, bytes and booleans as SQLite binds them anyway.

    Without one, sqlite3 looks for methods of each such value that adapt it, in vain and by
    exceptions: some 50 times a file, which took a tenth of ingesting it. For all connections.
    """
    sqlite3.register_adapter(type(None), dict[None, None]().get)
    sqlite3.register_adapter(bytes, bytes)
    sqlite3.register_adapter(bool, int)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """The same for a file that is never written."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def open_to_write(
    path: Path, connect: Connect, *, alone: bool = False, note: NoteProgress | None = None
) -> sqlite3.Connection:
    """A connection with the ledger's settings, to tables that are up to date.

    `alone` locks other processes out, which takes less room on the disk. `note` gets how far a
    migration is.

    Raises:
        LedgerError: the file cannot be opened, or is not a ledger that this version can use.
    """
    with errors_named(path):
        connection = connect(path)
        try:
            connection.executescript(f"{_ALONE if alone else ''} {_SETTINGS}")
            migrate(connection, path, note)
        except OSError as error:  # of the copy
            connection.close()
            raise LedgerError(f"{path}: {error.strerror or error}") from error
        except BaseException:
            connection.close()
            raise
    return connection


def open_to_read(path: Path, connect: Connect) -> sqlite3.Connection:
    """A connection to a ledger that another process may be writing.

    Raises:
        LedgerError: the file cannot be opened, or is not a ledger of this version, or the log next
            to it is another ledger's.
    """
    if not path.is_file():
        raise LedgerError(
            f"{path}: there is no such ledger; name the file that `serve` was given with --ledger"
        )
    if has_foreign_log(path):
        raise LedgerError(
            f"{path}: another ledger was in its place, whose write-ahead log would be applied to "
            "this one; start `benchmark-exporter serve` with it once, which removes that log"
        )
    with reading_errors_named(path):
        connection = connect(path)
        try:
            _check_schema(path, connection)
        except BaseException:
            connection.close()
            raise
    return connection


def refuse_another_schema(path: Path) -> None:
    """Checks that a ledger is of this version: only `serve` may migrate it.

    Raises:
        LedgerError: it is not there, not of this version, or cannot be read.
    """
    open_to_read(path, connect_to_read).close()


def _check_schema(path: Path, connection: sqlite3.Connection) -> None:
    schema = schema_of(connection)
    if schema > len(MIGRATIONS):
        raise LedgerError(
            f"{path}: schema {schema} was written by a newer version of the exporter, this one "
            f"knows {len(MIGRATIONS)}; use that version's benchmark-exporter"
        )
    if schema < len(MIGRATIONS):
        raise LedgerError(
            f"{path}: not a ledger yet, or one of an older version (schema {schema}, this one "
            f"reads {len(MIGRATIONS)}); start `benchmark-exporter serve` of this version with it "
            "once"
        )


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Raises errors of the database as LedgerError, which names the file and what to do."""
    try:
        yield
    except NewerSchemaError as error:
        raise LedgerError(f"{path}: {error}") from error
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise LedgerError(
            f"{path}: {error}; is its folder there and writable, with room, and the file a ledger?"
        ) from error


@contextmanager
def reading_errors_named(path: Path) -> Iterator[None]:
    """The same for a ledger that is only read."""
    try:
        yield
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise LedgerError(
            f"{path}: {error}; is it a ledger, and can this user write to its folder, which SQLite "
            "needs even to read?"
        ) from error
