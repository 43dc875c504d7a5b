"""A ledger of an earlier version with many runs: those of its fixture, repeated into the past."""

import sqlite3
from contextlib import closing
from pathlib import Path

# So that no repetition has the place of another.
SECONDS_APART = 1.0
_RUN_TABLES = ("results", "failures", "judgements", "verdicts", "gate_outcomes")


def grow(ledger: Path, runs: int) -> int:
    """Adds runs to a ledger until it has about so many; gives how many it has."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")
        (known, newest) = connection.execute("SELECT count(*), max(id) FROM runs").fetchone()
        connection.execute("CREATE TEMP TABLE times (n INTEGER)")
        connection.execute(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) "
            "INSERT INTO times SELECT n FROM c",
            (max(1, runs // known - 1),),
        )
        for table in _tables(connection):
            _repeat(connection, table, newest)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (total,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    return int(total)


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    known = {name for (name,) in rows}
    return ["runs", *(each for each in _RUN_TABLES if each in known), "documents", "files"]


def _repeat(connection: sqlite3.Connection, table: str, newest: int) -> None:
    """Adds each row of a table once for each of `times`, with keys of its own."""
    changed = {
        "id": f"id + n * {newest}",
        "run": f"run + n * {newest}",
        "measurements": "randomblob(16)",
        "digest": "randomblob(32)",
        "run_id": "run_id || '-' || n",
        "timestamp_seconds": f"timestamp_seconds - n * {SECONDS_APART}",
        "rank_seconds": f"rank_seconds - n * {SECONDS_APART}",
        "path": "n || '/' || path",
    }
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    if table == "runs" and "id" not in columns:
        columns.insert(0, "id")
    values = ", ".join(changed.get(column, column) for column in columns)
    named = ", ".join(columns)
    connection.execute(
        f"INSERT INTO {table} ({named}) SELECT {values} FROM {table}, times ORDER BY n"  # noqa: S608  # names of the schema
    )
