"""An Alertmanager that dies before it sends, and a Prometheus that is away.

Runs after test_stack_operation.py, on the same stack.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmark_exporter.config import Config
from stack.demo_documents import PerfSuiteBenchmark
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS
from tests.stack.backends import Backend, get, is_back, until
from tests.stack.orbit import drop, run_of

ALERT = "CriticalPerformanceRegression"
# On a busy machine. Measured by benchmarks/alert_keeping.py: 11 s; with Prometheus' default, 62 s.
DELIVERED_SECONDS = 90.0
DEADLINE_SECONDS = 120.0
# The furthest that Prometheus lets an alert end: four intervals of the slowest rules for results.
FURTHEST_SECONDS = 60.0
Measured = Callable[[str], None]


@dataclass
class Outage:
    """One critical alert of a benchmark of its own."""

    backend: Backend
    runs: int = 0

    def run(self, speedup: float) -> None:
        self.runs += 1
        benchmark = PerfSuiteBenchmark("outage", 0.05, 0.05 * speedup, 0.0)
        drop(self.backend, f"outage-{self.runs}.json", run_of(benchmark, self.runs))

    def listed(self, alertname: str) -> dict[str, Any] | None:
        """The alert as Alertmanager has it."""
        try:
            alerts = get(ALERTMANAGER.url(self.backend.settings, "/api/v2/alerts"))
        except OSError:
            return None
        return next(
            (
                alert
                for alert in alerts
                if alert["labels"]["alertname"] == alertname
                and alert["labels"].get("benchmark_name", "outage") == "outage"
            ),
            None,
        )

    def lasts_seconds(self, alertname: str) -> float:
        """For how long Alertmanager has the alert if nobody sends it again."""
        alert, _ = until(lambda: self.listed(alertname), DEADLINE_SECONDS, f"{alertname} is there")
        return (datetime.fromisoformat(alert["endsAt"]) - datetime.now(UTC)).total_seconds()

    def reported(self) -> str | None:
        """The status in the newest notification that the exporter received."""
        alerts = get(EXPORTER.url(self.backend.settings, "/api/v1/status"))["alerts"]
        found = [
            alert["status"]
            for alert in alerts
            if (alert["alertname"], alert["benchmark_name"]) == (ALERT, "outage")
        ]
        return found[0] if found else None

    def until_reported(self, status: str, seconds: float) -> float:
        _, after = until(lambda: self.reported() == status or None, seconds, f"{status} reported")
        return after

    @contextmanager
    def prometheus_stopped(self) -> Iterator[None]:
        process = self.backend.process_ids()[PROMETHEUS.name]
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process, signal.SIGCONT)


@pytest.fixture(scope="module")
def outage(backend: Backend) -> Iterator[Outage]:
    outage = Outage(backend)
    yield outage
    outage.run(20.0)
    outage.until_reported("resolved", DEADLINE_SECONDS)


def test_an_alert_that_a_killed_alertmanager_had_not_sent_is_delivered(
    outage: Outage, measured: Measured
) -> None:
    outage.run(5.0)
    until(lambda: outage.listed(ALERT), DEADLINE_SECONDS, "Alertmanager has the alert")
    assert outage.reported() is None
    killed = time.monotonic()
    outage.backend.kill(ALERTMANAGER)
    until(is_back(ALERTMANAGER, outage.backend.settings), DEADLINE_SECONDS, "Alertmanager is back")
    outage.until_reported("firing", DELIVERED_SECONDS)
    measured(
        f"{outage.backend.name}: Alertmanager killed before it sent, delivered after "
        f"{time.monotonic() - killed:.2f} s"
    )


def test_alerts_do_not_end_while_prometheus_is_stopped(outage: Outage) -> None:
    """tests/rules/test_alert_keeping.py waits for their ends, with shorter times."""
    outage.until_reported("firing", DEADLINE_SECONDS)
    until(lambda: outage.listed("Watchdog"), DEADLINE_SECONDS, "Alertmanager has Watchdog again")
    assert outage.lasts_seconds(ALERT) <= FURTHEST_SECONDS
    extended = Config().alert_keeping.extend_seconds - 20
    assert extended > FURTHEST_SECONDS
    with outage.prometheus_stopped():
        until(
            lambda: outage.lasts_seconds(ALERT) > extended or None,
            Config().alert_keeping.after_seconds + DEADLINE_SECONDS,
            "the alert is kept from ending",
        )
        # Its absence is the alarm.
        assert outage.lasts_seconds("Watchdog") <= FURTHEST_SECONDS
    assert outage.reported() == "firing"
