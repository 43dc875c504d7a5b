"""Ledgers from before threads were part of JMH's names: their histories find their new names."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmark_exporter.ledger import Ledger
from benchmark_exporter.ledger.names_migration import NAMES
from benchmark_exporter.ledger.schema import MIGRATIONS
from tests.support.ledger_files import read_rows

# Project p has a result and a failure of JMH, and a result of another tool.
BEFORE = """
    INSERT INTO runs (id, project, run_id, measurements, format, environment, machine, commit_hash,
        branch, timestamp_seconds, ingested_seconds, line)
        VALUES (1, 'p', '1', x'01', 'jmh', 'ci', '', '', '', 10, 10, 'main'),
        (2, 'p', '2', x'02', 'jmh', 'ci', '', '', '', 20, 20, 'main'),
        (3, 'p', '3', x'03', 'result', 'ci', '', '', '', 30, 30, 'main');
    INSERT INTO results (run, name, benchmark, variant, unit)
        VALUES (1, 'a.B.put/avgt', 'a.B.put', 'avgt', 'seconds'),
        (2, 'a.B.put/avgt', 'a.B.put', 'avgt', 'seconds'), (3, 'x', 'x', '', 'seconds');
    INSERT INTO failures VALUES (2, 'a.B.get', 'NaN');
"""


def test_benchmarks_of_jmh_wait_for_their_thread_count(tmp_path: Path) -> None:
    path, number = tmp_path / "ledger.sqlite3", MIGRATIONS.index(NAMES)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for each, script in enumerate(MIGRATIONS[:number], 1):
            connection.executescript(f"BEGIN; {script} PRAGMA user_version = {each}; COMMIT")
        connection.executescript(BEFORE)
    Ledger(path).close()
    rows = read_rows(path, "SELECT project, benchmark FROM former_names ORDER BY benchmark")
    assert rows == [("p", "a.B.get"), ("p", "a.B.put")]
    for table in ("executables", "carried_aliases"):
        assert not read_rows(path, f"SELECT * FROM {table}")  # noqa: S608  # names of the schema
