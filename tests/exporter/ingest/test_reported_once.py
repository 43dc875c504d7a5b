"""A confirmed regression stays on /metrics until it was reported, even if it has passed."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing

import pytest
from msgspec.structs import replace

from benchmark_exporter.ledger import DeletionSelection
from benchmark_exporter.ledger.delivery import DELIVERY_MAX_AGE_SECONDS
from benchmark_exporter.ledger.delivery_migration import DELIVERY
from benchmark_exporter.metrics.exposition import join
from benchmark_exporter.metrics.live import Live
from tests.support.documents import result
from tests.support.histories import STEADY, SUITE, verdict
from tests.support.wired import Samples, Wired, samples, value

PASSED, MERGED = "benchmark_regression_passed_info", "benchmark_regression_merged"
INFO, CONFIRMED = "benchmark_regression_info", "benchmark_regression_confirmed"
# The second such run in a row is critical; the next good one ends the alarm.
SLOW, GOOD = 1.5, 1.0


def drop(wired: Wired, milliseconds: Iterable[float], *, start: int = 0, name: str = "") -> None:
    """Drops runs of one benchmark, a minute apart, without a scan."""
    for number, each in enumerate(milliseconds, start):
        wired.drop(f"{name}{number}.json", result(number, {name or "parsing": each}))


@pytest.fixture
def steady(wired: Wired) -> Wired:
    """An exporter with a history whose last run is suspect: the next bad one is critical."""
    drop(wired, [*STEADY, SLOW])
    wired.settle()
    return wired


def shown(wired: Wired) -> Samples:
    """The part that Prometheus scrapes each second, as it is now."""
    return samples(join([wired.render().parts["state"]]).decode())


def report(wired: Wired) -> None:
    """What the server does once each Prometheus has had time to report what is shown."""
    wired.ledger.delivery.mark_reported(wired.render().alarms)


def commits(wired: Wired) -> tuple[str, str, str] | None:
    """The commits of what is reported: last good, worse, and of the run since which it passed."""
    seen = shown(wired)
    if INFO not in seen:
        return None
    (labels,) = map(dict, seen[INFO])
    ((_, confirmed),) = seen[CONFIRMED].items()
    assert confirmed == 1
    passed = [dict(each)["passed_commit_hash"] for each in seen.get(PASSED, {})]
    return labels["previous_commit_hash"], labels["commit_hash"], "".join(passed)


def test_one_that_passes_before_it_was_reported_stays_until_it_is(steady: Wired) -> None:
    before = len(STEADY) - 1
    drop(steady, [SLOW], start=100)
    steady.settle()
    assert commits(steady) == (f"commit-{before}", "commit-100", "")
    drop(steady, [GOOD, GOOD], start=101)
    steady.settle()
    assert commits(steady) == (f"commit-{before}", "commit-100", "commit-101")
    assert value(shown(steady), "benchmark_regression_value") == pytest.approx(SLOW / 1000)
    assert verdict(steady) == "ok"  # what pages and dashboards show
    report(steady)
    assert commits(steady) is None
    assert steady.query("SELECT count(*) FROM regression_reports") == [(0,)]


def test_one_that_was_reported_ends_with_the_good_run(steady: Wired) -> None:
    drop(steady, [SLOW], start=100)
    steady.settle()
    report(steady)
    assert steady.render().alarms == []
    drop(steady, [SLOW], start=101)  # the same alarm
    steady.settle()
    assert steady.render().alarms == []
    drop(steady, [GOOD], start=102)
    steady.settle()
    assert commits(steady) is None


def test_both_runs_in_one_batch_of_a_thousand_files(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD], start=500)
    drop(steady, [GOOD] * 499, name="before", start=0)
    drop(steady, [GOOD] * 499, name="after", start=600)
    steady.ingest.scan()
    assert commits(steady) == (f"commit-{len(STEADY) - 1}", "commit-500", "commit-501")


def test_a_restart_goes_on_showing_it(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD], start=100)
    steady.settle()
    before = commits(steady)
    steady.restart()
    assert commits(steady) == before is not None


def test_it_is_shown_for_a_day_at_most(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD], start=100)
    steady.ingest.scan()
    steady.now += DELIVERY_MAX_AGE_SECONDS - 1
    assert commits(steady) is not None
    assert steady.render().stale_at_seconds == steady.now + 1
    steady.now += 1
    assert commits(steady) is None


def test_one_alert_reports_several_and_counts_them(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD, 4.0, 4.0], start=100)
    steady.settle()
    assert commits(steady) == ("commit-101", "commit-103", "")
    assert value(shown(steady), MERGED) == 2
    drop(steady, [GOOD], start=104)
    steady.settle()
    assert commits(steady) == ("commit-101", "commit-103", "commit-104")
    assert value(shown(steady), MERGED) == 2
    report(steady)
    assert commits(steady) is None


def test_a_report_does_not_cover_a_regression_that_came_meanwhile(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD], start=100)
    steady.settle()
    seen = steady.render().alarms
    drop(steady, [4.0, 4.0, GOOD], start=102)
    steady.settle()
    steady.ledger.delivery.mark_reported(seen)
    assert commits(steady) == ("commit-101", "commit-103", "commit-104")


def test_what_moved_with_an_environment_shift_is_not_reported(wired: Wired) -> None:
    for number, each in enumerate([*STEADY, SLOW, SLOW, GOOD]):
        times = dict.fromkeys(SUITE, each)
        wired.drop(f"{number}.json", result(number, times))
    wired.settle()
    assert INFO not in shown(wired)
    assert wired.query("SELECT count(*) FROM regression_reports") == [(0,)]


def test_a_shift_right_after_it_does_not_hide_it(wired: Wired) -> None:
    for number, each in enumerate(STEADY):
        wired.drop(f"{number}.json", result(number, dict.fromkeys(SUITE, each)))
    for number in (100, 101):
        times = dict.fromkeys(SUITE, GOOD) | {"a": SLOW}
        wired.drop(f"{number}.json", result(number, times))
    for number in (102, 103):
        wired.drop(f"{number}.json", result(number, dict.fromkeys(SUITE, 4.0)))
    wired.settle()
    shifted = "benchmark_regression_shifted"
    seen = {dict(labels)["benchmark_name"] for labels in shown(wired)[shifted]}
    assert seen == {*SUITE} - {"a"}
    assert value(shown(wired), CONFIRMED, benchmark_name="a") == 1
    report(wired)
    assert value(shown(wired), shifted, benchmark_name="a") == 1


@pytest.mark.parametrize(
    "selection",
    [
        DeletionSelection(benchmark="parsing"),
        DeletionSelection(branch="main"),
        DeletionSelection(run="slow"),
    ],
    ids=["benchmark", "branch", "run"],
)
def test_deleting_what_it_is_of_deletes_it(steady: Wired, selection: DeletionSelection) -> None:
    steady.drop("slow.json", result(100, {"parsing": SLOW}) | {"run_id": "slow"})
    drop(steady, [GOOD], start=101)
    steady.settle()
    assert commits(steady) is not None
    steady.delete_runs(selection)
    assert commits(steady) is None
    assert steady.query("SELECT count(*) FROM regression_reports") == [(0,)]


def test_deleting_its_project_deletes_it(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD], start=100)
    steady.settle()
    steady.ledger.delete(["router"], [])
    assert steady.query("SELECT count(*) FROM regression_reports") == [(0,)]


def test_pruning_keeps_its_run(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD], start=100)
    steady.settle()
    before = commits(steady)
    for _ in steady.ledger.prune(steady.now + 1):
        pass
    assert commits(steady) == before is not None


def test_a_series_that_is_too_old_is_not_shown(steady: Wired) -> None:
    drop(steady, [SLOW], start=100)
    steady.settle()
    steady.now += steady.config.series_max_age_seconds + 1
    assert steady.render().alarms == []
    assert commits(steady) is None


def test_an_update_takes_a_regression_that_lasts_for_reported(steady: Wired) -> None:
    drop(steady, [SLOW], start=100)
    steady.settle()
    tables = ("regression_reports", "scrapers", "holds")
    with closing(sqlite3.connect(steady.ledger_path)) as connection:
        for table in tables:
            connection.execute(f"DROP TABLE {table}")
        connection.executescript(DELIVERY)
    steady.restart()
    assert steady.render().alarms == []
    drop(steady, [GOOD, 4.0, 4.0, GOOD], start=101)
    steady.settle()
    assert commits(steady) == ("commit-101", "commit-103", "commit-104")


def test_a_warning_comes_after_the_confirmed_regression_before_it(steady: Wired) -> None:
    drop(steady, [SLOW, GOOD], start=100)
    steady.settle()
    live = Live(0, 0.0)
    steady.collector.expose(steady.ledger, live, steady.now)
    state = steady.ledger.state()
    (newest,) = [each for each in state.verdicts if each.name == "parsing"]
    warning = replace(newest, verdict=replace(newest.verdict, state="warning"))
    exposition = steady.collector.render(replace(state, verdicts=[warning]), live, steady.now)
    seen = samples(exposition.parts["state"].decode())
    assert value(seen, CONFIRMED) == 1
    assert value(seen, PASSED, passed_commit_hash="commit-101") == 1
    later = replace(state, verdicts=[warning], reports=[])
    seen = samples(steady.collector.render(later, live, steady.now).parts["state"].decode())
    assert value(seen, CONFIRMED) == 0
    assert PASSED not in seen
