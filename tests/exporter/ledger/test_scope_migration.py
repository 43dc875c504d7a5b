"""Ledgers from before results carried a scope: every number is there after the migration."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmark_exporter.ledger import Ledger, Subject
from benchmark_exporter.ledger.schema import MIGRATIONS
from benchmark_exporter.ledger.state import FallbackBranch, State, SuiteDurations
from benchmark_exporter.model import Scope
from tests.support.ledger_files import read_rows

ODD = 'odd "é\n\x1f\x7f\\'
P, DEV = Scope("p", "ci", "m", "main"), Scope("dev", "ci", "", "develop")
# Project p has runs of main and a feature branch, dev only of develop. Both have the benchmark `a`
# in different environments; p's has a gate. A third run of p is dated in the future.
SCHEMA_2 = """
    UPDATE totals SET commits = 9, suite_duration_count = 5, suite_duration_sum_seconds = 16.5;
    INSERT INTO runs VALUES
        (1, 'dev', '1', x'01', 'test', 'ci', '', 'a1', 'refs/heads/develop', 10, 2, 10),
        (2, 'p', '2', x'02', 'test', 'ci', 'm', 'b1', 'main', 20, 1.5, 20),
        (3, 'p', '3', x'03', 'test', 'ci', 'm', 'b2', 'feature/x', 30, NULL, 30),
        (4, 'p', '4', x'04', 'test', 'ci', 'm', 'b3', 'main', 9000, NULL, 40);
    INSERT INTO results SELECT runs.id, b.name, b.name, '', 'seconds', 'lower', runs.id, 2, 3, 1.5,
        0.5, 4, 0.25, 9, 0.1 FROM runs JOIN (SELECT 1 AS of_dev, :odd AS name UNION SELECT 0, 'a') b
        ON (runs.project = 'dev') = b.of_dev;
    INSERT INTO gate_outcomes VALUES
        (3, 'a', 5, 4.5, 10, NULL, 0.5, '{"p50":false}', 0, 'critical', 1, 'critical');
    INSERT INTO verdicts VALUES (4, 'a', 'critical', 4, 1, 1.5, 1, 1.1, 3, 0.05, 12, 0, 'b1'),
        (1, :odd, 'ok', 1, 1, NULL, 1, 1.1, 0, 0.05, 12, 0, 'a1');
    INSERT INTO newest_gate_outcomes VALUES ('a', 3, 30);
    INSERT INTO newest_verdicts VALUES ('a', 'ci', 40, 4, 'm', 'critical'),
        (:odd, 'ci', 10, 1, '', 'ok');
    INSERT INTO newest_results VALUES ('a', 'ci', 4, 40), (:odd, 'ci', 1, 10);
    INSERT INTO newest_runs VALUES ('a', 'ci', 4, 0, 40);
    INSERT INTO series VALUES ('p', 'ci', 'm', 'a', 'seconds', '[1.0,4.0]', 'critical', NULL, 1.5,
        'b1', 40);
    INSERT INTO baselines VALUES ('p', 'ci', 'm', 'a', 'seconds', 2, '2', 'b1', 1.5, 1.5, 2, 'v1',
        'someone', 25, 'why');
    INSERT INTO shifts VALUES ('p', 'ci', 'm', 40, 1, '[4]');
    INSERT INTO counters VALUES ('runs', '["a","ci"]', 3, 20), ('failures', '["a","ci"]', 1, 20),
        ('regressions', '["a","critical"]', 6, 20), ('regressions_confirmed', '["a","ci"]', 4, 20),
        ('runs', json_array(:odd, 'ci'), 1, 10), ('pipeline_runs', '["nightly","fail"]', 2, 15);
    INSERT INTO histograms VALUES
        ('execution_time_ms', '["a","sample","ci"]', '[1.0]', '[1,2]', 7.5, 20);
    INSERT INTO returned VALUES ('runs', '["a","ci"]', 35, NULL, NULL, 2),
        ('regressions_by_commit', '["a","critical","b1"]', 35, NULL, NULL, 1);
    INSERT INTO commit_regressions VALUES ('a', 'critical', 'b1', 3, 20, 20);
    INSERT INTO pipeline_runs VALUES
        ('nightly', '1', 10, 'main', 'push', 0, 61.5, 10, 15);
    INSERT INTO newest_pipeline_runs VALUES ('nightly', 'main', 'push', 0, 61.5, 10);
    INSERT INTO subjects VALUES ('benchmark', 'a', 'ci', '', '["a",', 1, 40),
        ('benchmark', :odd, 'ci', '', 'prefix', 2, 10),
        ('pipeline', 'nightly', 'main', 'push', '["nightly",', 3, 15);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger as the version with schema 2 left it."""
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for script in MIGRATIONS[:2]:
            connection.executescript(script)
        for statement in SCHEMA_2.split(";\n"):
            connection.execute(statement, {"odd": ODD})
        connection.execute("PRAGMA user_version = 2")
    return path


@pytest.fixture
def state(path: Path) -> State:
    """What a scrape shows of it."""
    with Ledger(path) as ledger:
        ledger.adopt_pipelines("configured")
        return ledger.state()


def test_what_is_shown_comes_from_the_newest_run_of_its_name(state: State) -> None:
    assert [(newest.scope, newest.result.name) for newest in state.results] == [
        (P, "a"),
        (DEV, ODD),
    ]
    assert [(run.scope, run.run_id) for run in state.runs] == [(P, "4")]
    assert [(gate.scope, gate.run_id) for gate in state.gates] == [(P, "3")]
    assert state.gates[0].outcome.speedup_p50_ratio == 5
    shown = [(each.scope, each.verdict.state, each.shifted) for each in state.verdicts]
    assert shown == [(P, "critical", True), (DEV, "ok", False)]
    assert state.verdicts[0].baseline is not None
    assert state.verdicts[0].baseline.version == "v1"
    assert [(each.scope, each.shifted) for each in state.shifts] == [(P, True)]


def test_the_subjects_stay_in_their_order(state: State) -> None:
    assert state.selection.subjects == [
        Subject.benchmark(P, "a"),
        Subject.benchmark(DEV, ODD),
        Subject.pipeline("configured", "nightly", "main", "push"),
    ]


def test_every_total_stays(state: State) -> None:
    counted = {
        name: {total.labels: (total.value, total.born_seconds) for total in totals}
        for name, totals in state.counters.items()
    }
    assert counted == {
        "runs": {(*P.key, "a"): (3, 20), (*DEV.key, ODD): (1, 10)},
        "failures": {(*P.key, "a"): (1, 20)},
        "regressions": {(*P.key, "a", "critical"): (6, 20)},
        "regressions_confirmed": {(*P.key, "a"): (4, 20)},
        "pipeline_runs": {("configured", "nightly", "fail"): (2, 15)},
    }
    (histogram,) = state.histograms["execution_time_ms"]
    assert histogram.labels == (*P.key, "a", "sample")
    assert (histogram.counts, histogram.total) == ((1, 2), 7.5)
    (commit,) = state.regressions_by_commit
    assert (commit.labels, commit.value) == ((*P.key, "a", "critical", "b1"), 3)
    assert {key: total.value for key, total in state.returned_counters.items()} == {
        ("runs", (*P.key, "a")): 2,
        ("regressions_by_commit", (*P.key, "a", "critical", "b1")): 1,
    }


def test_suite_durations_add_up(state: State) -> None:
    assert state.suite_durations == [
        SuiteDurations("dev", [2.0], 1, 2.0),
        # Its run is the newest, so it takes what pruned runs had, too.
        SuiteDurations("p", [1.5], 4, 14.5),
    ]


def test_a_pipeline_gets_the_configured_project(state: State) -> None:
    (pipeline,) = state.pipelines
    assert (pipeline.project, pipeline.pipeline, pipeline.duration_seconds) == (
        *("configured", "nightly"),
        61.5,
    )


def test_a_project_without_runs_of_a_usual_branch_goes_on_with_its_own(
    state: State, path: Path
) -> None:
    assert state.fallback_branches == [FallbackBranch("dev", "develop")]
    rows = read_rows(path, "SELECT run_id, branch, line, tracked, ahead FROM runs ORDER BY id")
    assert rows == [
        ("1", "develop", "develop", 1, 0),
        ("2", "main", "main", 1, 0),
        ("3", "feature/x", "main", 1, 0),
        ("4", "main", "main", 1, 1),
    ]
    assert read_rows(path, "SELECT * FROM branches ORDER BY rowid") == [
        ("dev", "develop", 1),
        ("p", "main", 2),
        ("p", "feature/x", 1),
    ]


def test_what_the_next_run_is_judged_by_stays(path: Path, state: State) -> None:
    assert state.commits == 10  # one more, for the pipeline's project
    (series,) = read_rows(path, "SELECT * FROM series")
    judged_by = (None, "[1.0,4.0]", "critical", 1.5, "b1", 40)
    assert series == (*P.key, "a", "seconds", *judged_by, 0x04 << 55, 1, None)
    (pinned,) = read_rows(path, "SELECT branch, run_id, value, version FROM baselines")
    assert pinned == ("main", "2", 1.5, "v1")
    assert read_rows(path, "PRAGMA foreign_key_check") == []
    assert read_rows(path, "PRAGMA integrity_check") == [("ok",)]
