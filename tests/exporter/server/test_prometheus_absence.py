"""When a Prometheus counts as away."""

import pytest

from benchmark_exporter.server.prometheus_absence import MAX_SCRAPERS, PrometheusAbsence

AFTER_SECONDS, LIMIT_SECONDS = 10.0, 600.0
OLD, NEW = "Prometheus/2.42.0", "Prometheus/3.5.3"


class Clock:
    """A monotonic clock that tests set."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def absence(clock: Clock) -> PrometheusAbsence:
    return PrometheusAbsence(AFTER_SECONDS, LIMIT_SECONDS, clock)


def scrape(
    absence: PrometheusAbsence,
    clock: Clock,
    at: range,
    *,
    agent: str = OLD,
    address: str = "one",
    name: str = "",
) -> None:
    """Scrapes in each of these seconds after the start."""
    for second in at:
        clock.seconds = Clock.seconds + second
        absence.note_scrape(address, name, agent)


def test_one_that_scrapes_each_second_is_not_away(absence: PrometheusAbsence, clock: Clock) -> None:
    for second in range(100):
        scrape(absence, clock, range(second, second + 1))
        assert absence.seconds() is None
        assert absence.unscraped_seconds() == 0


def test_one_that_stops_is_away_after_some_seconds_and_until_the_limit(
    absence: PrometheusAbsence, clock: Clock
) -> None:
    scrape(absence, clock, range(60))
    last = clock.seconds
    clock.seconds = last + AFTER_SECONDS
    assert absence.seconds() is None
    clock.seconds = last + AFTER_SECONDS + 0.1
    assert absence.seconds() == pytest.approx(10.1)
    assert absence.unscraped_seconds() == pytest.approx(10.1)
    clock.seconds = last + LIMIT_SECONDS
    assert absence.seconds() == LIMIT_SECONDS
    clock.seconds += 0.1
    assert absence.seconds() is None


def test_one_that_comes_back_is_not_away(absence: PrometheusAbsence, clock: Clock) -> None:
    scrape(absence, clock, range(60))
    scrape(absence, clock, range(180, 181))
    assert absence.seconds() is None


def test_the_start_counts_as_a_scrape_of_whoever_comes(
    absence: PrometheusAbsence, clock: Clock
) -> None:
    clock.seconds += 30
    assert absence.seconds() == 30
    scrape(absence, clock, range(31, 32))
    assert absence.seconds() is None


def test_people_and_other_programs_are_not_awaited(
    absence: PrometheusAbsence, clock: Clock
) -> None:
    scrape(absence, clock, range(30), agent="curl/8.5.0")
    scrape(absence, clock, range(30), agent="vm_promscrape")
    assert absence.seconds() == pytest.approx(29)


def test_one_of_two_is_away(absence: PrometheusAbsence, clock: Clock) -> None:
    for second in range(30):
        scrape(absence, clock, range(second, second + 1))
        scrape(absence, clock, range(second, second + 1), address="two")
    scrape(absence, clock, range(30, 60), address="two")
    assert absence.seconds() == pytest.approx(30)
    assert absence.unscraped_seconds() == 0


def test_an_upgraded_one_or_one_with_a_new_address_takes_the_place_of_the_old_one(
    absence: PrometheusAbsence, clock: Clock
) -> None:
    scrape(absence, clock, range(30))
    scrape(absence, clock, range(90, 120), agent=NEW)
    assert absence.seconds() is None
    scrape(absence, clock, range(150, 180), agent=NEW, address="two")
    assert absence.seconds() is None
    clock.seconds += 20
    assert absence.seconds() == pytest.approx(20)


def test_one_new_prometheus_takes_the_place_of_one(
    absence: PrometheusAbsence, clock: Clock
) -> None:
    for second in range(30):
        scrape(absence, clock, range(second, second + 1))
        scrape(absence, clock, range(second, second + 1), address="two")
    scrape(absence, clock, range(60, 90), address="three")
    assert absence.seconds() == pytest.approx(60)


def test_many_that_pretend_to_be_one_hide_no_absence_and_take_no_room(
    absence: PrometheusAbsence, clock: Clock
) -> None:
    scrape(absence, clock, range(10))
    for second in range(10, 510):
        scrape(absence, clock, range(second, second + 1), agent=f"Prometheus/{second}")
        scrape(absence, clock, range(second, second + 1))
    assert len(absence._scrapers) == MAX_SCRAPERS
    # The one that was there first is still known.
    assert ("one", OLD) in absence._scrapers


def test_those_with_the_same_name_are_away_only_together(
    absence: PrometheusAbsence, clock: Clock
) -> None:
    for second in range(60):
        scrape(absence, clock, range(second, second + 1), name="stack")
        scrape(absence, clock, range(second, second + 1), name="stack", address="two", agent=NEW)
    scrape(absence, clock, range(60, 100), name="stack", address="two", agent=NEW)
    assert absence.seconds() is None
    clock.seconds += AFTER_SECONDS + 1
    assert absence.seconds() == pytest.approx(AFTER_SECONDS + 1)
