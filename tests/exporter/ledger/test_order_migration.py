"""A ledger from before late runs were judged goes on without a false alarm."""

import sqlite3
from contextlib import closing

import msgspec
import pytest

from benchmark_exporter.ingest.judging import judge_after_deletion
from benchmark_exporter.judge import SeriesState
from benchmark_exporter.ledger import DeletionSelection
from benchmark_exporter.ledger.schema import MIGRATIONS
from tests.support.documents import result
from tests.support.histories import STEADY, take, take_suite, value, verdict
from tests.support.ledger_files import read_rows
from tests.support.wired import Samples, Wired

QUIET = STEADY * 3
EXTENT = ("ratio", "moved_results", "judged_results")
# What the migration and those after it added, taken away again.
LATER_TABLES = (
    *("executables", "former_names", "carried_aliases", "regression_reports", "scrapers", "holds"),
    *("drifts", "drift_checks", "change_points", "change_searches_due", "change_search"),
    *("notification_series", "witness_1", "witness_2", "triage", "triage_history"),
)
LATER_OF_ALERTS = ("since_seconds", "known", "labels", "annotations", "missing_seconds")
LATER_COLUMNS = ("uncapped", "limits", "quiet_ratio", "reachable_ratio", "reachable_samples")
SCHEMA_4 = f"""
    {"".join(f"DROP TABLE {table};" for table in LATER_TABLES)}
    {"".join(f"ALTER TABLE verdicts DROP COLUMN {column};" for column in LATER_COLUMNS)}
    {"".join(f"ALTER TABLE notifications DROP COLUMN {column};" for column in LATER_OF_ALERTS)}
    DROP INDEX runs_by_rank;
    ALTER TABLE runs DROP COLUMN rank_seconds;
    ALTER TABLE runs DROP COLUMN tie;
    ALTER TABLE newest_verdicts ADD COLUMN shifted INTEGER NOT NULL DEFAULT 0;
    UPDATE newest_verdicts SET shifted = coalesce((SELECT v.shifted FROM verdicts v
        WHERE v.run = newest_verdicts.run AND v.name = newest_verdicts.name), 0);
    ALTER TABLE verdicts DROP COLUMN shifted;
    ALTER TABLE verdicts DROP COLUMN counted;
    ALTER TABLE verdicts DROP COLUMN standing_digest;
    CREATE TABLE old AS SELECT project, environment, machine_class, branch, rank_seconds, shifted,
        CASE WHEN shifted THEN (SELECT json_group_array(id) FROM (SELECT id FROM runs
            ORDER BY id DESC LIMIT (SELECT max(shifted_runs) FROM series))) ELSE '[]' END AS runs
        FROM shifts;
    DROP TABLE shifts;
    ALTER TABLE old RENAME TO shifts;
    ALTER TABLE series DROP COLUMN tie;
    ALTER TABLE series DROP COLUMN shifted_runs;
    ALTER TABLE series DROP COLUMN limits_digest;
    DROP TABLE settled;
    DROP TABLE checkpoints;
    DROP TABLE run_shifts;
    PRAGMA user_version = 4;
"""  # noqa: S608  # constants


def written_before(wired: Wired) -> None:
    """Starts again with the ledger as the version before would have written it."""
    wired.ledger.close()
    decode = msgspec.msgpack.Decoder(SeriesState).decode
    with closing(sqlite3.connect(wired.ledger_path, isolation_level=None)) as connection:
        connection.create_function("as_json", 1, lambda state: msgspec.json.encode(decode(state)))
        connection.execute("UPDATE series SET state = CAST(as_json(state) AS TEXT)")
        connection.executescript(SCHEMA_4)
    wired.restart()
    (version,) = wired.query("PRAGMA user_version")
    assert version == (len(MIGRATIONS),)


def shown(wired: Wired) -> Samples:
    """All but what is about the exporter, and since when a regression is open, which is new."""
    new = ("benchmark_exporter_", "benchmark_regression_triage_timestamp_seconds")
    return {name: each for name, each in wired.samples().items() if not name.startswith(new)}


def late(wired: Wired, number: int, milliseconds: float) -> None:
    document = result(number, {"parsing": milliseconds}) | {"run_id": f"late-{number}"}
    document["timestamp"] = str(document["timestamp"]).replace(":00Z", ":30Z")
    wired.take(f"late-{number}.json", document)


@pytest.mark.parametrize("values", [QUIET, [*QUIET, 1.5], [*QUIET, 1.5, 1.5, 1.5]])
def test_no_number_is_lost(wired: Wired, values: list[float]) -> None:
    take(wired, values)
    before = shown(wired)
    written_before(wired)
    assert shown(wired) == before
    assert wired.query("PRAGMA integrity_check") == [("ok",)]
    take(wired, [1.5, 1.5], start=200)
    assert verdict(wired) == "critical"


def test_a_late_run_of_before_is_judged_alone(wired: Wired) -> None:
    take(wired, [*QUIET, 1.5])
    written_before(wired)
    before = wired.query("SELECT * FROM verdicts ORDER BY run")
    assert verdict(wired) == "suspect"
    late(wired, len(QUIET) - 1, 1.5)
    assert wired.query("SELECT * FROM verdicts ORDER BY run")[:-1] == before
    (state, digest), *_ = read_rows(
        wired.ledger_path, "SELECT state, standing_digest FROM verdicts ORDER BY run DESC"
    )
    assert (state, digest) == ("suspect", None)
    assert verdict(wired) == "suspect"
    assert value(wired, "benchmark_regressions_confirmed_total") == 0


def test_a_late_run_of_afterwards_is_judged_with_those_after_it(wired: Wired) -> None:
    take(wired, QUIET)
    written_before(wired)
    take(wired, [1.0, 1.5], start=100)
    assert verdict(wired) == "suspect"
    late(wired, 100, 1.5)
    assert verdict(wired) == "critical"
    assert value(wired, "benchmark_regressions_confirmed_total") == 1


def test_a_shift_goes_on_to_its_acceptance(wired: Wired) -> None:
    for number in range(len(STEADY)):
        take_suite(wired, number, 1.0)
    for number in range(100, 105):
        take_suite(wired, number, 1.5)
    before = shown(wired)
    written_before(wired)
    # How far the shift reaches is known from its next run on.
    extent = {f"benchmark_environment_shift_{name}" for name in EXTENT}
    assert shown(wired) == {name: each for name, each in before.items() if name not in extent}
    assert extent <= before.keys()
    for number in range(105, 109):
        take_suite(wired, number, 1.5)
        assert wired.value("benchmark_environment_shift_active") == 1
    take_suite(wired, 109, 1.5)
    assert wired.value("benchmark_environment_shift_active") == 0
    assert sum(wired.samples()["benchmark_regressions_confirmed_total"].values()) == 0


def test_the_next_run_after_a_deleted_one_of_before_is_judged_by_those_that_stay(
    wired: Wired,
) -> None:
    take(wired, [*QUIET, 1.5])
    written_before(wired)
    ((row,),) = wired.query("SELECT max(id) FROM runs")
    judge_again = judge_after_deletion(wired.config.limits_for, wired.now)
    wired.ledger.delete_runs(DeletionSelection(run=str(row)), judge_again)
    assert verdict(wired) == "ok"
    take(wired, [1.5], start=200)
    assert verdict(wired) == "suspect"
    take(wired, [1.5], start=201)
    assert verdict(wired) == "critical"
