"""Regressions that begin and end during benchmarks.soak, and what PagerDuty's stand-in got."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmark_exporter.regression import Limits
from benchmarks.soak_load import Account, Worker

QUIET_RUNS = Limits().least_runs + 16
SLOW_RUNS = 3
QUIET_MS, SLOW_MS = 1.0, 1.6
PAGED_SECONDS = 180.0
PAUSE_SECONDS = 20.0


@dataclass(slots=True)
class Incident:
    """A regression: its benchmark, and when it was caused, paged, recovered and resolved."""

    benchmark: str
    begun: float
    paged: float | None = None
    recovered: float | None = None
    resolved: float | None = None


class Incidents(Worker):
    """Causes one regression after the other, each of a benchmark and project of its own."""

    def __init__(
        self,
        results: Path,
        account: Account,
        pages: Callable[[], Sequence[Mapping[str, Any]]],
        stop: threading.Event,
    ) -> None:
        super().__init__("incidents", stop)
        self._results = results
        self._account = account
        self._pages = pages
        self._runs = 0
        self.all: list[Incident] = []

    def act(self) -> None:
        """Begins no further incident once it is stopped, but ends the one that is there."""
        while not self.stopping.is_set():
            self._one(Incident(f"incident-{len(self.all) + 1}", time.time()))
            self.stopping.wait(PAUSE_SECONDS)

    def _one(self, incident: Incident) -> None:
        for number in range(QUIET_RUNS):
            self._drop(incident, QUIET_MS * (1 + 0.01 * (number % 3 - 1)))
        time.sleep(2)  # these runs are ingested before the slow ones
        self.all.append(incident)
        incident.begun = time.time()
        for _ in range(SLOW_RUNS):
            self._drop(incident, SLOW_MS)
        incident.paged = self._seen(incident, "trigger")
        self.stopping.wait(5)
        for _ in range(SLOW_RUNS):
            self._drop(incident, QUIET_MS)
        incident.recovered = time.time()
        incident.resolved = self._seen(incident, "resolve")

    def _seen(self, incident: Incident, action: str) -> float | None:
        """When a page of the incident arrived; None if none did in time."""
        deadline = time.time() + PAGED_SECONDS
        while time.time() < deadline:
            if self.count(incident, action):
                return time.time()
            time.sleep(0.2)
        return None

    def count(self, incident: Incident, action: str) -> int:
        """How many such pages of the incident arrived, at most of any one alert."""
        pages = Counter(
            page["dedup_key"]
            for page in self._pages()
            if page["event_action"] == action
            and f"{incident.benchmark} of" in page["payload"]["summary"]
        )
        return max(pages.values(), default=0)

    def _drop(self, incident: Incident, milliseconds: float) -> None:
        self._runs += 1
        run_id = f"incident-run-{self._runs}"
        made = datetime.now(UTC) - timedelta(days=1) + timedelta(minutes=self._runs)
        document = {
            "schema": "strataregula.result/1",
            "run_id": run_id,
            "timestamp": made.isoformat(),
            "project": f"project-of-{incident.benchmark}",
            "environment": "ci",
            "commit": f"{self._runs:07x}",
            "machine": {"os": "Linux", "architecture": "x86_64", "cpu_count": 4},
            "results": [
                {"benchmark": incident.benchmark, "unit": "milliseconds", "samples": [milliseconds]}
            ],
        }
        aside = self._results / f".incident-{self._runs:05}"
        aside.write_text(json.dumps(document))
        aside.rename(self._results / f"incident-{self._runs:05}.json")
        self._account.add("result", run_id)
