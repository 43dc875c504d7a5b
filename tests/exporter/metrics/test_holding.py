"""A counter starts at 0 in Prometheus, so that increase() sees its first events."""

import pytest

from benchmark_exporter.metrics.exposition import join
from benchmark_exporter.metrics.holding import AWAITED_CHECK_SECONDS, AWAITED_SECONDS, Hold
from benchmark_exporter.metrics.live import Live
from tests.support.documents import perf_suite
from tests.support.wired import START_SECONDS, Wired, same_as_whole, samples, value

# Of the part that is scraped every second.
INGESTED = "benchmark_exporter_files_ingested_total"
PERF_SUITE = frozenset({"format": "perf_suite"}.items())
OBSERVATIONS = "benchmark_execution_time_ms_count"
COMPILED = frozenset(
    {
        "benchmark_name": "router/compiled",
        "iteration": "median",
        "environment": "self-hosted",
    }.items()
)
RUNS = "benchmark_runs_total"
ROUTER = frozenset({"benchmark_name": "router", "environment": "self-hosted"}.items())


def shown(wired: Wired, name: str, labels: frozenset[tuple[str, str]]) -> float:
    exposed = samples(join([*wired.render().parts.values()]).decode())
    shown = value(exposed, name, **dict(labels))
    assert shown is not None
    return shown


def test_a_new_counter_is_0_and_takes_its_value_once_it_has_been_scraped(wired: Wired) -> None:
    wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    assert shown(wired, INGESTED, PERF_SUITE) == 0
    assert wired.render().stale_at_seconds == START_SECONDS + wired.config.counter_hold_seconds
    wired.now += wired.config.counter_hold_seconds
    assert shown(wired, INGESTED, PERF_SUITE) == 1


@pytest.mark.parametrize(("name", "labels"), [(OBSERVATIONS, COMPILED), (RUNS, ROUTER)])
def test_what_is_scraped_less_often_is_held_for_longer(
    wired: Wired, name: str, labels: frozenset[tuple[str, str]]
) -> None:
    wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    wired.now += wired.config.counter_hold_seconds
    assert shown(wired, name, labels) == 0
    assert wired.render().stale_at_seconds == START_SECONDS + wired.config.histogram_hold_seconds
    wired.now = START_SECONDS + wired.config.histogram_hold_seconds
    assert shown(wired, name, labels) == 1
    assert wired.render().stale_at_seconds == START_SECONDS + wired.config.series_max_age_seconds


