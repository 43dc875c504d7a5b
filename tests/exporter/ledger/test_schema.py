"""Ledgers of earlier versions, and the columns that the code names."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmark_exporter.ledger import Ledger, connect_to_write, witnesses
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.schema import MIGRATIONS
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.ledger.state import SuiteDurations
from benchmark_exporter.ledger.tables import TABLES
from tests.support.ledger_files import known_files, read_rows

RENAMED_TABLES = {
    "gate_outcomes": "verdicts",
    "newest_gate_outcomes": "newest_verdicts",
    "verdicts": "judgements",
    "newest_verdicts": "newest_judgements",
}
# Two runs, the second with a critical gate outcome and verdict, and a rejected sidecar.
VERSION_1 = """
    UPDATE totals SET commits = 7, last_ingest_seconds = 30.5, suite_duration_count = 2,
        suite_duration_sum_seconds = 4.5;
    INSERT INTO files VALUES ('b.json', 1, 2, 3, x'0b', NULL, NULL, NULL, 30);
    INSERT INTO files VALUES
        ('b.meta.json', 4, 5, 6, x'0c', 'late_side_file', '$.commit', 'ingested without it', 31);
    INSERT INTO rejections VALUES (31, 'b.meta.json', 'late_side_file', '$.commit', 'detail');
    INSERT INTO runs VALUES (1, 'p', '1', x'01', 'test', 'ci', 'm', 'a1', 'main', 10, 1.5, 20);
    INSERT INTO runs VALUES (2, 'p', '2', x'02', 'test', 'ci', 'm', 'b1', 'main', 20, 3, 30);
    INSERT INTO results VALUES
        (1, 'router/fast', 'router', 'fast', 'seconds', 'lower', 1, 2, 3, 1.5, 0.5, 4, 0.25, 9,
        0.1);
    INSERT INTO results VALUES
        (2, 'router/fast', 'router', 'fast', 'seconds', 'lower', 4, 5, 6, 4.5, 3, 7, 0.5, 8, 0.2);
    INSERT INTO verdicts VALUES
        (2, 'router', 5, 4.5, 10, NULL, 0.5, '{"p50":false}', 0, 'critical', 1, 'critical');
    INSERT INTO judgements VALUES (1, 'router/fast', 'insufficient_data', 1, NULL, NULL, NULL, NULL,
        NULL, NULL, 1, 0, '');
    INSERT INTO judgements VALUES
        (2, 'router/fast', 'critical', 4, 1, 1.5, 1, 1.1, 3, 0.05, 12, 0, 'a1');
    INSERT INTO newest_verdicts VALUES ('router', 2, 20);
    INSERT INTO newest_judgements VALUES ('router/fast', 'ci', 20, 2, 'm', 'critical');
    INSERT INTO newest_results VALUES ('router/fast', 'ci', 2, 20);
    INSERT INTO newest_runs VALUES ('router', 'ci', 2, 0, 20);
    INSERT INTO series VALUES ('p', 'ci', 'm', 'router/fast', 'seconds', '[1.0,4.0]', 'critical',
        NULL, 1.5, 'a1', 20);
    INSERT INTO counters VALUES ('runs', '["router/fast","ci"]', 2, 20);
    INSERT INTO counters VALUES ('files_rejected', '["late_side_file"]', 1, 31);
    INSERT INTO subjects VALUES ('benchmark', 'router', 'ci', '', '["router",', 1, 30);
    INSERT INTO subjects VALUES ('benchmark', 'router/fast', 'ci', '', '["router/fast",', 2, 30);
"""
TABLES_OF_SCHEMA = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"

INDEXES = "SELECT name FROM sqlite_schema WHERE type = 'index'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger as version 1 left it."""
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            f"BEGIN; {MIGRATIONS[0]} {VERSION_1} PRAGMA user_version = 1; COMMIT"
        )
    return path


# By the table's name now: the columns that were dropped, by their position, and the values that
# were added.
DROPPED = {"series": [7], "verdicts": [5]}
ADDED = {"series": (None,), "verdicts": (None, 0, 0, 0, None)}


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    names = [name for (name,) in read_rows(path, TABLES_OF_SCHEMA)]
    return {
        name: read_rows(path, f"SELECT * FROM {name}")  # noqa: S608  # names of the schema
        for name in names
    }


