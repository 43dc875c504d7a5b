"""Sparse series of the part that is scraped every 30 s, and histograms among them."""

import math
from itertools import pairwise

import pytest

from benchmark_exporter.metrics.exposition import Exposition, pieces
from benchmark_exporter.metrics.sorted_lines import Entry, HistogramLines, SortedLines
from benchmark_exporter.metrics.sparse import SparsePart
from tests.support.sparse_scraping import Scraper, shown, sparse_part

START = 1_780_000_000.25


@pytest.mark.parametrize("phase", [0.0, 0.001, 11.0, 29.9])
def test_a_slow_series_is_sent_once_in_210_s_in_even_shares_and_is_always_found(
    phase: float,
) -> None:
    values = {f"b{number}": number for number in range(700)}
    part, prometheus = sparse_part(part="distributions"), Scraper()
    begin = START // 30 * 30 + phase
    part.publish(shown(values, part="distributions"), begin)
    assert prometheus.scrape(part, begin) == 700
    for scrape in range(1, 41):
        for second in range(30):  # until just before the next scrape
            assert prometheus.at(begin + 30 * (scrape - 1) + second) == values
        sent = prometheus.scrape(part, begin + 30 * scrape)
        assert sent == pytest.approx(100, abs=35)  # by a hash of 700 names
    apart = {
        later[0] - earlier[0]
        for samples in prometheus.samples.values()
        for earlier, later in pairwise(samples[1:])
    }
    assert apart == {210_000}


def test_a_slow_series_is_found_although_a_scrape_fails() -> None:
    values = {f"b{number}": number for number in range(70)}
    for failing in range(1, 9):
        part, prometheus = sparse_part(part="distributions"), Scraper()
        part.publish(shown(values, part="distributions"), START)
        for scrape in range(20):
            now = START + 30 * scrape
            assert prometheus.at(now - 0.1) == (values if scrape else {})
            prometheus.scrape(part, now, lost=scrape == failing)


def test_the_lines_of_a_histogram_are_together_with_one_time() -> None:
    part, seen = SparsePart("distributions", ["h"]), None
    template = 'h_bucket{\0,le="1"} %s\nh_bucket{\0,le="+Inf"} %s\nh_sum{\0} %s\nh_count{\0} %s'

    def histograms(count: int) -> Exposition:
        entries: list[Entry] = [
            ("p", number, HistogramLines(template, f'n="{number}"', (1, count, "0.5", count)))
            for number in range(90)
        ]
        lines = SortedLines().changed([], entries)
        heads = {"h": b"# HELP h h\n# TYPE h histogram\n"}
        return Exposition(
            heads, {("distributions", "h"): lines}, 0, math.inf, 0, {}, (), {"distributions": ["h"]}
        )

    for scrape in range(16):
        now = START + 30 * scrape
        if scrape in (0, 9):
            part.publish(histograms(7 + scrape), now - 1)
        families, seen = part.unseen(seen, now)
        sent = pieces([families])
        found: dict[str, list[tuple[str, str, str]]] = {}
        for line in b"".join(each.text(keep=False) for each in sent).decode().splitlines()[2:]:
            series, value, at = line.split(" ")
            found.setdefault(series.split('"')[1], []).append((series.split("{")[0], value, at))
        assert len(found) == 90 if scrape in (0, 9) else 5 <= len(found) <= 25
        count = "7" if scrape < 9 else "16"
        for lines in found.values():
            assert [name for name, _, _ in lines] == ["h_bucket", "h_bucket", "h_sum", "h_count"]
            assert [value for _, value, _ in lines] == ["1", count, "0.5", count]
            assert len({at for _, _, at in lines}) == 1
