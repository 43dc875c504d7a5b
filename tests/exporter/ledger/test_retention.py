"""What the ledger prunes when it is old, and that no scrape changes by it."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.ledger import Ledger
from benchmark_exporter.ledger.retention import STEP_ROWS
from benchmark_exporter.ledger.state import Subject
from benchmark_exporter.model import PipelineRun, Result, Run, Statistics
from tests.support.documents import Json, golden, perf_suite, pipeline, without
from tests.support.examples import (
    EXAMPLES,
    GUARDS,
    PIPELINES,
    drop_all,
    results,
    suites,
    wired_in_a_new_folder,
)
from tests.support.ledger_files import read_rows
from tests.support.paths import GOLDEN
from tests.support.process import Exporter
from tests.support.scopes import SCOPE, ranked
from tests.support.wired import Wired

DAY_SECONDS = 86400.0
RETENTION_SECONDS = 400 * DAY_SECONDS


def prune(wired: Wired) -> int:
    return sum(wired.ledger.prune(wired.now - RETENTION_SECONDS))


def rows(wired: Wired, table: str) -> int:
    ((count,),) = read_rows(wired.ledger_path, f"SELECT count(*) FROM {table}")  # noqa: S608  # names of this module
    return int(count)


BATCHES = st.lists(suites() | results() | GUARDS | PIPELINES | st.just({}), min_size=1, max_size=6)


@EXAMPLES
@given(BATCHES, BATCHES)
def test_no_scrape_changes_when_old_runs_are_pruned(old: list[Json], recent: list[Json]) -> None:
    with wired_in_a_new_folder() as wired:
        drop_all(wired, old)
        wired.now += RETENTION_SECONDS
        for number, document in enumerate(recent):
            wired.drop(f"recent-{number}.json", document)
        wired.settle()
        before = wired.exposition()
        prune(wired)
        assert wired.exposition() == before
        wired.restart()
        wired.settle()
        assert wired.exposition() == before


def test_what_is_old_goes_with_all_that_belongs_to_it(wired: Wired) -> None:
    for number in range(3):
        wired.take(
            f"{number}.json",
            perf_suite(
                f"2026030{number + 1}T120000Z",
                p50_ms=0.05 + number,
                timestamp=f"2026-03-0{number + 1}T12:00:00Z",
            ),
        )
    wired.take("bad.json", {})
    for path in wired.results.iterdir():
        path.unlink()
    wired.settle()
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    # Two runs, each with two results, their verdicts and a gate outcome; a rejection; three
    # documents.
    assert prune(wired) == 2 * (1 + 2 + 2 + 1) + 1 + 3
    assert {
        table: rows(wired, table)
        for table in (
            "runs",
            "results",
            "verdicts",
            "gate_outcomes",
            "rejections",
            "documents",
            "files",
        )
    } == {
        "runs": 1,
        "results": 2,
        "verdicts": 2,
        "gate_outcomes": 1,
        "rejections": 0,
        "documents": 0,
        "files": 0,
    }
    assert prune(wired) == 0


def test_failures_go_with_their_run(wired: Wired) -> None:
    for run_id in ("1", "2"):
        document = {
            "run_id": run_id,
            "failures": [{"benchmark": "rendering", "error": "TypeError"}],
        }
        wired.take(f"{run_id}.json", without(golden("result/1-run"), "duration_seconds") | document)
        wired.now += RETENTION_SECONDS + DAY_SECONDS
    prune(wired)
    assert (rows(wired, "runs"), rows(wired, "failures")) == (1, 1)


def test_age_counts_from_when_a_run_came_in(wired: Wired) -> None:
    wired.take("newest.json", perf_suite())
    wired.take("old.json", perf_suite("20200301T120000Z", timestamp="2020-03-01T12:00:00Z"))
    assert prune(wired) == 0
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    prune(wired)
    assert rows(wired, "runs") == 1


@pytest.mark.parametrize(
    ("old", "new", "format_name"),
    [
        ("perf_suite_pass/1-run", "perf_guard_fail_amends_the_run/2-perf_suite-slow", "perf_suite"),
        ("hyperfine_with_sidecar/1-run", "hyperfine_with_sidecar/2-run-again", "hyperfine"),
    ],
)
def test_a_file_that_is_still_there_never_counts_again(
    wired: Wired, old: str, new: str, format_name: str
) -> None:
    take_golden(wired, "old", old)
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    take_golden(wired, "new", new)
    prune(wired)
    assert rows(wired, "runs") == 1
    for path in sorted(wired.results.glob("old*"), reverse=True):  # the sidecar first
        path.rename(path.with_name(f"moved-{path.name}"))
    wired.settle()
    assert wired.value("benchmark_exporter_files_ingested_total", format=format_name) == 2
    assert wired.value("benchmark_exporter_files_duplicate_total") == 1


def take_golden(wired: Wired, name: str, document: str) -> None:
    """Ingests a document of tests/exporter/golden, with its sidecar if it has one."""
    if (GOLDEN / f"{document}.meta.json").exists():
        wired.drop(f"{name}.meta.json", golden(f"{document}.meta"))
    wired.take(f"{name}.json", golden(document))


def test_of_a_pipeline_the_runs_behind_its_failure_ratio_stay(wired: Wired) -> None:
    for number in range(30):
        status = "fail" if number % 2 else "pass"
        wired.drop(
            f"{number}.json",
            pipeline(f"{number:03}", status=status, timestamp=f"2026-03-01T12:{number:02}:00Z"),
        )
    wired.settle()
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    before = wired.exposition()
    prune(wired)
    assert rows(wired, "pipeline_runs") == 20
    assert wired.exposition() == before


def test_of_runs_with_a_duration_the_hundred_behind_the_quantiles_stay(wired: Wired) -> None:
    add_runs(wired.ledger, range(150), suite_duration_seconds=1.0)
    with wired.ledger.transaction() as transaction:
        transaction.see(Subject.benchmark(SCOPE, "a"), wired.now, 1.0)
    sum(wired.ledger.prune(2.0))
    assert rows(wired, "runs") == 100
    assert [len(suites.newest_seconds) for suites in wired.ledger.state().suite_durations] == [100]


def add_runs(
    ledger: Ledger, numbers: Sequence[int], suite_duration_seconds: float | None = None
) -> None:
    """Runs of one benchmark that came in one second after 1970 began."""
    with ledger.transaction() as transaction:
        for number in numbers:
            result = Result("a", "fast", Statistics(1.0, 2.0))
            run = Run(
                "test",
                f"{number}",
                float(number),
                (result,),
                (),
                suite_duration_seconds=suite_duration_seconds,
            )
            transaction.add_run(run, SCOPE, ranked(number, number), 1.0)
            transaction.add_document(f"{number}".encode(), b"digest", "test", 1.0)
            transaction.add_pipeline_run(
                PipelineRun(
                    "test", "ci", "main", "push", f"{number}", passed=True, timestamp_seconds=0.0
                ),
                "project",
                ranked(0.0, 1.0),
                1.0,
            )


def test_steps_are_small_and_others_come_between(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        add_runs(ledger, range(2 * STEP_ROWS))
        steps = []
        for deleted in ledger.prune(2.0):
            steps.append(deleted)
            with ledger.transaction() as transaction:
                transaction.count("between", (), 2.0)
        assert max(steps) <= STEP_ROWS + 1
        # Runs and results, pipeline runs, documents.
        assert sum(steps) == 2 * (2 * STEP_ROWS - 1) + (2 * STEP_ROWS - 20) + 2 * STEP_ROWS


def test_every_table_that_points_to_a_run_is_known(tmp_path: Path) -> None:
    """A run that another table points to can be deleted only if that is known.

    For a new table that has to be decided.
    """
    path = tmp_path / "ledger.sqlite3"
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        pointing = {
            table
            for table in tables
            for key in connection.execute(f"PRAGMA foreign_key_list({table})")
            if key[2] == "runs"
        }
    of_a_run = {"results", "failures", "gate_outcomes", "verdicts", "checkpoints", "run_shifts"}
    assert pointing == of_a_run | {
        "newest_results",
        "newest_runs",
        "newest_gate_outcomes",
        "newest_verdicts",
        "regression_reports",
    }


def test_the_running_exporter_prunes_at_its_start(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    old = time.time() - RETENTION_SECONDS - DAY_SECONDS
    with (
        closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger,
        ledger.transaction() as transaction,
    ):
        for number in range(5):
            run = Run(
                "test", f"{number}", old + number, (Result("a", "fast", Statistics(1.0)),), ()
            )
            transaction.add_run(run, SCOPE, ranked(old + number, old), old)
    exporter = Exporter(tmp_path, free_port())
    # Of five runs with a result each, the newest stays.
    exporter.until(
        lambda: (
            'message="pruned rows older than retention_days from the ledger" rows=8'
            in exporter.log.read_text()
        )
    )
    assert exporter.stop() == 0