def test_only_the_birth_is_held_back(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.now += wired.config.counter_hold_seconds
    wired.drop("b.json", perf_suite("second", timestamp="2026-03-02T12:00:00Z"))
    wired.ingest.scan()
    assert shown(wired, INGESTED, PERF_SUITE) == 2


def test_a_start_does_not_hold_back_what_was_born_before_it(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.now += wired.config.counter_hold_seconds
    wired.restart()
    assert shown(wired, INGESTED, PERF_SUITE) == 1


def test_a_clock_set_back_does_not_hide_a_counter(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.now = START_SECONDS - 86_400
    assert shown(wired, INGESTED, PERF_SUITE) == 1


def test_the_regressions_of_a_benchmark_are_0_before_its_first(wired: Wired) -> None:
    wired.take("a.json", perf_suite(speedup=20.0))
    counted = wired.samples()["performance_regressions_total"]
    assert {dict(labels)["severity"]: value for labels, value in counted.items()} == {
        "critical": 0,
        "warning": 0,
    }


def test_a_clock_that_is_set_back_to_a_birth_does_not_hold_it_again(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    born = wired.now - wired.config.settle_seconds
    wired.now += wired.config.histogram_hold_seconds
    assert shown(wired, INGESTED, PERF_SUITE) == shown(wired, RUNS, ROUTER) == 1
    for now in (born - 3600, born - 1, born, born + 1):
        wired.now = now
        assert shown(wired, INGESTED, PERF_SUITE) == shown(wired, RUNS, ROUTER) == 1


@pytest.mark.parametrize("set_back", [1.0, 3.0, 3600.0])
def test_nor_does_a_restart_with_that_clock(wired: Wired, set_back: float) -> None:
    wired.take("a.json", perf_suite())
    born = wired.now - wired.config.settle_seconds
    wired.now += wired.config.histogram_hold_seconds
    assert shown(wired, OBSERVATIONS, COMPILED) == 1
    wired.now = born + wired.config.counter_hold_seconds - set_back
    for _ in range(2):
        wired.restart()
        assert shown(wired, INGESTED, PERF_SUITE) == shown(wired, OBSERVATIONS, COMPILED) == 1
        wired.now = born


@pytest.mark.parametrize("set_back", [3.0, 3600.0, 86_400.0])
def test_nor_does_it_keep_an_exporter_from_starting(wired: Wired, set_back: float) -> None:
    for number in range(3):
        wired.take(f"{number}.json", perf_suite(str(number)))
        wired.now += wired.config.histogram_hold_seconds
        wired.render()
    born = wired.now - wired.config.histogram_hold_seconds
    wired.now = max(START_SECONDS + 1, born) - set_back
    wired.restart()
    live = Live(0, 0.0)
    _, shown_first = wired.collector.expose(wired.ledger, live, wired.now, at_once=False)
    same_as_whole(wired.collector, wired.ledger, live, wired.now, shown_first)


def test_a_clock_that_was_ahead_for_a_while_does_not_end_later_holds(wired: Wired) -> None:
    wired.now += 365 * 86_400
    wired.take("a.json", perf_suite())
    wired.now += wired.config.histogram_hold_seconds
    assert shown(wired, RUNS, ROUTER) == 1
    wired.now = START_SECONDS
    assert shown(wired, RUNS, ROUTER) == 1
    wired.now += 1
    wired.take("b.json", perf_suite("second", project="second"))
    second = frozenset({"benchmark_name": "second"}.items())  # as perf_suite's project
    assert shown(wired, RUNS, second) == 0
    wired.now += wired.config.histogram_hold_seconds
    assert shown(wired, RUNS, second) == 1


def test_a_birth_is_held_until_each_prometheus_has_scraped_it(wired: Wired) -> None:
    hold = wired.config.counter_hold_seconds
    away = Hold(hold, START_SECONDS + 120, scraped_seconds=START_SECONDS - 1)
    assert away.holds(START_SECONDS)
    assert away.ends_seconds == START_SECONDS + 120 + AWAITED_CHECK_SECONDS
    assert not away.holds(START_SECONDS - 60)  # it scraped that one
    back = Hold(hold, START_SECONDS + 121, scraped_seconds=START_SECONDS + 120.5)
    assert not back.holds(START_SECONDS)


def test_a_prometheus_is_awaited_for_ten_minutes(wired: Wired) -> None:
    wired.scrapes = {"state": [START_SECONDS - 1, START_SECONDS + 10_000]}
    wired.take("a.json", perf_suite())
    wired.now = START_SECONDS - 1 + AWAITED_SECONDS - 1
    assert shown(wired, INGESTED, PERF_SUITE) == 0
    assert shown(wired, RUNS, ROUTER) == 1  # of a part that nobody scrapes
    wired.now += 1
    assert shown(wired, INGESTED, PERF_SUITE) == 1


def test_what_returns_while_a_prometheus_is_away_is_held_as_it_was(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.now += wired.config.series_max_age_seconds
    wired.scrapes = {"distributions": [wired.now - 1]}
    wired.take("b.json", perf_suite("second", timestamp="2026-03-02T12:00:00Z"))
    wired.now += AWAITED_SECONDS / 2
    assert shown(wired, RUNS, ROUTER) == 1
    wired.scrapes = {"distributions": [wired.now]}
    assert shown(wired, RUNS, ROUTER) == 2
