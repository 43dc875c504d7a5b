"""What `history` and `backfill` read from a ledger while its exporter writes."""

import sqlite3
from contextlib import closing

import pytest

from benchmark_exporter.ledger.connection import connect_to_read
from benchmark_exporter.ledger.history import PAGE_RUNS, History
from benchmark_exporter.ledger.selection import RunSelection
from tests.exporter.ledger.test_ledger import fill
from tests.support.documents import perf_suite, pipeline
from tests.support.ledger_files import Made
from tests.support.wired import Wired


def test_pages_join_without_a_gap_in_either_order(wired: Wired) -> None:
    fill(wired.ledger, range(2 * PAGE_RUNS + 1))
    with History(wired.folder / "ledger.sqlite3") as history:
        forward = [run.run_id for run in history.oldest_first(RunSelection())]
        assert forward == [str(number) for number in range(2 * PAGE_RUNS + 1)]
        assert [run.run_id for run in history.newest_first(RunSelection(), limit=10**9)] == forward[
            ::-1
        ]
        assert len(list(history.newest_first(RunSelection(), limit=PAGE_RUNS + 1))) == PAGE_RUNS + 1
        assert history.count(RunSelection(since_seconds=1.0, until_seconds=3.0)) == 2
        assert [
            run.run_id
            for run in history.oldest_first(RunSelection(since_seconds=1.0, until_seconds=3.0))
        ] == ["1", "2"]
        assert len(list(history.pipeline_runs())) == 2 * PAGE_RUNS + 1
        assert [run.run_id for run in history.pipeline_runs(1.0, 3.0)] == ["1", "2"]


def test_runs_of_one_moment_are_all_listed(wired: Wired) -> None:
    for number in range(3):
        wired.drop(f"{number}.json", perf_suite(f"{number}"))
    wired.settle()
    with History(wired.folder / "ledger.sqlite3") as history:
        assert len(list(history.newest_first(RunSelection(), limit=10))) == 3
        assert len(list(history.oldest_first(RunSelection()))) == 3


def test_a_pipelines_run_is_read_back(wired: Wired) -> None:
    wired.take("1.json", pipeline("101", status="fail"))
    with History(wired.folder / "ledger.sqlite3") as history:
        (run,) = history.pipeline_runs()
    assert (run.pipeline, run.branch, run.trigger, run.passed) == (
        "nightly",
        "main",
        "schedule",
        False,
    )
    assert run.timestamp_seconds == 1772366400.0


def test_reading_and_writing_do_not_wait_for_each_other(wired: Wired) -> None:
    made = Made()
    wired.connect = made
    wired.restart()
    fill(wired.ledger, range(PAGE_RUNS + 1))
    made.connection.execute("PRAGMA busy_timeout = 0")
    with (
        wired.ledger.transaction() as transaction,
        History(wired.folder / "ledger.sqlite3") as history,
    ):
        runs = history.oldest_first(RunSelection())
        assert next(runs).run_id == "0"
        transaction.count("runs", ("a", "local"), 1e9)
        assert len(list(runs)) == PAGE_RUNS


def test_nothing_is_written(wired: Wired) -> None:
    fill(wired.ledger, range(1))
    with (
        closing(connect_to_read(wired.ledger_path)) as connection,
        History(wired.ledger_path, connect=lambda _: connection),
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM runs")
