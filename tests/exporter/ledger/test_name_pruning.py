"""Names that come from outside do not stay in the ledger for ever."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from benchmark_exporter.config import Config
from benchmark_exporter.ledger.name_pruning import BRANCHES_KEPT, prune_names
from tests.support.documents import perf_suite, pipeline, result
from tests.support.wired import Wired

DAY_SECONDS = 86_400.0
RETENTION_SECONDS = 400 * DAY_SECONDS


def prune(wired: Wired) -> None:
    before, unshown = RETENTION_SECONDS, wired.config.series_max_age_seconds
    list(wired.ledger.prune(wired.now - before, wired.now - unshown))


def branches(wired: Wired, table: str) -> list[str]:
    kind = " WHERE kind = 'pipeline'" if table == "subjects" else ""
    found = wired.query(f"SELECT branch FROM {table}{kind}")  # noqa: S608  # names of this module
    return sorted(branch for (branch,) in found)


def run_pipeline(wired: Wired, branch: str) -> None:
    timestamp = datetime.fromtimestamp(wired.now, UTC).isoformat()
    document = pipeline(f"{branch}-{wired.now}", branch=branch, timestamp=timestamp)
    wired.take(f"{branch}-{wired.now}.json", document)


def test_branches_of_pipelines_go_with_their_last_run(wired: Wired) -> None:
    for number in range(10):
        run_pipeline(wired, f"feature-{number}")
    wired.now += RETENTION_SECONDS - 10 * DAY_SECONDS
    run_pipeline(wired, "main")
    prune(wired)
    assert len(branches(wired, "subjects")) == 11
    wired.now += 20 * DAY_SECONDS
    before = wired.exposition()
    prune(wired)
    assert wired.exposition() == before
    assert branches(wired, "subjects") == ["main"]
    assert branches(wired, "newest_pipeline_runs") == ["main"]
    # What was counted of them stays counted.
    assert wired.value("ci_pipeline_runs_total", status="pass") == 11
    # One that comes back is a new one.
    run_pipeline(wired, "feature-3")
    assert branches(wired, "subjects") == ["feature-3", "main"]


def test_the_newest_branch_of_a_pipeline_stays(wired: Wired) -> None:
    run_pipeline(wired, "one")
    run_pipeline(wired, "two")
    wired.now += 2 * RETENTION_SECONDS
    prune(wired)
    assert branches(wired, "subjects") == ["two"]


def test_commits_beyond_those_that_are_shown_go(wired: Wired) -> None:
    for number in range(12):
        document = perf_suite(f"run-{number}", speedup=2.0, commit=f"c{number:07d}")
        wired.take(f"{number}.json", document)
        wired.now += 60
    ((count,),) = wired.query("SELECT count(*) FROM commit_regressions")
    assert count == 12
    wired.now += 2 * RETENTION_SECONDS
    prune(wired)
    ((count,),) = wired.query("SELECT count(*) FROM commit_regressions")
    assert count == 5


def test_what_is_shown_for_longer_than_runs_are_kept_stays(wired: Wired) -> None:
    wired.restart(Config(series_max_age_days=1000.0))
    run_pipeline(wired, "one")
    run_pipeline(wired, "two")
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    prune(wired)
    assert branches(wired, "subjects") == ["one", "two"]


def test_branches_of_a_project_are_limited(wired: Wired) -> None:
    """Those with most runs stay, and those that are tracked, however few runs they have."""
    wired.take("main.json", result(0, {"parse/fast": 2.0}) | {"branch": "main"})
    with wired.ledger.transaction() as transaction:
        transaction.branches.runs_of("router")
        for number in range(2 * BRANCHES_KEPT):
            for _ in range(2 + (number == 7)):
                transaction.branches.add_run("router", f"feature-{number}")
    before = wired.exposition()
    # By itself, since these branches have no rows of runs, and would go for that.
    with closing(sqlite3.connect(wired.ledger_path)) as connection:
        assert sum(prune_names(connection, 0.0, 100)) == BRANCHES_KEPT
        connection.commit()
    assert wired.exposition() == before
    kept = branches(wired, "branches")
    assert len(kept) == BRANCHES_KEPT + 1
    assert {"main", "feature-7", f"feature-{2 * BRANCHES_KEPT - 1}"} <= set(kept)


def test_projects_of_which_nothing_is_shown_cost_no_series(wired: Wired) -> None:
    """Whoever may send results may name projects."""
    for number in range(5):
        for branch in ("main", "feature"):
            document = result(number, {"parse/fast": 2.0})
            named = {"project": f"project-{number}", "branch": branch, "duration_seconds": 3.0}
            wired.take(f"{number}-{branch}.json", document | named)

    def projects() -> set[str | None]:
        shown = wired.samples()
        return {dict(labels).get("project") for series in shown.values() for labels in series}

    assert len(projects() - {None}) == 5
    wired.now += wired.config.series_max_age_seconds
    wired.take("new.json", result(9, {"parse/fast": 2.0}) | {"project": "another"})
    assert projects() == {None, "another"}
