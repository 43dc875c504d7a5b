"""Which files are known, read in parts: there may be hundreds of thousands."""

import sqlite3
from collections.abc import Iterator

from benchmark_exporter.ledger.rows import Signature

_FILES = """
    SELECT path, inode, size_bytes, ctime_ns, reason FROM files WHERE path > ?
    ORDER BY path LIMIT ?
"""

ListedFile = tuple[str, Signature | None]


def list_files(connection: sqlite3.Connection, step_files: int) -> Iterator[list[ListedFile]]:
    """Every file's name with its signature, None if it was rejected; in steps, by name.

    Each step is a statement of its own, so that others may write in between.
    """
    last = ""  # no file has an empty name
    while rows := connection.execute(_FILES, (last, step_files)).fetchall():
        yield [
            (path, (inode, size, ctime) if reason is None else None)
            for path, inode, size, ctime, reason in rows
        ]
        last = rows[-1][0]
