"""Change points in the ledger: found after the runs came in, moved, withdrawn and deleted."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest

from benchmark_exporter.changes import Alarm, Change, find_changes
from benchmark_exporter.ledger import DeletionSelection, Searched, change_search
from benchmark_exporter.ledger.change_migration import CHANGES
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.change_search import COLLECTED_RUNS
from benchmark_exporter.ledger.schema import MIGRATIONS
from benchmark_exporter.ledger.tables import CHANGE_POINTS
from tests.support.documents import result
from tests.support.wired import Wired

QUIET = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1, 100.7, 99.3]


def take(wired: Wired, values: Sequence[float], *, first: int = 0, name: str = "parsing") -> None:
    """A run for each value, a minute apart, and a scan of all of them."""
    for number, value in enumerate(values, first):
        wired.drop(f"{name}-{number:04}.json", result(number, {name: value}))
    wired.settle()


def search(wired: Wired) -> Searched:
    """Searches until nothing is due."""
    changed, series = False, 0
    while True:
        searched = wired.ledger.search_changes(wired.now, lambda: False)
        changed, series = changed or searched.changed, series + searched.series
        if not searched.due:
            return Searched(series, changed, 0)


def points(wired: Wired) -> list[ChangePoint]:
    columns = ", ".join(CHANGE_POINTS.columns.names)
    rows = wired.query(f"SELECT {columns} FROM change_points ORDER BY at_seconds")  # noqa: S608
    return [CHANGE_POINTS.columns.read(row) for row in rows]


def commits(wired: Wired) -> list[tuple[str, str]]:
    return [(point.previous_commit_hash, point.commit_hash) for point in points(wired)]


def test_a_slowdown_and_its_fix_are_kept_with_their_commits(wired: Wired) -> None:
    take(wired, [*QUIET, *QUIET])
    take(wired, [value * 1.3 for value in [*QUIET, *QUIET]], first=20)
    take(wired, QUIET, first=40)
    assert search(wired) == Searched(series=1, changed=True, due=0)
    slower, faster = points(wired)
    assert (slower.previous_commit_hash, slower.commit_hash) == ("commit-19", "commit-20")
    assert (slower.worse, faster.worse) == (True, False)
    assert slower.ratio == pytest.approx(0.3, abs=0.01)
    assert slower.unit == "seconds"
    assert slower.value_before == pytest.approx(0.1, rel=0.01)
    assert slower.p_value < 1e-6
    assert (faster.previous_commit_hash, faster.commit_hash) == ("commit-39", "commit-40")
    assert [slower.newest, faster.newest] == [False, True]
    # The judge reported it when the second or third slow run came in.
    assert slower.reported_seconds is not None
    assert faster.reported_seconds is None


def test_nothing_is_searched_twice(wired: Wired) -> None:
    take(wired, QUIET)
    assert search(wired).series == 1
    assert search(wired) == Searched(series=0, changed=False, due=0)


def test_searching_quiet_runs_is_no_change_of_the_state(wired: Wired) -> None:
    take(wired, [*QUIET, *QUIET])
    before = wired.value("benchmark_exporter_ledger_commits")
    assert not search(wired).changed
    assert wired.value("benchmark_exporter_ledger_commits") == before


def test_what_was_not_searched_is_found_after_a_restart(wired: Wired) -> None:
    take(wired, [*QUIET, *(value * 1.3 for value in QUIET)])
    wired.restart()
    assert search(wired).changed
    assert commits(wired) == [("commit-9", "commit-10")]


def test_few_series_are_searched_at_a_time(wired: Wired) -> None:
    for name in ("a", "b", "c"):
        take(wired, QUIET, name=name)
    assert wired.ledger.search_changes(wired.now, lambda: True) == Searched(1, False, 2)
    wired.restart()
    assert search(wired).series == 2


def test_more_runs_than_are_collected_at_once(wired: Wired) -> None:
    take(wired, QUIET * (COLLECTED_RUNS // 10), name="a")
    take(wired, QUIET, name="b")
    assert search(wired).series == 2


def test_the_open_alarm_has_a_begin_before_it_is_significant(wired: Wired) -> None:
    take(wired, [*QUIET, *QUIET])
    take(wired, [131.0, 130.0, 132.0], first=20)
    search(wired)
    (point,) = points(wired)
    assert (point.commit_hash, point.alarm_commit) == ("commit-20", "commit-19")
    assert point.p_value > 1e-3


def test_a_later_run_withdraws_a_change(wired: Wired) -> None:
    take(wired, [*QUIET, *QUIET, 131.0, 130.0, 132.0])
    search(wired)
    assert len(points(wired)) == 1
    take(wired, QUIET, first=23)
    assert search(wired).changed
    assert points(wired) == []


def test_a_change_that_moved_was_found_when_it_first_was(wired: Wired) -> None:
    take(wired, [*QUIET, *QUIET, 113.0, 131.0, 130.0, 132.0])
    search(wired)
    (before,) = points(wired)
    take(wired, [118.0] * 8, first=24)  # which the first slow run is nearer to than to the others
    search(wired)
    (after,) = points(wired)
    assert (before.commit_hash, after.commit_hash) == ("commit-21", "commit-20")
    assert after.found_seconds == before.found_seconds < wired.now


def test_a_deleted_run_is_no_longer_a_change(wired: Wired) -> None:
    take(wired, [*QUIET, *QUIET, *(value * 1.3 for value in QUIET)])
    search(wired)
    assert commits(wired) == [("commit-19", "commit-20")]
    row = points(wired)[0].run
    wired.delete_runs(DeletionSelection(run=str(row)))
    assert points(wired) == []
    search(wired)
    assert commits(wired) == [("commit-19", "commit-21")]


def test_a_deleted_benchmark_has_no_change_points(wired: Wired) -> None:
    for name in ("a", "b"):
        take(wired, [*QUIET, *(value * 1.3 for value in QUIET)], name=name)
    search(wired)
    take(wired, [130.0], first=20, name="a")
    wired.delete_runs(DeletionSelection(benchmark="a"))
    assert [point.name for point in points(wired)] == ["b"]
    assert search(wired).series == 0


def test_a_deleted_project_has_no_change_points(wired: Wired) -> None:
    take(wired, [*QUIET, *(value * 1.3 for value in QUIET)])
    search(wired)
    wired.ledger.delete(["router"], [])
    assert points(wired) == []
    # Its rows' numbers are given again.
    take(wired, [*(value * 1.3 for value in QUIET), *QUIET], first=100)
    assert search(wired).changed
    assert commits(wired) == [("commit-109", "commit-110")]


def test_pruning_takes_the_changes_of_pruned_runs(wired: Wired) -> None:
    take(wired, [*QUIET, *(value * 1.3 for value in QUIET), *QUIET])
    search(wired)
    wired.now += 1000
    take(wired, QUIET, first=30)
    search(wired)
    assert len(points(wired)) == 2
    before = wired.exposition()
    for _ in wired.ledger.prune(wired.now - 150 - wired.config.histogram_hold_seconds):
        pass
    # The older one goes. The newest is shown, so it stays, also when its series is searched again.
    assert commits(wired) == [("commit-19", "commit-20")]
    assert wired.exposition() == before
    take(wired, QUIET, first=40)
    search(wired)
    assert commits(wired) == [("commit-19", "commit-20")]


def test_the_series_of_an_older_ledger_are_searched_once(wired: Wired) -> None:
    take(wired, [*QUIET, *(value * 1.3 for value in QUIET)])
    wired.ledger.close()
    number = MIGRATIONS.index(CHANGES)
    with closing(sqlite3.connect(wired.ledger_path)) as connection:  # as the schema before left it
        connection.executescript(
            "DROP TABLE change_points; DROP TABLE change_searches_due; DROP TABLE change_search; "
            "DROP TABLE notification_series; DROP TABLE witness_1; DROP TABLE witness_2; "
            "DROP TABLE triage; DROP TABLE triage_history; "
            "ALTER TABLE notifications DROP COLUMN since_seconds; "
            "ALTER TABLE notifications DROP COLUMN known; "
            "ALTER TABLE notifications DROP COLUMN labels; "
            "ALTER TABLE notifications DROP COLUMN annotations; "
            "ALTER TABLE notifications DROP COLUMN missing_seconds; "
            f"PRAGMA user_version = {number};"
        )
    wired.restart()
    assert search(wired) == Searched(series=1, changed=True, due=0)
    assert commits(wired) == [("commit-9", "commit-10")]


def test_series_with_a_regression_are_searched_first(wired: Wired) -> None:
    for name, factor in (("a", 1.0), ("b", 1.3), ("c", 1.0)):
        take(wired, [*QUIET, *(value * factor for value in QUIET)], name=name)
    assert wired.ledger.search_changes(wired.now, lambda: True).due
    assert [point.name for point in points(wired)] == ["b"]


def test_a_series_that_cannot_be_searched_does_not_keep_the_others_from_it(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b"):
        take(wired, [*QUIET, *(value * 1.3 for value in QUIET)], name=name)
    calls = iter([True, False])

    def fails_once(values: Sequence[float], alarm: Alarm | None) -> list[Change]:
        if next(calls):
            raise ValueError("a fault in the search")
        return find_changes(values, alarm)

    monkeypatch.setattr(change_search, "find_changes", fails_once)
    assert search(wired) == Searched(series=2, changed=True, due=0)
    assert len(points(wired)) == 1
    assert "change points cannot be searched" in caplog.text