def migrated(path: Path, number: int) -> dict[str, list[tuple[object, ...]]]:
    """What a migration makes of a ledger that has those before it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            f"BEGIN; {MIGRATIONS[number - 1]} PRAGMA user_version = {number}; COMMIT"
        )
    return contents(path)


def test_new_terms_and_judge_change_no_value_but_the_name_of_a_reason(path: Path) -> None:
    before = contents(path)
    migrated(path, 2)
    after = migrated(path, 3)
    assert after.keys() == (before.keys() - RENAMED_TABLES.values()) | RENAMED_TABLES.keys()
    expected = {
        name: [
            (
                *(value for index, value in enumerate(row) if index not in DROPPED.get(name, ())),
                *ADDED.get(name, ()),
            )
            for row in before[RENAMED_TABLES.get(name, name)]
        ]
        for name in after
    }
    for name in ("files", "rejections", "counters"):
        expected[name] = [
            tuple(
                value.replace("late_side_file", "late_sidecar") if isinstance(value, str) else value
                for value in row
            )
            for row in expected[name]
        ]
    assert after == expected


def test_every_number_of_a_migrated_ledger_is_read(path: Path) -> None:
    with Ledger(path) as ledger:
        state = ledger.state()
        assert known_files(ledger) == {"b.json": (1, 2, 3), "b.meta.json": None}
    (gate,), (verdict,), (result,) = state.gates, state.verdicts, state.results
    outcome = gate.outcome
    assert (outcome.benchmark, outcome.speedup_p50_ratio, outcome.severity) == (
        *("router", 5.0),
        "critical",
    )
    assert (outcome.passed, outcome.criteria) == (False, {"p50": False})
    assert gate.run_id == "2"
    judged = verdict.verdict
    assert (judged.state, judged.value, judged.rolling) == ("critical", 4, 1)
    assert (judged.reference, judged.limit, judged.worsening_ratio) == (1, 1.1, 3)
    assert (judged.noise_ratio, judged.run_count, judged.suppressed) == (0.05, 12, False)
    assert (judged.detectable_ratio, judged.alarm_runs, judged.unaccepted) == (None, 0, None)
    assert (judged.further, judged.accepted) == (False, False)
    assert (verdict.commit_hash, verdict.passed_commit) == ("b1", "a1")
    statistics = result.result.statistics
    assert (statistics.p50, statistics.p95, statistics.max, statistics.stddev) == (4, 5, 7, 0.5)
    assert [run.run_id for run in state.runs] == ["2"]
    assert [file.json_path for file in state.rejected_files] == ["$.commit"]
    assert (state.commits, state.last_ingest_seconds) == (7, 30.5)
    assert state.suite_durations == [SuiteDurations("p", [3, 1.5], 2, 4.5)]
    assert [total.value for total in state.counters["runs"]] == [2]
    assert [total.labels for total in state.counters["files_rejected"]] == [("late_sidecar",)]
    assert [subject.name for subject in state.selection.subjects] == ["router", "router/fast"]
    with History(path) as history:
        runs = list(history.oldest_first(RunSelection()))
    assert [run.verdicts["router/fast"].state for run in runs] == ["insufficient_data", "critical"]
    assert [len(run.gate_outcomes) for run in runs] == [0, 1]


def test_nothing_of_a_migrated_ledger_has_its_old_name(path: Path) -> None:
    Ledger(path).close()
    schema = str(read_rows(path, "SELECT name, sql FROM sqlite_schema"))
    assert [word for word in ("judgement", "place ", "by_place") if word in schema] == []
    indexes = {name for (name,) in read_rows(path, INDEXES)}
    assert {"newest_verdicts_by_run", "newest_gate_outcomes_by_run"} <= indexes
    assert read_rows(path, "PRAGMA foreign_key_check") == []
    assert read_rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_every_column_of_the_schema_is_named_by_its_table(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    Ledger(path).close()
    given = {"runs": {"id"}, "triage_history": {"id"}}  # by SQLite
    with closing(connect_to_write(path)) as connection:
        for table in TABLES:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            assert set(table.all_names) == columns - given.get(table.name, set()), table.name
    # The witnesses hold nothing of results; only their own module reads and writes them.
    assert {table.name for table in TABLES}.union(witnesses.TABLES) == {
        name for (name,) in read_rows(path, TABLES_OF_SCHEMA)
    }
