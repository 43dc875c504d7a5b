"""A consistent copy of a SQLite database that is being written, and what it holds.

Standard library only.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from stack.backup.layout import CollectError

PAGES_A_STEP = 4_096
BUSY_SECONDS = 30.0
Progress = Callable[[int, int], None]
# What is counted in a database, as a proof when it has been restored. `runs` and others are tables
# of the ledger, `dashboard` and others of Grafana.
LEDGER_TABLES = ("runs", "results", "verdicts", "pipeline_runs", "documents", "baselines")
GRAFANA_TABLES = ("dashboard", "user", "data_source")


def copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database as it is at one moment. Its writers go on meanwhile.

    `progress` gets the pages that are done and those that there are.

    Raises:
        CollectError: it cannot be read, or the copy is damaged.
    """
    try:
        with (
            closing(_connect(source)) as from_source,
            closing(sqlite3.connect(target, isolation_level=None)) as to_target,
        ):
            to_target.execute("PRAGMA synchronous = OFF")
            # In a transaction that has read, the copy sees no later commit. Without it, each commit
            # would make the copy begin again.
            from_source.execute("BEGIN")
            from_source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            from_source.backup(
                to_target,
                pages=PAGES_A_STEP,
                progress=lambda _, left, total: progress(total - left, total),
                sleep=0.001,
            )
            from_source.execute("ROLLBACK")
            (problem,) = to_target.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise CollectError(
            f"{source.name} cannot be copied: {error}; is something else using it alone?"
        ) from error
    if problem != "ok":
        raise CollectError(
            f"{source.name} is damaged: {problem}; a backup of it would be of no use"
        )


def facts(path: Path) -> Mapping[str, int | float | str]:
    """Count what a ledger or Grafana's database holds; its schema's number, and the newest run.

    Raises:
        CollectError: it cannot be read.
    """
    try:
        with closing(_connect(path)) as connection:
            tables = {
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                )
            }
            found: dict[str, int | float | str] = {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                for name in (*LEDGER_TABLES, *GRAFANA_TABLES)
                if name in tables
            }
            (found["schema"],) = connection.execute("PRAGMA user_version").fetchone()
            if found.get("runs"):
                found["newest_run"], found["newest_run_seconds"] = connection.execute(
                    "SELECT run_id, timestamp_seconds FROM runs "
                    "ORDER BY timestamp_seconds DESC, id DESC LIMIT 1"
                ).fetchone()
            return found
    except sqlite3.Error as error:
        raise CollectError(f"{path.name} cannot be read: {error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    """A connection to a database that is there already."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
