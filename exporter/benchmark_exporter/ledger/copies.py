"""The copies of a ledger that are made before it is migrated, and the way back to one.

A copy lies next to its ledger, as `ledger.sqlite3.schema-4`, and holds what the version with that
schema left. Only the owner may read it.
"""

import errno
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmark_exporter.atomic_write import sync_folder

KEPT = 2
# Copied at once. Other processes may write in between, and then SQLite begins again.
PAGES_PER_STEP = 4096
# Of a ledger's size: the copy, and the write-ahead log of the migration. Measured are 1.5
# (benchmarks/results/migration.md).
SPACE_FACTOR = 2.0


def copy_path(ledger: Path, schema: int) -> Path:
    """Where the copy of a ledger with this schema is."""
    return ledger.with_name(f"{ledger.name}.schema-{schema}")


def copies(ledger: Path) -> dict[Path, int]:
    """The copies there are, newest first, and the schema of each."""
    pattern = re.compile(rf"{re.escape(ledger.name)}\.schema-(\d+)")
    found = {
        path: int(match[1])
        for path in ledger.parent.iterdir()
        if (match := pattern.fullmatch(path.name))
    }
    newest_first = sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return {path: found[path] for path in newest_first}


def space_needed_bytes(ledger_bytes: int) -> int:
    """The room that copying and migrating a ledger takes on its disk."""
    return int(ledger_bytes * SPACE_FACTOR)


def make_copy(
    connection: sqlite3.Connection, ledger: Path, schema: int, copied: Callable[[float], None]
) -> Path:
    """Copies a ledger of which no transaction is open, and syncs the copy.

    `copied` is called with the share that is done, from 0 to 1.

    Raises:
        OSError: there is not enough room, or the copy cannot be written.
        sqlite3.Error: the ledger cannot be read.
    """
    _refuse_without_room(connection, ledger)
    path = copy_path(ledger, schema)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def progress(_: int, left: int, total: int) -> None:
        copied(1 - left / total if total else 1.0)

    with closing(sqlite3.connect(part)) as target:
        # The copy counts once it is synced and renamed, so it needs no journal of its own.
        target.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        connection.backup(target, pages=PAGES_PER_STEP, progress=progress)
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)
    sync_folder(path.parent)
    return path


def prune_copies(ledger: Path) -> None:
    """Removes all but the newest copies."""
    for path in list(copies(ledger))[KEPT:]:
        path.unlink(missing_ok=True)


def way_back(ledger: Path, schema: int, known: int) -> str:
    """What to do about a ledger of a newer version: the schemas are its own and ours."""
    text = (
        f"schema {schema} was written by a newer version of the exporter, this one knows {known}; "
        "run that version again, "
    )
    usable = [path for path, of in copies(ledger).items() if of <= known]
    if not usable:
        return (
            f"{text}or restore a backup that this version made (docs/upgrading.md#going-back); "
            f"{copy_path(ledger, known).name} is not there"
        )
    return (
        f"{text}or go back to the copy that it made when it took this ledger over. Stop the "
        f"exporter, then: mv {ledger} {ledger}.schema-{schema}; rm -f {ledger}-wal {ledger}-shm; "
        f"mv {usable[0]} {ledger}. What came in since is ingested again from the result files and "
        "uploads that are there (docs/upgrading.md#going-back)"
    )


def _refuse_without_room(connection: sqlite3.Connection, ledger: Path) -> None:
    (pages,), (page_bytes,) = (
        connection.execute("PRAGMA page_count").fetchone(),
        connection.execute("PRAGMA page_size").fetchone(),
    )
    needed = space_needed_bytes(pages * page_bytes)
    if (free := shutil.disk_usage(ledger.parent).free) < needed:
        raise OSError(
            errno.ENOSPC,
            f"copying and migrating it needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are "
            "free; make room",
        )
