"""A regression's alert says with which commit it began: a real exporter under a real Prometheus."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.rules.prometheus_server import Server, prometheus, wait_until
from tests.support.documents import result
from tests.support.process import Exporter

QUIET = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1, 100.7, 99.3]


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    folder = tmp_path / "exporter"
    folder.mkdir()
    running = Exporter(folder, free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


def drop(exporter: Exporter, number: int, value: float) -> None:
    temporary = exporter.results / f"{number}.tmp"
    temporary.write_text(json.dumps(result(number, {"parsing": value})))
    temporary.rename(temporary.with_suffix(".json"))


def descriptions(server: Server) -> list[str]:
    """Return the description of each firing PerformanceRegression."""
    alerts: list[Any] = server.get("alerts")["alerts"]
    return [
        alert["annotations"]["description"]
        for alert in alerts
        if alert["labels"]["alertname"] == "PerformanceRegression" and alert["state"] == "firing"
    ]


def test_an_alert_names_its_begin_and_ends_without_it(
    exporter: Exporter,
    tmp_path: Path,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> None:
    address = f"127.0.0.1:{exporter.port}"
    with prometheus(
        programs["prometheus"], tmp_path / "server", free_port(), exporter=address
    ) as server:
        for number, value in enumerate(QUIET * 2):
            drop(exporter, number, value)
        exporter.until(lambda: exporter.value("benchmark_exporter_ledger_commits"))
        for number, value in enumerate((131.0, 130.0, 132.0), 20):
            drop(exporter, number, value)
        text = "It began with commit commit-20 on 2026-03-01 00:20 UTC, after commit commit-19"
        wait_until(lambda: any(text in each for each in descriptions(server)), text)
        (description,) = descriptions(server)
        assert ": " not in description
        for number, value in enumerate(QUIET, 23):
            drop(exporter, number, value)
        wait_until(lambda: descriptions(server) == [], "the alert has ended")
