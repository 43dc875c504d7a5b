"""A running exporter shows a regression that has passed until each Prometheus could report it."""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.process import DEADLINE_SECONDS, Exporter

PASSED = 'benchmark_regression_passed_info{benchmark_name="parsing"'
# Two Prometheus servers of this machine, which has a whole network of loopback addresses.
FIRST, SECOND = "127.0.0.2", "127.0.0.3"


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """An exporter that was scraped by two Prometheus servers before a regression came and went."""
    config = tmp_path / "config.yaml"
    config.write_text("regression_least_seconds: 0\n", encoding="utf-8")
    exporter = Exporter(tmp_path, free_port(), f"--config={config}")
    for address in (FIRST, SECOND):
        scrape(exporter, address)
    for number, milliseconds in enumerate([*STEADY, 1.5, 1.5, 1.0]):
        document = json.dumps(result(number, {"parsing": milliseconds}))
        part = exporter.results / f"{number}.part"
        part.write_text(document, encoding="utf-8")
        part.rename(part.with_suffix(".json"))
    exporter.until(lambda: is_shown(exporter))
    yield exporter
    exporter.stop()


def scrape(exporter: Exporter, address: str, user_agent: str = "Prometheus/3.5.3") -> str:
    """Gets the part `state` from an address, as a Prometheus does."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", exporter.port, timeout=DEADLINE_SECONDS, source_address=(address, 0)
    )
    try:
        connection.request(
            "GET", "/metrics?collect%5B%5D=state", headers={"User-Agent": user_agent}
        )
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def is_shown(exporter: Exporter) -> bool:
    """Whether the regression is on /metrics, by a request that counts for nothing."""
    return PASSED in scrape(exporter, "127.0.0.1", "curl/7.88.1")


def test_it_goes_once_both_have_scraped_it_twice(exporter: Exporter) -> None:
    for _ in range(5):
        assert PASSED in scrape(exporter, FIRST)
    assert PASSED in scrape(exporter, SECOND)
    assert is_shown(exporter)
    assert PASSED in scrape(exporter, SECOND)
    exporter.until(lambda: not is_shown(exporter))


def test_kill_9_forgets_neither_it_nor_who_scrapes(exporter: Exporter) -> None:
    for _ in range(2):
        scrape(exporter, FIRST)
    exporter.process.kill()
    exporter.process.wait()
    exporter.start()
    for _ in range(5):
        assert PASSED in scrape(exporter, FIRST)
    for _ in range(2):
        assert PASSED in scrape(exporter, SECOND)
    exporter.until(lambda: not is_shown(exporter))
    exporter.process.kill()
    exporter.process.wait()
    exporter.start()
    assert not is_shown(exporter)


def test_other_parts_and_people_do_not_count(exporter: Exporter) -> None:
    for _ in range(3):
        exporter.get("/metrics")
        exporter.get("/metrics?collect[]=distributions", {"User-Agent": "Prometheus/3.5.3"})
    assert is_shown(exporter)
