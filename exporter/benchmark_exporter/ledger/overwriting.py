"""Notices that another file was written over the open ledger, and keeps the two from mixing.

`cp other ledger.sqlite3` writes into the file that SQLite has open. SQLite goes on with what it
remembers of the old one, and its next checkpoint would write some pages of the old ledger into the
new one. So SQLite makes no checkpoint by itself. The guard makes one when the log is long enough,
after it has checked that nobody else has written to the file, and checks afterwards that the
witness which the checkpoint did not write is still there.
"""

import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from benchmark_exporter.ledger.witnesses import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    NONCE_BYTES,
    TABLES,
    Record,
    beside,
    log_salt,
    nonces_in_file,
    remove_record,
    write_record,
)

# Another file is being written over the database; it has been; a checkpoint came in between, so
# that neither is whole; another ledger was written by way of SQLite, which keeps it whole.
Overwriting = Literal["overwriting", "overwritten", "mixed", "rewritten"]
# SQLite's own limit.
CHECKPOINT_FRAMES = 1000
# A file that nobody has written to for this long is complete; one that is not a ledger then is
# awaited for longer, since its source may be slow.
STILL_SECONDS, INCOMPLETE_SECONDS = 1.0, 10.0
# Of the log's index, https://sqlite.org/walformat.html: the frames in the log, and how many of them
# are in the database already.
_FRAMES, _FRAMES_DONE, _NUMBER_BYTES = 16, 96, 4

_Stamp = tuple[int, int, int]


