"""What a late run says of the confirmed regressions after its place."""

import sqlite3
from contextlib import closing

import pytest

from benchmark_exporter.ledger import SeriesKey
from benchmark_exporter.model import Verdict, VerdictState
from tests.support.documents import result
from tests.support.wired import Wired

KEY = SeriesKey("router", "ci", "", "main", "parsing", "seconds")
NOW = 1_780_000_000.0


@pytest.fixture
def followed(wired: Wired) -> Wired:
    """A ledger with five runs; what is followed are verdicts on them that the test makes up."""
    for number in range(5):
        wired.take(f"{number}.json", result(number, {"other": 1.0}))
    return wired


def follow(
    wired: Wired,
    run: int,
    state: VerdictState,
    *,
    rank: float,
    confirmed: bool = False,
    verdict: Verdict | None = None,
) -> None:
    with wired.ledger.transaction() as transaction:
        verdict = verdict or Verdict(state, 1.0, alarm_runs=int(confirmed))
        transaction.reports.follow(
            run, KEY, verdict, f"commit-{run}", NOW + rank, NOW + 100, confirmed=confirmed
        )


def rows(wired: Wired) -> list[tuple[object, ...]]:
    return wired.query("SELECT alarm, run, reported, merged, ended_commit FROM regression_reports")


def test_a_late_good_run_ends_no_regression_after_it(followed: Wired) -> None:
    follow(followed, 3, "critical", rank=30, confirmed=True)
    follow(followed, 2, "ok", rank=20)
    assert rows(followed) == [(3, 3, 0, 1, None)]
    follow(followed, 4, "ok", rank=40)
    assert rows(followed) == [(3, 3, 0, 1, "commit-4")]


@pytest.mark.parametrize(
    ("reference", "limit", "worse", "good"),
    [(100.0, 107.0, 130.0, 101.0), (50.0, 45.0, 30.0, 52.0)],
)
def test_a_good_run_before_the_end_is_not_the_one_that_is_reported(
    followed: Wired, reference: float, limit: float, worse: float, good: float
) -> None:
    for run, value in ((1, worse), (2, worse), (3, good)):
        verdict = Verdict("critical", value, reference, limit, alarm_runs=run)
        follow(followed, run, "critical", rank=10.0 * run, confirmed=True, verdict=verdict)
    follow(followed, 0, "ok", rank=15)  # a late one, between them
    assert rows(followed) == [(1, 2, 0, 1, None)]
    follow(followed, 4, "ok", rank=40)
    assert rows(followed) == [(1, 2, 0, 1, "commit-4")]


def test_a_late_regression_ends_with_the_run_after_it_that_is_judged_again(
    followed: Wired,
) -> None:
    follow(followed, 4, "ok", rank=40)
    follow(followed, 1, "critical", rank=30, confirmed=True)
    follow(followed, 4, "ok", rank=40)
    assert rows(followed) == [(1, 1, 0, 1, "commit-4")]


def test_a_late_regression_is_counted_with_one_after_it(followed: Wired) -> None:
    follow(followed, 3, "critical", rank=30, confirmed=True)
    follow(followed, 1, "critical", rank=10, confirmed=True)
    follow(followed, 2, "ok", rank=20)
    follow(followed, 3, "critical", rank=30)  # judged again, and counted before
    assert rows(followed) == [(3, 3, 0, 2, None)]


def test_while_the_alert_fires_a_late_regression_is_no_reason_for_another(followed: Wired) -> None:
    follow(followed, 3, "critical", rank=30, confirmed=True)
    with closing(sqlite3.connect(followed.ledger_path)) as connection, connection:
        connection.execute("UPDATE regression_reports SET reported = 1")
    before = followed.query("SELECT * FROM regression_reports")
    follow(followed, 1, "critical", rank=10, confirmed=True)
    follow(followed, 2, "ok", rank=20)
    assert followed.query("SELECT * FROM regression_reports") == before != []


def test_a_rank_of_a_clock_that_was_set_back_since_counts_for_nothing(followed: Wired) -> None:
    follow(followed, 1, "critical", rank=10_000, confirmed=True)
    follow(followed, 2, "ok", rank=20)
    follow(followed, 3, "critical", rank=30, confirmed=True)
    assert rows(followed) == [(3, 3, 0, 2, None)]
