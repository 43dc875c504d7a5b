"""An exporter, a Prometheus, and Alertmanagers that differ in group_wait."""

import json
import re
import shutil
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.alert_intervals import RULES, with_evaluation, with_group_wait
from benchmarks.alert_latency import get_text
from benchmarks.delivery_servers import (
    ALERTMANAGER_CONFIG,
    PROMETHEUS_FOLDER,
    alertmanager,
    prometheus,
    webhook,
)
from benchmarks.servers import CONFIG, BenchmarkError, exporter, free_port

POLL_SECONDS = 0.05
GROUP = "performance"
# Regressions with one cause are one alert, CommonRegression. With this setting they are an alert
# each.
SEPARATE = "judgement:\n  shift_least_results: 100000\n"


@dataclass(frozen=True, slots=True)
class Message:
    """Regressions that were notified together, and when (seconds since 1970)."""

    at: float
    began: float  # when the first of them was evaluated
    names: frozenset[str]

    def says_all(self, names: frozenset[str]) -> bool:
        """Return whether no further message follows: it has these, or their CommonRegression."""
        return "" in self.names or self.names >= names


class Receiver:
    """The messages of one Alertmanager."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, Message]] = []
        self._lock = threading.Lock()

    def add(self, alerts: list[Mapping[str, Any]]) -> None:
        """Add the firing critical regressions of a message."""
        now = time.time()
        found = [
            alert
            for alert in alerts
            if alert["labels"]["alertname"] in ("CommonRegression", "PerformanceRegression")
            and alert["labels"]["severity"] == "critical"
            and alert["status"] == "firing"
        ]
        if found:
            began = min(datetime.fromisoformat(alert["startsAt"]).timestamp() for alert in found)
            names = frozenset(alert["labels"].get("benchmark_name", "") for alert in found)
            with self._lock:
                self._messages.append((found[0]["labels"]["project"], Message(now, began, names)))

    def of(self, project: str) -> list[Message]:
        """Return the messages of a project, by arrival."""
        with self._lock:
            return [message for name, message in self._messages if name == project]


class WaitStack:
    """Running programs, and what each Alertmanager sent, by its wait in milliseconds."""

    def __init__(
        self, results: Path, urls: tuple[str, str], receivers: Mapping[int, Receiver]
    ) -> None:
        self.results = results
        self.receivers = receivers
        self._exporter, self._prometheus = urls

    def has_suspects(self, project: str, count: int) -> bool:
        """Return whether so many results of a project have been slow once."""
        exposition = get_text(f"{self._exporter}/metrics?collect[]=distributions")
        series = rf'^benchmark_verdict{{(?=.*project="{project}").*state="suspect".* 1$'
        return len(re.findall(series, exposition, re.MULTILINE)) == count

    def is_scraped(self) -> bool:
        """Return whether Prometheus has scraped the exporter."""
        query = urllib.parse.urlencode({"query": 'up{job="benchmark-exporter"} == 1'})
        answer = json.loads(get_text(f"{self._prometheus}/api/v1/query?{query}"))
        return bool(answer["data"]["result"])

    def evaluation_seconds(self) -> float:
        """Return how long the last evaluation of the rules on verdicts took."""
        answer = json.loads(get_text(f"{self._prometheus}/api/v1/rules?type=alert"))
        [group] = [each for each in answer["data"]["groups"] if each["name"] == GROUP]
        seconds: float = group["evaluationTime"]
        return seconds

    def until(
        self, condition: Callable[[], bool], what: str, deadline_seconds: float = 60.0
    ) -> None:
        """Wait for a condition.

        Raises:
            BenchmarkError: it was not met within the time.
        """
        deadline = time.monotonic() + deadline_seconds
        while not condition():
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{what}: not within {deadline_seconds:g} s")
            time.sleep(POLL_SECONDS)


@contextmanager
def wait_stack(
    folder: Path, waits_ms: Sequence[int], interval: str | None, config: str = ""
) -> Iterator[WaitStack]:
    """Run all programs in a folder.

    `interval` is that of the rules on verdicts, `config` what the exporter's configuration says.
    """
    (folder / CONFIG).write_text(config, encoding="utf-8")
    receivers = {wait: Receiver() for wait in waits_ms}
    with ExitStack() as on:
        ours = on.enter_context(exporter(folder))
        ports = []
        for wait, receiver in receivers.items():
            own = folder / f"wait-{wait}"
            own.mkdir()
            url = on.enter_context(webhook(receiver.add))
            ports.append(free_port())
            on.enter_context(alertmanager(own, ports[-1], url, _waiting(own, wait)))
        port = free_port()
        targets = {
            "benchmark-exporter": [f"127.0.0.1:{ours.port}"],
            "alertmanager": [f"127.0.0.1:{each}" for each in ports],
        }
        on.enter_context(prometheus(folder, port, targets, _evaluating(folder, interval)))
        urls = f"http://127.0.0.1:{ours.port}", f"http://127.0.0.1:{port}"
        stack = WaitStack(folder / "results", urls, receivers)
        stack.until(stack.is_scraped, "a scrape")
        yield stack


def _waiting(folder: Path, wait_ms: int) -> Path:
    """Write the configuration with another group_wait of critical alerts."""
    config = folder / "alertmanager.yml"
    shutil.copy(ALERTMANAGER_CONFIG, config)
    with_group_wait(config, f"{wait_ms}ms")
    return config


def _evaluating(folder: Path, interval: str | None) -> Path:
    """Return a folder of Prometheus' configuration in which the rules have another interval."""
    if interval is None:
        return PROMETHEUS_FOLDER
    copy = folder / "source"
    shutil.copytree(PROMETHEUS_FOLDER, copy)
    with_evaluation(copy / "rules" / RULES.name, interval)
    return copy
