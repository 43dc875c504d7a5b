"""The witnesses of a ledger: random numbers that only one state of one ledger has.

Each is the only row of a table, and so alone on a page of its own. Before each checkpoint, the
older one becomes a new number. So what lies in the file cannot be that of another ledger, nor an
earlier copy of this one.

While the exporter runs, and after it was killed, a record next to the ledger (`-witness`) says
which numbers may be in the file, and which write-ahead log is that of this ledger. SQLite does not
compare a log with the database: it would apply the log of a ledger that was replaced to the one in
its place.
"""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from benchmark_exporter.atomic_write import sync_folder

log = logging.getLogger(__name__)

TABLES = ("witness_1", "witness_2")
NONCE_BYTES = 16
LOG_SUFFIX, INDEX_SUFFIX, RECORD_SUFFIX = "-wal", "-shm", "-witness"
# The first half of a log's salt is in its header, and is one more after each restart of the log:
# https://sqlite.org/fileformat2.html#walformat. Between two records, it restarts once; more often
# only if other programs have it checkpointed.
_SALT = slice(16, 20)
_HEADER_BYTES = 32
_RESTARTS = 1000
# Written in place and in one piece.
RECORD_BYTES = 512


class Record(msgspec.Struct, frozen=True):
    """`log_salt` is that of the log, None for none; `nonces` are the numbers that may be in the
    file, for each table; an empty one stands for none.
    """

    log_salt: int | None
    nonces: tuple[tuple[bytes, ...], tuple[bytes, ...]]


def write_record(ledger: Path, record: Record) -> None:
    """Puts a record next to its ledger, on the disk.

    Raises:
        OSError: the folder's permissions or disk forbid it.
    """
    path = beside(ledger, RECORD_SUFFIX)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.pwrite(descriptor, msgspec.json.encode(record).ljust(RECORD_BYTES), 0)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


def remove_record(ledger: Path) -> None:
    """Of a ledger that is closed, and has no log.

    Raises:
        OSError: the folder's permissions or disk forbid it.
    """
    beside(ledger, RECORD_SUFFIX).unlink(missing_ok=True)


def log_salt(ledger: Path) -> int | None:
    """The part of the log's salt that counts its restarts; None if there is no log."""
    try:
        with beside(ledger, LOG_SUFFIX).open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return None
    return int.from_bytes(header[_SALT], "big") if len(header) == _HEADER_BYTES else None


def nonces_in_file(ledger: Path) -> tuple[bytes, bytes]:
    """The numbers in the database file, without its log; empty ones where it has none.

    Raises:
        sqlite3.Error: it is not a database, or damaged.
    """
    with closing(_connect_to_file(ledger)) as connection:
        first, second = (_nonce(connection, table) for table in TABLES)
        return first, second


def integrity_of(ledger: Path) -> str:
    """What is wrong with the database file, without its log; empty if it is whole.

    Raises:
        OSError: it has gone.
    """
    if not ledger.stat().st_size:
        return "it is empty"
    try:
        with closing(_connect_to_file(ledger)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else str(found)


def discard_foreign_log(ledger: Path) -> None:
    """Removes the log of another ledger, which was killed after this one had taken its place.

    For the exporter, before it opens a ledger that no other process is writing to.

    Raises:
        OSError: the folder's permissions or disk forbid it.
    """
    record = _read_record(ledger)
    if record is None or not _is_log_of(ledger, record) or not ledger.exists():
        return
    try:
        found = nonces_in_file(ledger)
        is_own = _allows(record, found)
    except sqlite3.Error:
        is_own = False
    if is_own:
        return
    # Its index first: without the log it means nothing.
    for suffix in (INDEX_SUFFIX, LOG_SUFFIX, RECORD_SUFFIX):
        beside(ledger, suffix).unlink(missing_ok=True)
    sync_folder(ledger.parent)
    log.warning(
        "another ledger took the place of the one that was open when the exporter was killed; "
        "its write-ahead log was removed",
        extra={"fields": {"ledger": ledger}},
    )


def has_foreign_log(ledger: Path) -> bool:
    """Whether the log next to a ledger is certainly that of another one.

    Another process may be writing to it.
    """
    record = _read_record(ledger)
    if record is None or not _is_log_of(ledger, record):
        return False
    try:
        return not _allows(record, nonces_in_file(ledger)) and _read_record(ledger) == record
    except sqlite3.Error:  # it is just being written
        return False


def beside(path: Path, suffix: str) -> Path:
    """The path of a ledger with a suffix."""
    return path.with_name(path.name + suffix)


def _read_record(ledger: Path) -> Record | None:
    try:
        data = beside(ledger, RECORD_SUFFIX).read_bytes()
        return msgspec.json.decode(data, type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def _is_log_of(ledger: Path, record: Record) -> bool:
    salt = log_salt(ledger)
    if salt is None or record.log_salt is None:
        return False
    return (salt - record.log_salt) % 2**32 <= _RESTARTS


def _allows(record: Record, found: tuple[bytes, bytes]) -> bool:
    return all(nonce in allowed for nonce, allowed in zip(found, record.nonces, strict=True))


def _connect_to_file(ledger: Path) -> sqlite3.Connection:
    """Without the log, its index and locks."""
    return sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _nonce(connection: sqlite3.Connection, table: str) -> bytes:
    (known,) = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
    ).fetchone()
    row = connection.execute(f"SELECT nonce FROM {table}").fetchone() if known else None  # noqa: S608
    return bytes(row[0]) if row is not None else b""
