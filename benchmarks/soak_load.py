"""What benchmarks.soak does to the stack: result files, live runs and clients of the stream."""

import asyncio
import json
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from benchmark_exporter.client import MonitoredPerfSuite

PROJECTS = 6
LATE_PROJECT, LIVE_PROJECT = "soak-late", "soak-live"
# Until the owner of a bad file removes it: longer than the exporter may be down after a kill
# (BACK_SECONDS of soak_disturbance), since what goes before it is read is not rejected.
REJECTED_SECONDS = 120.0
LIVE_ITERATIONS = 200
CLIENTS = 6
_MACHINE = {"os": "Linux", "architecture": "x86_64", "cpu_count": 4}


class Account:
    """What was written, to be compared with what was counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.ingested = Counter[str]()  # files by format
        self.rejected = Counter[str]()  # files by reason
        self.runs = Counter[str]()  # by run_id
        self.duplicates = 0
        self.kept_files = 0

    def add(self, format_name: str, run_id: str | None) -> None:
        """Note a document with something new, and its run unless it is a pipeline's."""
        with self._lock:
            self.ingested[format_name] += 1
            self.kept_files += 1
            if run_id is not None:
                self.runs[run_id] += 1

    def add_duplicate(self) -> None:
        with self._lock:
            self.duplicates += 1
            self.kept_files += 1

    def reject(self, reason: str) -> None:
        with self._lock:
            self.rejected[reason] += 1


