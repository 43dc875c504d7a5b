"""What the ledger says of a week: its changes, and since when regressions are open."""

import math
from datetime import datetime
from pathlib import Path

import pytest

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.week import read_week
from tests.support.documents import result
from tests.support.histories import STEADY, take
from tests.support.wired import Wired

FIRST = len(STEADY)


def seconds(number: int) -> float:
    """When a run was made."""
    return datetime.fromisoformat(result(number, {})["timestamp"]).timestamp()


def search(wired: Wired) -> None:
    """As the exporter does once nothing else comes in."""
    due = 1
    while due:
        with wired.ledger.transaction() as transaction:
            due = transaction.search_changes(0.0, lambda: False).due


def test_a_regression_is_open_since_the_first_run_that_was_one(wired: Wired) -> None:
    take(wired, [*STEADY, *[1.5] * 6])
    (found,) = read_week(wired.ledger_path, -math.inf).open_regressions
    assert (found.scope.project, found.scope.branch, found.name) == ("router", "main", "parsing")
    assert (found.state, found.passed_commit) == ("critical", f"commit-{FIRST - 1}")
    assert found.worsening_ratio == pytest.approx(0.5, abs=0.01)
    # The first slow run was only suspect.
    assert found.since_seconds == seconds(FIRST + 1)
    take(wired, [1.0] * 6, start=FIRST + 6)
    assert read_week(wired.ledger_path, -math.inf).open_regressions == []


def test_a_regression_that_was_fixed_between_counts_from_the_second_time(wired: Wired) -> None:
    take(wired, [*STEADY, *[1.5] * 4, *[1.0] * 4, *[1.6] * 4])
    (found,) = read_week(wired.ledger_path, -math.inf).open_regressions
    assert found.since_seconds == seconds(FIRST + 9)


def test_the_longest_open_come_first_and_a_project_can_be_chosen(wired: Wired) -> None:
    for number in range(FIRST + 8):
        slow = {"a": number >= FIRST + 3, "b": number >= FIRST}
        levels = {name: 1.6 if each else STEADY[number % 5] for name, each in slow.items()}
        wired.take(f"{number}.json", result(number, levels))
    regressions = read_week(wired.ledger_path, -math.inf).open_regressions
    assert [each.name for each in regressions] == ["b", "a"]
    assert read_week(wired.ledger_path, -math.inf, project="other").open_regressions == []


def test_changes_are_those_of_the_time(wired: Wired) -> None:
    take(wired, [*STEADY, *[1.5] * 12, *[1.0] * 12])
    assert not read_week(wired.ledger_path, -math.inf).searched
    search(wired)
    week = read_week(wired.ledger_path, -math.inf)
    assert week.searched
    better, worse = week.changes
    assert (worse.worse, better.worse) == (True, False)
    only_first = read_week(wired.ledger_path, worse.at_seconds, better.at_seconds)
    assert only_first.changes == [worse]
    assert read_week(wired.ledger_path, better.at_seconds + 1).changes == []


def test_a_ledger_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no such ledger"):
        read_week(tmp_path / "none.sqlite3", -math.inf)
