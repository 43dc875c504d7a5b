"""Who scrapes, and when a regression counts as reported to all of them."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from benchmark_exporter.ledger.delivery import DELIVERY_MAX_AGE_SECONDS
from benchmark_exporter.ledger.reports import Alarm
from benchmark_exporter.metrics.holding import AWAITED_SECONDS
from benchmark_exporter.server.scrapers import (
    MAX_SCRAPERS,
    Scrapers,
    is_scraper,
    scraper_of,
)

LEAST_SECONDS = 30.0
NOW = 1_780_000_000.0
ALARM: Alarm = (("router", "ci", "", "main", "parsing"), 7)
OTHER: Alarm = (("router", "ci", "", "main", "routing"), 7)


class Clock:
    """Scrapers with a clock: both of its times go on together."""

    def __init__(self, **seen: float) -> None:
        self.scrapers = Scrapers(LEAST_SECONDS)
        self.seconds = 0.0
        self.scrapers.load(seen, NOW)

    def scrape(self, address: str, *shown: Alarm) -> set[Alarm]:
        """Scrapes, and returns what has been reported since the last call."""
        self.scrapers.note_scrape(address, shown, NOW + self.seconds, self.seconds)
        return self.scrapers.take_reported()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"User-Agent": "Prometheus/3.5.3"}, True),
        ({"User-Agent": "vm_promscrape", "X-Prometheus-Scrape-Timeout-Seconds": "1"}, True),
        ({"User-Agent": "curl/7.88.1"}, False),
        ({}, False),
    ],
)
def test_a_prometheus_is_recognised_by_its_headers(headers: dict[str, str], expected: bool) -> None:
    assert is_scraper(headers) is expected


def test_it_is_reported_after_two_scrapes_and_the_least_time() -> None:
    clock = Clock()
    assert clock.scrape("a", ALARM) == set()
    clock.seconds = LEAST_SECONDS - 0.1
    assert clock.scrape("a", ALARM) == set()
    clock.seconds = LEAST_SECONDS
    assert clock.scrape("a", ALARM, OTHER) == {ALARM}
    clock.seconds = 2 * LEAST_SECONDS
    assert clock.scrape("a", OTHER) == {OTHER}


def test_a_prometheus_that_scrapes_seldom_scrapes_it_twice() -> None:
    clock = Clock()
    clock.scrape("a")
    clock.seconds = 300
    assert clock.scrape("a", ALARM) == set()
    clock.seconds = 600
    assert clock.scrape("a", ALARM) == {ALARM}


def test_each_prometheus_gets_it() -> None:
    clock = Clock()
    clock.scrape("a", ALARM)
    clock.seconds = 20
    clock.scrape("b", ALARM)
    clock.seconds = LEAST_SECONDS
    assert clock.scrape("a", ALARM) == set()
    clock.seconds = 20 + LEAST_SECONDS
    assert clock.scrape("b", ALARM) == {ALARM}


def test_one_that_is_away_is_awaited_for_a_day() -> None:
    clock = Clock(away=NOW - DELIVERY_MAX_AGE_SECONDS + 100)
    for clock.seconds in (0, 50, 99):
        assert clock.scrape("a", ALARM) == set()
    clock.seconds = 100
    assert clock.scrape("a", ALARM) == {ALARM}


def test_one_that_was_seen_before_the_clock_was_set_back_is_not_awaited_forever() -> None:
    clock = Clock(away=NOW + 365 * DELIVERY_MAX_AGE_SECONDS)
    clock.scrape("a", ALARM)
    clock.seconds = DELIVERY_MAX_AGE_SECONDS
    assert clock.scrape("a", ALARM) == {ALARM}


def test_scrapes_count_from_the_first_that_showed_it() -> None:
    clock = Clock()
    for clock.seconds in range(100):
        clock.scrape("a")
    assert clock.scrape("a", ALARM) == set()


def test_nothing_is_reported_before_the_ledger_was_read() -> None:
    scrapers = Scrapers(0)
    assert not scrapers.note_scrape("a", [ALARM], NOW, 0)
    assert not scrapers.note_scrape("a", [ALARM], NOW, 1)
    assert scrapers.take_reported() == set()
    scrapers.load({"b": NOW}, NOW)
    scrapers.note_scrape("a", [ALARM], NOW, 2)
    assert scrapers.take_reported() == set()


def test_what_could_not_be_stored_is_reported_again() -> None:
    clock = Clock()
    clock.scrape("a", ALARM)
    clock.seconds = LEAST_SECONDS
    reported = clock.scrape("a", ALARM)
    clock.scrapers.put_back(reported)
    assert clock.scrapers.take_reported() == {ALARM}


def test_a_scraper_is_stored_at_once_and_then_hourly() -> None:
    scrapers = Scrapers(LEAST_SECONDS)
    scrapers.load({}, NOW)
    stored = []
    for second in range(7201):
        if scrapers.note_scrape("a", [], NOW + second, second):
            stored.append(second)
            scrapers.note_stored(scrapers.to_store())
    assert stored == [0, 3600, 7200]


def test_the_number_of_scrapers_is_bounded() -> None:
    clock = Clock()
    for number in range(2 * MAX_SCRAPERS):
        clock.scrape(f"{number}")
    assert len(clock.scrapers.to_store()) == MAX_SCRAPERS
    clock.seconds = DELIVERY_MAX_AGE_SECONDS
    clock.scrape("new")
    assert set(clock.scrapers.to_store()) == {"new"}


def test_others_do_not_crowd_out_the_one_that_alerts() -> None:
    """A report would be lost if only those that took all places had to see the regression."""
    clock = Clock()
    forged = [f"forged {number}" for number in range(MAX_SCRAPERS)]
    for address in (*forged, "real"):
        clock.scrape(address)
    for clock.seconds in (1, 1 + LEAST_SECONDS):
        for address in forged:
            assert clock.scrape(address, ALARM) == set()
    clock.seconds = DELIVERY_MAX_AGE_SECONDS
    for address in forged:
        reported = clock.scrape(address, ALARM)
    assert reported == {ALARM}


def test_the_last_scrape_of_each_part_is_known() -> None:
    scrapers = Scrapers(LEAST_SECONDS)
    scrapers.note_parts("a", ["state"], NOW)
    scrapers.note_parts("b", ["state", "distributions"], NOW + 1)
    scrapers.note_parts("a", ["state"], NOW + 2)
    assert scrapers.last_scrapes == {"state": (NOW + 2, NOW + 1), "distributions": (NOW + 1,)}


def test_after_a_restart_those_of_the_last_hour_are_awaited() -> None:
    scrapers = Scrapers(LEAST_SECONDS)
    scrapers.load({"lately": NOW - 3600, "long ago": NOW - 7200}, NOW)
    assert scrapers.last_scrapes == {"state": (NOW,)}


def test_many_addresses_do_not_grow_what_is_known() -> None:
    scrapers = Scrapers(LEAST_SECONDS)
    for number in range(2 * MAX_SCRAPERS):
        scrapers.note_parts(f"{number}", ["state"], NOW + number / 1000)
    assert len(scrapers.last_scrapes["state"]) == MAX_SCRAPERS
    scrapers.note_parts("new", ["state"], NOW + 2 * AWAITED_SECONDS)
    assert NOW + 2 * AWAITED_SECONDS in scrapers.last_scrapes["state"]
    assert len(scrapers.last_scrapes["state"]) == MAX_SCRAPERS


def scrape_of(name: str = "", **headers: str) -> web.Request:
    query = f"?scraper={name}" if name else ""
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return make_mocked_request("GET", f"/metrics{query}", headers=CIMultiDict(sent))


def test_a_name_counts_unless_the_proxy_sent_the_scrape() -> None:
    assert scraper_of(scrape_of())[1] == ""
    named = scraper_of(scrape_of("stack"))[1]
    assert named
    assert named != scraper_of(scrape_of("other"))[1]
    assert scraper_of(scrape_of("stack", X_Stack_Credential="secret"))[1] == ""
    assert scraper_of(scrape_of("stack", X_Forwarded_For="192.0.2.1"))[1] == ""


def test_one_of_two_with_the_same_name_suffices() -> None:
    clock = Clock()
    clock.scrape("name stack", ALARM)
    clock.seconds = LEAST_SECONDS
    assert clock.scrape("name stack", ALARM) == {ALARM}


def test_an_address_that_has_stated_a_name_since_is_not_awaited() -> None:
    clock = Clock(a=NOW - 60)
    clock.scrape("name stack", ALARM)
    clock.seconds = LEAST_SECONDS
    assert clock.scrape("name stack", ALARM) == set()
    clock.scrapers.forget("a")
    assert clock.scrape("name stack", ALARM) == {ALARM}
