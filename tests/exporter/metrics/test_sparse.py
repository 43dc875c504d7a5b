"""Sparse series: each change is sent at once, all else once a period, and Prometheus has it all."""

import random
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import pytest

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.sparse import PACES
from tests.support.sparse_scraping import Scraper, shown, sparse_part, unseen

START = 1_780_000_000.25


def seconds(count: int, begin: float = START) -> Iterable[float]:
    return (begin + second for second in range(count))


def test_a_constant_series_is_sent_once_a_minute_and_is_always_found() -> None:
    values = {f"b{number}": number for number in range(600)}
    part, prometheus = sparse_part(), Scraper()
    part.publish(shown(values), START)
    sent = [prometheus.scrape(part, now) for now in seconds(1)]
    assert sent == [600]  # the first scrape has everything
    for minute in range(1, 11):
        sent = []
        for now in seconds(60, START + 60 * minute - 59):
            sent.append(prometheus.scrape(part, now))
            assert prometheus.at(now) == values
        assert sum(sent) == 600
        assert max(sent) < 30  # about ten a second
    assert {len(samples) for samples in prometheus.samples.values()} == {11}
    apart = {
        later[0] - earlier[0]
        for samples in prometheus.samples.values()
        for earlier, later in pairwise(samples[1:])
    }
    assert apart == {60_000}


def test_a_change_is_in_the_next_scrape_with_its_time_and_in_no_other() -> None:
    part, prometheus = sparse_part(), Scraper()
    part.publish(shown({"a": 1, "b": 1}), START)
    prometheus.scrape(part, START + 0.5)
    part.publish(shown({"a": 2, "b": 1}), START + 0.7)
    text, seen = unseen(part, prometheus.seen, START + 1)
    assert f'm{{benchmark_name="a"}} 2 {round((START + 0.7) * 1000)}\n' in text
    assert 'benchmark_name="b"' not in text
    assert "m{" not in unseen(part, seen, START + 1.1)[0]


def test_a_change_is_later_than_what_was_sent_before_it_whatever_the_clock_said() -> None:
    part, prometheus = sparse_part(), Scraper()
    part.publish(shown({"a": 1}), START)
    prometheus.scrape(part, START + 10)
    # It was rendered for a while, so its time is from before the scrape.
    part.publish(shown({"a": 2}), START + 9.5)
    assert prometheus.scrape(part, START + 11) == 1
    assert prometheus.at(START + 11) == {"a": 2}


def test_what_goes_and_comes_back_is_sent_at_once() -> None:
    part, prometheus = sparse_part(), Scraper()
    part.publish(shown({"a": 1, "b": 1}), START)
    prometheus.scrape(part, START + 1)
    part.publish(shown({"b": 1}), START + 2)
    for now in seconds(400, START + 3):
        prometheus.scrape(part, now)
    assert prometheus.at(START + 402) == {"b": 1}
    part.publish(shown({"a": 3, "b": 1}), START + 403)
    prometheus.scrape(part, START + 404)
    assert prometheus.at(START + 404) == {"a": 3, "b": 1}


def test_help_and_type_of_a_family_are_in_one_of_ten_scrapes_at_least() -> None:
    names = [f"m{number}" for number in range(13)]
    part = sparse_part(*names)
    part.publish(shown({"a": 1}, *names), START)
    _, seen = unseen(part, None, START)
    heads: Counter[str] = Counter()
    for now in seconds(9, START + 1):
        text, seen = unseen(part, seen, now)
        heads.update(re.findall("^# TYPE (\\S+) gauge$", text, re.MULTILINE))
    assert set(heads) == set(names)


@pytest.mark.parametrize("away_seconds", [5, 45, 240, 600])
def test_a_scraper_that_was_away_gets_what_changed_meanwhile_in_one_scrape(
    away_seconds: int,
) -> None:
    part, prometheus = sparse_part(), Scraper()
    values = {f"b{number}": 0 for number in range(100)}
    part.publish(shown(values), START)
    prometheus.scrape(part, START)
    for second in range(away_seconds):
        values[f"b{second % 90}"] = second
        part.publish(shown(values), START + second + 0.5)
    now = START + away_seconds
    prometheus.scrape(part, now)
    assert prometheus.at(now) == values


def test_a_clock_that_is_set_back_is_followed_and_sends_all_again() -> None:
    part, prometheus = sparse_part(), Scraper()
    part.publish(shown({"a": 1, "b": 1}), START)
    prometheus.scrape(part, START + 1)
    back = START - 3600
    text, seen = unseen(part, prometheus.seen, back)
    stamps = {int(line.rpartition(" ")[2]) for line in text.splitlines() if "{" in line}
    assert len(re.findall("^m{", text, re.MULTILINE)) == 2
    assert all(stamp <= back * 1000 + 1 for stamp in stamps)
    part.publish(shown({"a": 2, "b": 1}), back + 1)
    text, _ = unseen(part, seen, back + 2)
    assert f'm{{benchmark_name="a"}} 2 {round((back + 1) * 1000)}' in text


def test_a_clock_that_is_set_back_a_little_is_waited_for() -> None:
    part, prometheus = sparse_part(), Scraper()
    part.publish(shown({"a": 1}), START)
    prometheus.scrape(part, START + 1)
    part.publish(shown({"a": 2}), START + 0.9)
    prometheus.scrape(part, START + 0.95)
    # Up to the time of the last scrape, its change lies in the future.
    assert prometheus.samples['m{benchmark_name="a"}'][-1] == (round((START + 1) * 1000) + 1, 2)


@pytest.mark.parametrize("part_name", PACES)
@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_each_scraper_finds_what_is_shown(part_name: Part, seed: int) -> None:
    """Changes, lost scrapes, restarts of either side; what is asserted of each sample: Scraper."""
    dice = random.Random(seed)  # noqa: S311  # no secret
    part, scrapers = sparse_part(part=part_name), [Scraper(), Scraper()]
    values = {f"b{number}": 0 for number in range(30)}
    gone_at: dict[str, float] = {}
    interval = PACES[part_name].turn_seconds
    now = START
    part.publish(shown(values, part=part_name), now)
    for step in range(600):
        pauses = [0.001, 0.2, 1.0, 1.0, 1.0, 30.0 if dice.random() < 0.05 else 1.0]
        now += interval * dice.choice(pauses)
        happens = dice.random()
        if happens < 0.2:
            for name in dice.sample(sorted(values), dice.randrange(4)):
                values[name] = step
            part.publish(shown(values, part=part_name), now - dice.choice([0.0, 0.05, 0.6]))
        elif happens < 0.22 and len(values) > 10:
            name = dice.choice(sorted(values))
            del values[name]
            gone_at[name] = now
            part.publish(shown(values, part=part_name), now)
        elif happens < 0.24 and gone_at:
            name = dice.choice(sorted(gone_at))
            del gone_at[name]
            values[name] = step
            part.publish(shown(values, part=part_name), now)
        elif happens < 0.25:
            part = sparse_part(part=part_name)
            for scraper in scrapers:
                scraper.seen = None  # its connection is gone
            now += dice.choice([0.1, 3.0])
            part.publish(shown(values, part=part_name), now)
        else:
            scraper = dice.choice(scrapers)
            lost = dice.random() < 0.1
            scraper.scrape(part, now, lost=lost)
            if not lost:
                found = scraper.at(now)
                assert {name: found.get(name) for name in values} == values
                assert found.keys() - values.keys() <= gone_at.keys()
