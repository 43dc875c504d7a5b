"""benchmarks.histograms: its pages are what Prometheus reads, and its figures are of them."""

from pathlib import Path

import pytest

from benchmarks.histogram_pages import BUCKETS, KINDS, NAME, Page
from tests.support.measuring import figures, run
from tests.support.wired import DEFINITIONS


def test_the_page_has_the_buckets_of_the_exporter() -> None:
    assert tuple(DEFINITIONS[NAME].buckets) == BUCKETS


@pytest.mark.parametrize("kind", KINDS)
def test_each_scrape_is_of_a_time_of_its_own(kind: str) -> None:
    page = Page(kind, 3, 1, interval_seconds=30, scrapes=2)
    pages = [page.next() for _ in range(3)]
    assert pages[0] != pages[1]
    assert pages[2] == b""


@pytest.mark.usefixtures("programs")
def test_prometheus_stores_classic_histograms(tmp_path: Path) -> None:
    output = tmp_path / "histograms.md"
    done = run("benchmarks.histograms", "--histograms=3", "--scrapes=6", f"--output={output}")
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    assert measured["one classic histogram: series"] == len(BUCKETS) + 3
    assert measured["one classic histogram: on the page"] > 22 * 60