class Worker(threading.Thread, ABC):
    """A thread that acts until it is stopped. `failed` is what ended it before."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        super().__init__(name=name)
        self.stopping = stop
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            self.act()
        except BaseException as error:
            self.failed = error

    @abstractmethod
    def act(self) -> None:
        """Work until `stopping` is set."""


class ResultWriter(Worker):
    """Drops results at an even pace: several formats, projects and branches, some late, some bad.

    Each file is written once; a bad one is removed after a while. Those that are younger when the
    load ends stay, since they may not have been read yet.
    """

    def __init__(
        self, results: Path, account: Account, stop: threading.Event, *, rate: float, seed: int
    ) -> None:
        super().__init__("results", stop)
        self._results = results
        self._account = account
        self._rate = rate
        self._dice = random.Random(seed)  # noqa: S311  # results, not secrets
        self._number = 0
        self._begun = datetime.now(UTC)
        self._bad: list[tuple[float, Path]] = []

    def act(self) -> None:
        acts: tuple[tuple[Callable[[], None], int], ...] = (
            (self._own, 8),
            (self._perf_suite, 8),
            (self._late, 3),
            (self._branch, 3),
            (self._pipeline, 1),
            (self._copied, 1),
            (self._rejected, 1),
        )
        kinds, weights = zip(*acts, strict=True)
        started = time.monotonic()
        while not self.stopping.wait(
            max(0, started + self._number / self._rate - time.monotonic())
        ):
            self._number += 1
            self._dice.choices(kinds, weights)[0]()
            self._remove_bad()

    def _own(self) -> None:
        self._run(f"soak-{self._number % PROJECTS}", "main", self._now())

    def _branch(self) -> None:
        self._run(f"soak-{self._number % PROJECTS}", f"feature/{self._number % 9}", self._now())

    def _late(self) -> None:
        ago = timedelta(minutes=self._dice.randrange(1, 20_000))
        self._run(LATE_PROJECT, "main", self._begun - ago)

    def _run(self, project: str, branch: str, made: datetime) -> None:
        run_id = f"own-{self._number}"
        document = {
            "schema": "strataregula.result/1",
            "run_id": run_id,
            "timestamp": made.isoformat(),
            "project": project,
            "environment": "ci",
            "commit": f"{self._number // 20:07x}",
            "branch": branch,
            "machine": _MACHINE,
            "results": [
                {"benchmark": name, "unit": "milliseconds", "samples": self._samples()}
                for name in ("parsing", "routing")
            ],
        }
        self._put(document)
        self._account.add("result", run_id)

    def _perf_suite(self) -> None:
        run_id, speedup = f"suite-{self._number}", self._dice.uniform(18, 22)
        p50_ms = self._dice.uniform(0.049, 0.051)
        document = {
            "run": {
                "run_id": run_id,
                "timestamp": self._now().isoformat(),
                "profile": "self-hosted",
                "project": f"suite-{self._number % PROJECTS}",
                "git_sha": f"{self._number // 20:07x}",
            },
            "env": {"os": "Linux", "python": "3.11.7", "cpus": 4, "architecture": "x86_64"},
            "params": {"warmup": 5, "repeats": 50},
            "metrics": {
                "compiled": {"p50_ms": p50_ms, "p95_ms": p50_ms * 2, "hits": 50, "rebuilds": 0},
                "fallback": {
                    "p50_ms": p50_ms * speedup,
                    "p95_ms": p50_ms * speedup * 2,
                    "hits": 50,
                    "regex": 0,
                },
                "speedup_p50": speedup,
                "speedup_p95": speedup * 0.95,
                "absolute_p95_ms": p50_ms * 2,
                "cv": 0.125,
                "n_samples": 50,
            },
            "gate": {
                "p50x": 15,
                "p95x": 12,
                "absolute_ms": 35,
                "verdict": "PENDING",
                "headroom_pct": 0.0,
            },
        }
        self._put(document)
        self._account.add("perf_suite", run_id)

    def _pipeline(self) -> None:
        self._put(
            {
                "schema": "strataregula.pipeline/1",
                "pipeline": "nightly",
                "branch": "main",
                "trigger": "schedule",
                "run_id": f"{self._number}",
                "status": "pass",
                "timestamp": self._now().isoformat(),
            }
        )
        self._account.add("pipeline", None)

    def _copied(self) -> None:
        self._perf_suite()
        newest = max(self._results.glob(f"{self._number:07}*.json"))
        newest.with_name(f"{self._number:07}-copy.json").write_bytes(newest.read_bytes())
        self._account.add_duplicate()

    def _rejected(self) -> None:
        path = self._results / f"{self._number:07}-bad.json"
        is_cut = self._dice.random() < 0.5
        path.write_text('{"run": ]' if is_cut else json.dumps({"hello": self._number}))
        self._bad.append((time.monotonic() + REJECTED_SECONDS, path))
        self._account.reject("malformed_json" if is_cut else "unknown_format")

    def _remove_bad(self) -> None:
        while self._bad and self._bad[0][0] < time.monotonic():
            self._bad.pop(0)[1].unlink()

    def _samples(self) -> list[float]:
        return [round(self._dice.gauss(1, 0.01), 5) for _ in range(5)]

    def _now(self) -> datetime:
        return datetime.now(UTC)

    def _put(self, document: Any) -> None:
        """Write in place, or write aside and rename."""
        path = self._results / f"{self._number:07}.json"
        if self._dice.random() < 0.5:
            path.write_text(json.dumps(document))
        else:
            aside = path.with_name(f".{path.name}")
            aside.write_text(json.dumps(document))
            aside.rename(path)


class LiveRuns(Worker):
    """Benchmarks that are watched while they run, one after the other."""

    def __init__(self, results: Path, account: Account, stop: threading.Event) -> None:
        super().__init__("live runs", stop)
        self._suite = MonitoredPerfSuite(results, project=LIVE_PROJECT, environment="ci")
        self._account = account

    def act(self) -> None:
        while not self.stopping.wait(1.0):
            with self._suite.run("sorting") as run:
                for _ in run.iterations("sorting", LIVE_ITERATIONS):
                    time.sleep(0.02)
            self._account.add("result", None)


class StreamClients(Worker):
    """Clients that come, read for a while and go; some do not read."""

    def __init__(self, url: str, stop: threading.Event, seed: int) -> None:
        super().__init__("stream clients", stop)
        self._url = url
        self._seed = seed
        self.messages = 0

    def act(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            for number in range(CLIENTS):
                dice = random.Random(f"{self._seed} {number}")  # noqa: S311  # no secret
                tasks.create_task(self._client(session, dice))

    async def _client(self, session: aiohttp.ClientSession, dice: random.Random) -> None:
        while not self.stopping.is_set():
            # Refused or cut while the exporter is down.
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.ws_connect(self._url, timeout=aiohttp.ClientWSTimeout(2)) as ws:
                    await self._read(ws, dice)
            await asyncio.sleep(dice.uniform(0.1, 2))

    async def _read(self, ws: aiohttp.ClientWebSocketResponse, dice: random.Random) -> None:
        end, reads = time.monotonic() + dice.uniform(1, 30), dice.random() < 0.8
        while time.monotonic() < end and not self.stopping.is_set() and not ws.closed:
            if reads:
                with suppress(TimeoutError):
                    await ws.receive(timeout=1)
                    self.messages += 1
            else:
                await asyncio.sleep(0.5)