class Guard:
    """Guards the file of a connection that has the ledger's settings. For its thread.

    `monotonic` returns seconds that never go back. While the disk has no room for the witnesses, it
    is not active, and SQLite makes its own checkpoints.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._connection = connection
        self._monotonic = monotonic
        self._is_active = self._is_mixed = self._is_other = self.is_closed = False
        # Of each table: the numbers that may be in the file, the one that is committed, its page.
        self._allowed: list[set[bytes]] = []
        self._newest: list[bytes] = []
        self._pages: list[int] = []
        self._older = 0
        # Never closed before the connection: that would end SQLite's locks of these files.
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._index = os.open(beside(path, INDEX_SUFFIX), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._file)
            raise
        self._stamp = self._seen = self._stamp_now()
        self._changed_at = monotonic()
        self._activate()

    def check(self) -> Overwriting | None:
        """What others have written over the file; None for nothing, or for what does no harm."""
        if not self._is_active:
            return None
        if (stamp := self._stamp_now()) != self._seen:
            self._seen, self._changed_at = stamp, self._monotonic()
        if self._is_mixed:
            return "mixed"
        if self._is_rewritten():
            return "rewritten"
        is_still = self._still_seconds >= STILL_SECONDS
        if not self._has_witnesses():
            return "overwritten" if is_still else "overwriting"
        if is_still:
            self._stamp = stamp
        return None

    @property
    def is_changed(self) -> bool:
        """Whether somebody else has written to the file, or may be about to."""
        return self._is_active and (self._is_mixed or self._stamp_now() != self._stamp)

    @property
    def is_mixed(self) -> bool:
        """Whether a checkpoint came between, so that the file is neither ledger."""
        return self._is_mixed

    @property
    def is_awaited(self) -> bool:
        """Whether a file that is not a ledger may still become one."""
        return self._still_seconds < INCOMPLETE_SECONDS

    def checkpoint_if_due(self) -> None:
        """Makes a checkpoint if the log is long. To be called after each commit."""
        if not self._is_active:
            self._activate()
        elif self._frames_due() >= CHECKPOINT_FRAMES:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Writes what is in the log to the database, unless somebody else has written there.

        What cannot be done now is left to the next call.
        """
        if not self._is_active or self.is_changed or self.check() is not None:
            return
        with suppress(OSError, sqlite3.Error):
            self._renew()
            if self.is_changed:
                return
            try:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                self._confirm()

    def discard_log(self) -> None:
        """Has the connection write nothing more to the file, not even when it is closed.

        Raises:
            OSError: the folder's permissions or disk forbid it.
        """
        # Each frame that a checkpoint reads is missing, which ends it before it writes.
        with suppress(FileNotFoundError):
            os.truncate(beside(self._path, LOG_SUFFIX), 0)
        for suffix in (INDEX_SUFFIX, LOG_SUFFIX):
            beside(self._path, suffix).unlink(missing_ok=True)

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode of the file."""
        status = os.fstat(self._file)
        return status.st_dev, status.st_ino

    def close(self) -> None:
        """Must be called after the connection was closed."""
        os.close(self._file)
        os.close(self._index)
        was_active, self._is_active, self.is_closed = self._is_active, False, True
        if was_active and not beside(self._path, LOG_SUFFIX).exists():
            with suppress(OSError):
                remove_record(self._path)

    @property
    def _still_seconds(self) -> float:
        return self._monotonic() - self._changed_at

    def _activate(self) -> None:
        try:
            self._page_bytes = self._number("PRAGMA page_size")
            committed = self._committed()
            self._number("PRAGMA wal_autocheckpoint = 0")
            # What is in the file, until a checkpoint has written what is committed.
            first, second = zip(nonces_in_file(self._path), committed, strict=True)
            self._allowed = [set(first), set(second)]
            self._newest = committed
            self._stamp = self._seen = self._stamp_now()
            self._find_pages()
            self._is_active = True
            self._commits = self._number("PRAGMA data_version")
            for slot in range(len(TABLES)):
                if not self._newest[slot]:
                    self._renew(slot)
            self.checkpoint()
        except (OSError, sqlite3.Error):
            self._is_active = False
            with suppress(sqlite3.Error):
                self._number(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_FRAMES}")
            return
        # A commit of the connection has begun the log, so that it has a salt.
        with suppress(OSError):
            self._record()

    def _renew(self, slot: int | None = None) -> None:
        """Commits a new number in place of the older one, once the last one is in the file."""
        if slot is None:
            slot = self._older
            if any(len(allowed) > 1 for allowed in self._allowed):
                return
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._allowed[slot].add(nonce)
        self._record()
        table = TABLES[slot]
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
            connection.execute(f"INSERT INTO {table} VALUES (?)", (nonce,))  # noqa: S608
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._newest[slot] = nonce

    def _record(self) -> None:
        first, second = (tuple(sorted(allowed)) for allowed in self._allowed)
        write_record(self._path, Record(log_salt(self._path), (first, second)))

    def _confirm(self) -> None:
        """Notes what a checkpoint has written, or that another file came in between."""
        if not self._has_witnesses():
            self._is_mixed = True
            return
        for slot in range(len(TABLES)):
            if self._newest[slot] in self._page(slot):
                if len(self._allowed[slot]) > 1:
                    self._older = 1 - slot
                self._allowed[slot] = {self._newest[slot]}
        self._stamp = self._seen = self._stamp_now()

    def _has_witnesses(self) -> bool:
        """Whether the file has a number of ours on each of the pages."""
        for slot, allowed in enumerate(self._allowed):
            # Without the table there is no page yet.
            if b"" not in allowed and not any(nonce in self._page(slot) for nonce in allowed):
                return False
        # The first page and the size say whether there is a file at all.
        return os.fstat(self._file).st_size >= self._page_bytes

    def _page(self, slot: int) -> bytes:
        return os.pread(self._file, self._page_bytes, (self._pages[slot] - 1) * self._page_bytes)

    def _is_rewritten(self) -> bool:
        """Whether SQLite itself was asked to write another ledger, or rows that are ours."""
        try:
            commits = self._number("PRAGMA data_version")
            if commits == self._commits:
                return self._is_other
            self._commits = commits
            pages, committed = self._pages, self._committed()
            self._find_pages()
        except sqlite3.Error:
            return False
        if committed != self._newest:
            self._is_other = True
        if pages != self._pages:  # by VACUUM; in the file they move with the next checkpoint
            self._allowed = [{*allowed, b""} for allowed in self._allowed]
        return self._is_other

    def _find_pages(self) -> None:
        self._pages = [
            self._number(f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")  # noqa: S608
            for table in TABLES
        ]

    def _committed(self) -> list[bytes]:
        rows = [
            self._connection.execute(f"SELECT nonce FROM {table}").fetchone()  # noqa: S608
            for table in TABLES
        ]
        return [bytes(row[0]) if row else b"" for row in rows]

    def _number(self, statement: str) -> int:
        row = self._connection.execute(statement).fetchone()
        if row is None:
            raise sqlite3.DatabaseError(f"no answer to {statement}")
        return int(row[0])

    def _frames_due(self) -> int:
        frames, done = (
            int.from_bytes(os.pread(self._index, _NUMBER_BYTES, at), sys.byteorder)
            for at in (_FRAMES, _FRAMES_DONE)
        )
        return frames - done

    def _stamp_now(self) -> _Stamp:
        status = os.fstat(self._file)
        return status.st_mtime_ns, status.st_ctime_ns, status.st_size
