"""What benchmarks.soak measures every few seconds."""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.growth import Point
from benchmarks.report import percentile
from benchmarks.soak_load import Worker
from stack.settings import EXPORTER
from tests.stack.backends import Local, get_text

SCRAPE_SECONDS = 0.25
# The p99 is of so many scrapes.
SCRAPES = 240
MEASURES = ("rss_bytes", "descriptors", "threads")


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """A part's process at a time (seconds since the start)."""

    seconds: float
    part: str
    process_id: int
    rss_bytes: int
    descriptors: int
    threads: int
    files: int


@dataclass(slots=True)
class Samples:
    """All of them. `disk` has time, ledger, its write-ahead log, and Prometheus' data, in bytes.

    `scrapes` has the time and the duration of each, in seconds; those that failed have none.
    """

    processes: list[ProcessSample] = field(default_factory=list)
    disk: list[tuple[float, int, int, int]] = field(default_factory=list)
    scrapes: list[tuple[float, float]] = field(default_factory=list)
    failed_scrapes: int = 0

    def points(self, part: str, measure: str, after_seconds: float) -> list[Point]:
        """Return a measure of the process that a part had last, from a time on."""
        own = [each for each in self.processes if each.part == part]
        if not own:
            return []
        newest = own[-1].process_id
        return [
            Point(
                each.seconds, getattr(each, measure), each.files, self._ledger_bytes(each.seconds)
            )
            for each in own
            if each.process_id == newest and each.seconds >= after_seconds
        ]

    def _ledger_bytes(self, seconds: float) -> int:
        """Return the ledger's size when it was last measured before a time."""
        number = bisect_right(self.disk, seconds, key=lambda each: each[0])
        return self.disk[number - 1][1] if number else 0

    def scrape_p99(self) -> list[tuple[float, float]]:
        """Return the p99 of each window of scrapes (seconds), by the time of its end."""
        return [
            (self.scrapes[end - 1][0], percentile([s for _, s in self.scrapes[start:end]], 99))
            for start in range(0, len(self.scrapes), SCRAPES)
            for end in [min(start + SCRAPES, len(self.scrapes))]
        ]


class Sampler(Worker):
    """Measures the parts of a stack, and scrapes the exporter's state as Prometheus does."""

    def __init__(
        self,
        backend: Local,
        kept_files: Callable[[], int],
        stop: threading.Event,
        *,
        interval_seconds: float,
    ) -> None:
        super().__init__("sampler", stop)
        self._backend = backend
        self._kept_files = kept_files
        self._interval_seconds = interval_seconds
        self._begun = time.monotonic()
        self.samples = Samples()

    def act(self) -> None:
        next_sample = self._now()
        while not self.stopping.wait(SCRAPE_SECONDS):
            self._scrape()
            if self._now() >= next_sample:
                next_sample += self._interval_seconds
                self._sample(self._backend.process_ids())
                self._measure_disk()

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _scrape(self) -> None:
        started = time.perf_counter()
        try:
            get_text(EXPORTER.url(self._backend.settings, "/metrics?collect[]=state"))
        except OSError:
            self.samples.failed_scrapes += 1
        else:
            self.samples.scrapes.append((self._now(), time.perf_counter() - started))

    def _sample(self, process_ids: Mapping[str, int]) -> None:
        for part, process_id in process_ids.items():
            with suppress(psutil.Error):  # it has just been killed
                process = psutil.Process(process_id)
                with process.oneshot():
                    self.samples.processes.append(
                        ProcessSample(
                            self._now(),
                            part,
                            process_id,
                            process.memory_info().rss,
                            process.num_fds(),
                            process.num_threads(),
                            self._kept_files(),
                        )
                    )

    def _measure_disk(self) -> None:
        state = self._backend.settings.state_dir
        ledger = next(state.rglob("ledger.sqlite3"), state / "ledger.sqlite3")
        self.samples.disk.append(
            (
                self._now(),
                _size(ledger),
                _size(ledger.with_name(f"{ledger.name}-wal")),
                sum(_size(path) for path in (state / "prometheus").rglob("*")),
            )
        )


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if path.is_file() else 0
