"""Brings a ledger up to date: a copy of it, then all migrations in one transaction.

So a ledger is either as the version before left it or up to date, whatever ends the process.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from benchmark_exporter.ledger.copies import make_copy, prune_copies, way_back
from benchmark_exporter.ledger.migration_words import changes_of
from benchmark_exporter.ledger.schema import MIGRATIONS

log = logging.getLogger(__name__)

# Gets what is being done, in words. What it raises ends the migration, which leaves no trace.
NoteProgress = Callable[[str], None]

# The variable by which SQLite finds the folder for its temporary files.
TEMPORARY_FOLDER = "SQLITE_TMPDIR"
# What is cached and sorted in memory meanwhile.
CACHE_KB = 48_000
BEAT_SECONDS = 1.0
LOG_SECONDS = 4.0
# Virtual instructions of SQLite between two checks of the time: some milliseconds.
INSTRUCTIONS = 200_000


class NewerSchemaError(Exception):
    """The database was written by a newer version of the exporter; says what to do."""


def schema_of(connection: sqlite3.Connection) -> int:
    """The number of the last migration; 0 for an empty database."""
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    return int(schema)


def migrate(connection: sqlite3.Connection, path: Path, note: NoteProgress | None = None) -> None:
    """Brings the tables up to date. `PRAGMA user_version` is the number of the last migration.

    A ledger that has tables already is copied before. `note` is called about every second with
    what is being done; the log says so every LOG_SECONDS.

    Raises:
        NewerSchemaError: there is a migration that this version does not know.
        OSError: there is no room for the copy, or it cannot be written.
        sqlite3.Error: a migration fails; the ledger is as it was.
    """
    newest = len(MIGRATIONS)
    schema = schema_of(connection)
    if schema > newest:
        raise NewerSchemaError(way_back(path, schema, newest))
    if schema == newest:
        return
    if schema == 0:
        with _all_or_nothing(connection):
            if schema_of(connection) == 0:  # no other process was faster
                for number in range(1, newest + 1):
                    _apply(connection, number)
        return
    with _Progress(note) as progress, _sorting_on_disk(connection, path.parent):
        progress.say(f"copying the ledger before it is migrated from schema {schema} to {newest}")
        while not _copied_and_migrated(connection, path, progress):
            pass
    prune_copies(path)


def statements(script: str) -> Iterator[str]:
    """The statements of a script, each with its semicolon."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    if statement.strip():
        raise ValueError(f"the script ends within a statement: {statement}")


class _Progress:
    """Tells `note` and the log how far a migration is, within `with` also while SQLite is silent.

    It is so while it writes and syncs what was committed.
    """

    def __init__(self, note: NoteProgress | None) -> None:
        self._note = note
        self._doing = ""
        self._started = self._logged = time.monotonic()
        self._ended = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="migration", daemon=True)

    def __enter__(self) -> Self:
        self._beats.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._beats.join()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(Exception):  # which ends the migration in its own thread
                self.check()

    def say(self, doing: str) -> None:
        """What is being done from now on."""
        self._doing = doing
        self.check()

    def check(self) -> None:
        """To be called often."""
        now = time.monotonic()
        seconds = now - self._started
        if self._note is not None:
            self._note(f"{self._doing}, {seconds:.0f} s")
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            log.info(self._doing, extra={"fields": {"seconds": round(seconds, 1)}})

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started


def _copied_and_migrated(connection: sqlite3.Connection, path: Path, progress: _Progress) -> bool:
    """False if another process wrote after the copy was made."""
    schema, newest = schema_of(connection), len(MIGRATIONS)
    if schema == newest:  # another process has migrated it
        return True
    before = _commits_elsewhere(connection)

    def note_copied(share: float) -> None:
        progress.say(f"copying the ledger before it is migrated: {share:.0%}")

    copy = make_copy(connection, path, schema, note_copied)
    log.info(
        "copied the ledger before migrating it",
        extra={"fields": {"copy": copy, "schema": schema, "seconds": round(progress.seconds, 1)}},
    )
    with _all_or_nothing(connection):
        if _commits_elsewhere(connection) != before:
            return False
        connection.set_progress_handler(progress.check, INSTRUCTIONS)
        try:
            for number in range(schema + 1, newest + 1):
                progress.say(
                    f"migrating the ledger: step {number - schema} of {newest - schema}, which "
                    f"{changes_of(number)}"
                )
                _apply_and_log(connection, number)
            progress.say("writing the migrated ledger")
        finally:
            connection.set_progress_handler(None, 0)
    # It is as large as all that was changed, and would stay so.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    log.info(
        "migrated the ledger",
        extra={"fields": {"schema": newest, "from": schema, "seconds": round(progress.seconds, 1)}},
    )
    return True


def _apply_and_log(connection: sqlite3.Connection, number: int) -> None:
    started, before = time.monotonic(), connection.total_changes
    _apply(connection, number)
    log.info(
        f"migration {number} {changes_of(number)}",
        extra={
            "fields": {
                "rows": connection.total_changes - before,
                "seconds": round(time.monotonic() - started, 2),
            }
        },
    )


def _apply(connection: sqlite3.Connection, number: int) -> None:
    for statement in statements(MIGRATIONS[number - 1]):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {number}")


def _commits_elsewhere(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("PRAGMA data_version").fetchone()
    return int(number)


@contextmanager
def _sorting_on_disk(connection: sqlite3.Connection, folder: Path) -> Iterator[None]:
    """Has SQLite sort in files of a folder, as long as they are open: there is room for them.

    In memory, an index of 1,000,000 runs takes more than the exporter may have.
    """
    before = os.environ.get(TEMPORARY_FOLDER)
    os.environ[TEMPORARY_FOLDER] = str(folder)
    (cache,) = connection.execute("PRAGMA cache_size").fetchone()
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    try:
        yield
    finally:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = {cache}")
        if before is None:
            del os.environ[TEMPORARY_FOLDER]
        else:
            os.environ[TEMPORARY_FOLDER] = before


@contextmanager
def _all_or_nothing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
