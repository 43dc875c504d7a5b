"""A stack with two Prometheus and three Alertmanagers, and the messages that it sends."""

import os
import signal
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from stack import credential, internal
from stack.demo_documents import PerfSuiteBenchmark
from stack.high_availability import DOORS, MEMBERS
from stack.settings import ALERTMANAGER, PROMETHEUS, Part
from tests.rules.endpoints import HttpEndpoint, http_endpoint
from tests.stack.backends import Local, run_local, until
from tests.stack.orbit import drop, run_of

ALERT = "CriticalPerformanceRegression"
ROUTING_KEY = "made-up-routing-key"
DEADLINE_SECONDS = 90.0
# After which a second message of the same alert would have come: group_interval, the time that the
# last of three Alertmanagers waits, and air.
SETTLED_SECONDS = 22.0
# In which every Alertmanager has heard what another one has sent, on a busy machine too.
SPREAD_SECONDS = 1.5


@dataclass
class Pair:
    """A running stack, with an endpoint in the place of PagerDuty's."""

    backend: Local
    pagerduty: HttpEndpoint
    _runs: Counter[str] = field(default_factory=Counter)

    def run(self, benchmark: str, speedup: float) -> float:
        """Write a run; below 8 times it alerts. Gives the time by the monotonic clock."""
        self._runs[benchmark] += 1
        number = self._runs[benchmark]
        document = run_of(PerfSuiteBenchmark(benchmark, 0.05, 0.05 * speedup, 0.0), number)
        drop(self.backend, f"{benchmark}-{number}.json", document)
        return time.monotonic()

    def sent(self, benchmark: str) -> list[str]:
        """What was sent of a benchmark's alert so far: trigger, resolve."""
        return [one["event_action"] for one in self.pagerduty.inbox.all() if _is_of(one, benchmark)]

    def until_sent(self, benchmark: str, action: str, seconds: float = DEADLINE_SECONDS) -> float:
        """When the first message of a kind arrived, by the monotonic clock."""
        arrived, _ = self.pagerduty.inbox.wait(
            lambda one: one["event_action"] == action and _is_of(one, benchmark), seconds
        )
        return arrived

    def kill(self, part: Part) -> None:
        """End a member without warning; its supervisor starts it again."""
        os.kill(self.backend.process_ids()[part.name], signal.SIGKILL)

    @contextmanager
    def stopped(self, *parts: Part) -> Iterator[None]:
        """Members that hang, and at the end are killed."""
        ids = self.backend.process_ids()
        for part in parts:
            os.kill(ids[part.name], signal.SIGSTOP)
        try:
            yield
        finally:
            for part in parts:
                os.kill(ids[part.name], signal.SIGKILL)

    def in_order(self) -> Sequence[Part]:
        """The Alertmanagers, the one that sends first as the first: they sort their names."""
        names = {
            internal.get_json(part, self.backend.settings, "/api/v2/status")["cluster"]["name"]: (
                part
            )
            for part in MEMBERS[ALERTMANAGER]
        }
        return [names[name] for name in sorted(names)]

    def has(self, part: Part, benchmark: str) -> bool | None:
        """Whether an Alertmanager has the benchmark's alert, as a check for `until`."""
        try:
            alerts = internal.get_json(part, self.backend.settings, "/api/v2/alerts")
        except OSError:
            return None
        return any(_labels(one) == (ALERT, benchmark) for one in alerts) or None

    def has_not(self, part: Part, benchmark: str) -> bool | None:
        """The opposite: its alert has ended there."""
        return None if self.has(part, benchmark) else True

    def await_cluster(self) -> None:
        """Wait until all Alertmanagers know each other and send."""

        def is_whole() -> bool | None:
            try:
                found = [
                    internal.get_json(part, self.backend.settings, "/api/v2/status")["cluster"]
                    for part in MEMBERS[ALERTMANAGER]
                ]
            except OSError:
                return None
            ready = [one["status"] == "ready" and len(one["peers"]) == 3 for one in found]
            return all(ready) or None

        until(is_whole, DEADLINE_SECONDS, "three Alertmanagers know each other")

    def value(self, part: Part, expression: str) -> float | None:
        """The value that a member gives to a query, None if it gives none."""
        path = f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            result = internal.get_json(part, self.backend.settings, path)["data"]["result"]
        except OSError:
            return None
        return float(result[0]["value"][1]) if result else None


class Queries:
    """Asks Prometheus all the time, by the published address and by Grafana's door."""

    def __init__(self, pair: Pair, expression: str) -> None:
        settings = pair.backend.settings
        self._expression = expression
        self._headers = {"Authorization": f"Basic {credential.basic(settings)}"}
        self._ways = [
            (method, url)
            for url in (
                PROMETHEUS.url(settings, "/api/v1/query"),
                internal.url(DOORS[PROMETHEUS], settings, "/api/v1/query"),
            )
            for method in ("GET", "POST")
        ]
        self.failures: list[str] = []
        self.answers = 0
        self.slowest_seconds = 0.0
        self._end = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Queries"]:
        """Ask meanwhile, each way by a thread of its own."""
        threads = [threading.Thread(target=self._ask, args=way) for way in self._ways]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._end.set()
            for thread in threads:
                thread.join()

    def _ask(self, method: str, url: str) -> None:
        sent = {"params" if method == "GET" else "data": {"query": self._expression}}
        while not self._end.wait(0.05):
            began = time.monotonic()
            try:
                answer = requests.request(
                    method,
                    url,
                    headers=self._headers,
                    timeout=30,
                    **sent,  # type: ignore[arg-type]
                )
                self._note(answer, f"{method} {url}")
            except requests.RequestException as error:
                self.failures.append(f"{method} {url}: {error!r}")
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)

    def _note(self, answer: requests.Response, way: str) -> None:
        if answer.ok and answer.json()["data"]["result"]:
            self.answers += 1
        else:
            self.failures.append(f"{way}: {answer.status_code} {answer.text[:200]}")


@contextmanager
def running_pair(folder: Path, free_port: Callable[[], int]) -> Iterator[Pair]:
    """A stack that is up, whose Alertmanagers know each other."""
    with http_endpoint() as pagerduty:
        more = {"HIGH_AVAILABILITY": "yes", "PAGERDUTY_URL": f"{pagerduty.url}/v2/enqueue"}
        stack = run_local(folder, free_port, more, {"pagerduty_routing_key": ROUTING_KEY})
        try:
            pair = Pair(next(stack), pagerduty)
            pair.await_cluster()
            yield pair
        finally:
            stack.close()  # type: ignore[attr-defined]


def _is_of(message: Any, benchmark: str) -> bool:
    payload = message.get("payload") or {}
    named = f"{payload.get('component', '')} {payload.get('summary', '')}"
    return f"{benchmark}/" in named or f"{benchmark} " in f"{named} "


def _labels(alert: Any) -> tuple[str, str]:
    labels = alert["labels"]
    return labels["alertname"], labels.get("benchmark_name", "")
