"""What benchmarks.soak measures every few seconds."""

import threading
import time
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
# The data of a sample: files that are kept, the ledger's size, messages of the stream since the
# exporter's process started, and series in its exposition.
FILES, LEDGER_BYTES, MESSAGES, SERIES = "files", "ledger_bytes", "messages", "series"


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """A part's process at a time (seconds since the start), and the data that there was."""

    seconds: float
    part: str
    process_id: int
    rss_bytes: int
    descriptors: int
    threads: int
    data: Mapping[str, float]


@dataclass(slots=True)
class Samples:
    """All of them. `disk` has time, ledger, its write-ahead log, and Prometheus' data, in bytes.

    `scrapes` has the time and the duration of each, in seconds; those that failed have none.
    """

    processes: list[ProcessSample] = field(default_factory=list)
    disk: list[tuple[float, int, int, int]] = field(default_factory=list)
    scrapes: list[tuple[float, float]] = field(default_factory=list)

    def points(self, part: str, measure: str, after_seconds: float) -> list[Point]:
        """Return a measure of the process that a part had last, from a time on."""
        own = [each for each in self.processes if each.part == part]
        if not own:
            return []
        newest = own[-1].process_id
        return [
            Point(each.seconds, getattr(each, measure), each.data)
            for each in own
            if each.process_id == newest and each.seconds >= after_seconds
        ]

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
                self._measure_disk()
                with suppress(OSError):  # the exporter has just been killed
                    self._sample(self._backend.process_ids(), self._data())

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _scrape(self) -> None:
        started = time.perf_counter()
        with suppress(OSError):  # the exporter has just been killed
            get_text(EXPORTER.url(self._backend.settings, "/metrics?collect[]=state"))
            self.samples.scrapes.append((self._now(), time.perf_counter() - started))

    def _data(self) -> Mapping[str, float]:
        """Return what the exporter's memory depends on.

        Raises:
            OSError: the exporter does not answer.
        """
        address = EXPORTER.url(
            self._backend.settings, "/metrics?collect[]=state&collect[]=resources"
        )
        text = get_text(address)
        return {
            FILES: self._kept_files(),
            LEDGER_BYTES: self.samples.disk[-1][1],
            MESSAGES: _sum(text, "benchmark_stream_messages_total"),
            SERIES: _sum(text, "benchmark_exporter_series"),
        }

    def _sample(self, process_ids: Mapping[str, int], data: Mapping[str, float]) -> None:
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
                            data,
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


def _sum(exposition: str, name: str) -> float:
    """Return the sum of a metric's series."""
    lines = (line for line in exposition.splitlines() if line.startswith(f"{name}{{"))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if path.is_file() else 0
