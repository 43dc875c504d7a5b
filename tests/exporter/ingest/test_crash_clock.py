"""A clock that is set back, between two starts or while the exporter runs, changes no number."""

from tests.support.documents import perf_suite
from tests.support.dying import FILES
from tests.support.retention import DAY_SECONDS
from tests.support.series import ROUTER, RUNS, SPEEDUP
from tests.support.wired import Wired


def test_a_start_on_an_earlier_day_shows_the_same(wired: Wired) -> None:
    for name, document in FILES.items():
        wired.drop(name, document)
    wired.settle()
    before = wired.exposition()
    wired.now -= DAY_SECONDS
    wired.restart()
    wired.settle()
    assert wired.exposition() == before


def test_what_arrives_after_the_clock_went_back_counts_once(wired: Wired) -> None:
    wired.take("1.json", perf_suite("one"))
    wired.now -= DAY_SECONDS
    wired.take("2.json", perf_suite("two", timestamp="2026-03-01T13:00:00Z"))
    wired.now += DAY_SECONDS
    wired.restart()
    wired.settle()
    assert wired.value(RUNS, **ROUTER) == 2


def test_a_run_that_arrives_after_the_clock_went_back_is_the_newest(wired: Wired) -> None:
    wired.take("1.json", perf_suite("one", speedup=5.0, timestamp="2026-05-28T20:26:00Z"))
    wired.now -= DAY_SECONDS
    wired.restart()
    wired.take("2.json", perf_suite("two", speedup=20.0, timestamp="2026-05-28T20:27:00Z"))
    assert wired.value("speedup_ratio", **SPEEDUP) == 20
