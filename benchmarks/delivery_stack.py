"""An exporter, a Prometheus and an Alertmanager with this repository's configuration.

Each is a process that can be stopped and started again at the same address. Alertmanager's only
channel is a receiver in this process.
"""

import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.alert_latency import get_text
from benchmarks.delivery_servers import PROMETHEUS_FOLDER, alertmanager, prometheus, webhook
from benchmarks.servers import BenchmarkError, Server, exporter, free_port

POLL_SECONDS = 0.05
# Each part by the name of its service in the stack.
EXPORTER, PROMETHEUS, ALERTMANAGER = "exporter", "prometheus", "alertmanager"
# The files of targets that prometheus.yml reads, and the instance of each.
TARGETS = {EXPORTER: "benchmark-exporter", ALERTMANAGER: "alertmanager"}


class Received:
    """The alerts that a webhook receiver got, with the time (seconds since 1970)."""

    def __init__(self) -> None:
        self._alerts: list[tuple[float, Mapping[str, Any]]] = []
        self._lock = threading.Lock()

    def add(self, alerts: list[Mapping[str, Any]]) -> None:
        """Add the alerts of one message."""
        now = time.time()
        with self._lock:
            self._alerts += [(now, alert) for alert in alerts]

    def all(self, name: str, status: str) -> list[tuple[float, Mapping[str, Any]]]:
        """Return the critical regressions of a benchmark that have the status, by arrival."""
        with self._lock:
            alerts = [*self._alerts]
        wanted = ("PerformanceRegression", name, "critical", status)
        return [
            (at, alert)
            for at, alert in alerts
            if wanted
            == (
                alert["labels"]["alertname"],
                alert["labels"].get("benchmark_name"),
                alert["labels"].get("severity"),
                alert["status"],
            )
        ]

    def first(self, name: str, status: str) -> tuple[float, Mapping[str, Any]] | None:
        """Return the first of them; None if there is none."""
        return next(iter(self.all(name, status)), None)


class DeliveryStack:
    """Three programs and what was received; `own_stack` starts them."""

    def __init__(
        self, folder: Path, received: Received, receiver: str, source: Path = PROMETHEUS_FOLDER
    ) -> None:
        """`source` is the folder of Prometheus' configuration and rules."""
        self.folder = folder
        self._source = source
        self.received = received
        self._receiver = receiver
        self._ports = {name: free_port() for name in (EXPORTER, PROMETHEUS, ALERTMANAGER)}
        self._running: dict[str, ExitStack] = {}

    def start(self, name: str, host: str = "127.0.0.1") -> Server:
        """Start a part, and return once it is ready. A Prometheus scrapes the exporter at `host`.

        Raises:
            BenchmarkError: it does not become ready.
        """
        made: Mapping[str, Callable[[], AbstractContextManager[Server]]] = {
            EXPORTER: lambda: exporter(self.folder, port=self._ports[EXPORTER]),
            PROMETHEUS: lambda: self._prometheus(host),
            ALERTMANAGER: lambda: alertmanager(
                self.folder, self._ports[ALERTMANAGER], self._receiver
            ),
        }
        stack = ExitStack()
        server = stack.enter_context(made[name]())
        self._running[name] = stack
        return server

    def stop(self, name: str) -> None:
        """Stop a part."""
        self._running.pop(name).close()

    def stop_all(self) -> None:
        """Stop the parts that run."""
        for name in (*self._running,):
            self.stop(name)

    def query(self, expression: str) -> list[Any]:
        """Return the series of an instant query."""
        address = f"http://127.0.0.1:{self._ports[PROMETHEUS]}/api/v1/query"
        text = get_text(f"{address}?{urllib.parse.urlencode({'query': expression})}")
        series: list[Any] = json.loads(text)["data"]["result"]
        return series

    def exposition(self) -> str:
        """Return the exporter's exposition, as a person sees it."""
        return get_text(f"http://127.0.0.1:{self._ports[EXPORTER]}/metrics")

    def _prometheus(self, host: str) -> AbstractContextManager[Server]:
        hosts = {EXPORTER: host, ALERTMANAGER: "127.0.0.1"}
        targets = {
            instance: [f"{hosts[name]}:{self._ports[name]}"] for name, instance in TARGETS.items()
        }
        return prometheus(self.folder, self._ports[PROMETHEUS], targets, self._source)


@contextmanager
def own_stack(folder: Path, source: Path = PROMETHEUS_FOLDER) -> Iterator[DeliveryStack]:
    """Run all three programs in a folder, Prometheus with the configuration of `source`."""
    received = Received()
    with webhook(received.add) as receiver:
        stack = DeliveryStack(folder, received, receiver, source)
        try:
            for name in (EXPORTER, ALERTMANAGER, PROMETHEUS):
                stack.start(name)
            yield stack
        finally:
            stack.stop_all()


def until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait for a condition.

    Raises:
        BenchmarkError: it was not met within that many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_SECONDS)
