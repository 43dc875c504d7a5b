"""A run of benchmarks in this process: timed, streamed line by line, and dropped as a result."""

import itertools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from benchmark_exporter.client.files import RunFiles, new_run_id, timestamp
from benchmark_exporter.client.machine import Machine
from benchmark_exporter.client.provenance import Provenance
from benchmark_exporter.client.samples import Samples
from benchmark_exporter.client.usage import ProcessUsage

T = TypeVar("T")

SCHEMA = "strataregula.result/1"
# Set by `benchmark-exporter run`, which records the suite's duration: it must not count twice.
RUN_VARIABLE = "BENCHMARK_RUN_ID"
MEGABYTE = 10**6
SECOND_NS = 10**9
# As many digits as these have stay below the exporter's max_file_bytes.
MAX_SAMPLES = 250_000
MAX_ERROR_CHARACTERS = 4096

# Writing a line may cost this fraction (one fiftieth) of the time until the next. The longer a run
# takes, the sparser its lines, down to one a second: an hour of 100 lines a second would be 70 MB.
_SHARE = 50
_SPARSER = 3600
_SLOWEST_NS = SECOND_NS
# Recent durations are folded at least this often, so that they stay few.
_FOLD_NS = SECOND_NS // 10
_NEVER_NS = sys.maxsize

_log = logging.getLogger("benchmark_exporter.client")


class MonitoredRun:
    """One run: it has a live file from its start, and a result when it has ended.

    Several threads may observe at once. A forked child goes on timing, but only the process that
    started the run writes.
    """

    def __init__(
        self,
        name: str,
        results_dir: Path,
        provenance: Provenance,
        machine: Machine,
        pace_seconds: float,
    ) -> None:
        self.name = name
        self.run_id = new_run_id()
        self._results_dir = results_dir
        self._provenance = provenance
        self._machine = machine
        self._pace_ns = round(pace_seconds * SECOND_NS)
        self._samples: dict[str, Samples] = {}
        self._totals: dict[str, int | None] = {}
        self._reported: dict[str, int] = {}
        self._current = name
        self._check_due_ns = self._line_due_ns = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._process_id = os.getpid()
        self._timestamp = timestamp()
        self._files = RunFiles(self._results_dir, self.run_id, _log.warning)
        self._usage = ProcessUsage()
        self._begun_ns = time.perf_counter_ns()
        self._begun_cpu_ns = time.process_time_ns()
        start = {
            "run_id": self.run_id,
            "benchmark": self.name,
            "project": self._provenance.project,
            "environment": self._provenance.environment,
            "commit_hash": self._provenance.commit,
            "branch": self._provenance.branch,
            "iterations": None,
            "process": Path(sys.argv[0]).name or "python",
            "pid": self._process_id,
        }
        self._files.append("start", start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if os.getpid() != self._process_id:
            return
        with self._lock:
            self._check_due_ns = _NEVER_NS
            seconds = (time.perf_counter_ns() - self._begun_ns) / SECOND_NS
            for name in self._samples:
                self._fold_and_report(name)
            status = (
                "completed"
                if error is None
                else "failed"
                if isinstance(error, Exception)
                else "interrupted"
            )
            text = (
                None if error is None else f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS]
            )
            end = {
                "status": status,
                "error": text,
                "exit_status": None,
                "duration_seconds": seconds,
            }
            self._files.append("end", end)
            self._files.close()
            if status != "interrupted":
                self._publish(seconds, text)
            self._usage.close()

    def iterations(self, name: str, count: int | None = None) -> Iterator[int]:
        """The numbers 0, 1, … of a benchmark's iterations, `count` of them or without end.

        Each iteration is timed from when its number is returned until the next is requested.
        """
        samples = self._begin(name, count)
        append, clock = samples.recent.append, time.perf_counter_ns
        for number in itertools.count() if count is None else range(count):
            begun_ns = clock()
            yield number
            ended_ns = clock()
            append(ended_ns - begun_ns)
            if ended_ns >= self._check_due_ns:
                self._check(name, ended_ns)

    def measure(self, benchmark_func: Callable[[], T], name: str, *, iterations: int = 1) -> T:
        """Calls the function `iterations` times, and returns what the last call returned."""
        for _ in self.iterations(name, iterations):
            returned = benchmark_func()
        return returned

    def observe(self, name: str, seconds: float) -> None:
        """Records an iteration that the benchmark has timed itself."""
        samples = self._samples.get(name) or self._begin(name, None)
        samples.recent.append(int(seconds * SECOND_NS))
        now_ns = time.perf_counter_ns()
        if now_ns >= self._check_due_ns:
            self._check(name, now_ns)

    def _begin(self, name: str, count: int | None) -> Samples:
        self._current = name
        self._totals[name] = count
        self._check_due_ns = self._line_due_ns = 0
        return self._samples.setdefault(name, Samples(MAX_SAMPLES))

    def _check(self, name: str, now_ns: int) -> None:
        """Folds the recent durations between two iterations, and writes a line when one is due."""
        if not self._lock.acquire(blocking=False):
            return  # another thread is doing it
        try:
            if now_ns < self._line_due_ns or os.getpid() != self._process_id:
                self._samples[name].fold()
            else:
                written = self._fold_and_report(name)
                pace_ns = max(
                    self._pace_ns,
                    (now_ns - self._begun_ns) // _SPARSER,
                    _SHARE * (time.perf_counter_ns() - now_ns),
                )
                self._line_due_ns = now_ns + (
                    min(pace_ns, max(self._pace_ns, _SLOWEST_NS)) if written else _SLOWEST_NS
                )
            self._check_due_ns = max(min(self._line_due_ns, now_ns + _FOLD_NS), now_ns + 1)
        finally:
            self._lock.release()

    def _fold_and_report(self, name: str) -> bool:
        samples = self._samples[name]
        samples.fold()
        skipped = samples.count - self._reported.get(name, 0) - 1
        if skipped < 0:
            return True
        usage = self._usage.measure()
        iteration = {
            "benchmark": name,
            "iteration": samples.count,
            "iterations": self._totals[name],
            "execution_time_ms": samples.newest_ns / 1e6,
            "memory_mb": usage.resident_bytes / MEGABYTE,
            "peak_memory_mb": usage.peak_bytes / MEGABYTE,
            "cpu_percent": round(usage.cpu_percent, 1),
            "status": "running",
            "skipped": skipped,
        }
        written = self._files.append("iteration", iteration)
        if written:
            self._reported[name] = samples.count
        return written

    def _publish(self, seconds: float, error: str | None) -> None:
        measured = {
            name: samples
            for name, samples in self._samples.items()
            if samples.kept and (error is None or name != self._current)
        }
        if not measured and error is None:
            _log.warning(
                "run %s of %s ended without an iteration, so it has no result",
                self.run_id,
                self.name,
            )
            return
        while sum(len(samples.kept) for samples in measured.values()) > MAX_SAMPLES:
            max(measured.values(), key=lambda samples: len(samples.kept)).halve()
        results: list[dict[str, object]] = [
            {"benchmark": name, "unit": "nanoseconds", "samples": samples.kept.tolist()}
            for name, samples in measured.items()
        ]
        if error is None:
            cpu_seconds = (time.process_time_ns() - self._begun_cpu_ns) / SECOND_NS
            results += [
                {
                    "benchmark": self.name,
                    "variant": "peak_memory",
                    "unit": "bytes",
                    "samples": [self._usage.measure().peak_bytes],
                },
                {"benchmark": self.name, "variant": "cpu", "samples": [cpu_seconds]},
            ]
        self._files.publish(
            {
                "schema": SCHEMA,
                "timestamp": self._timestamp,
                "run_id": self.run_id,
                "project": self._provenance.project,
                "environment": self._provenance.environment,
                "commit": self._provenance.commit,
                "branch": self._provenance.branch,
                "machine": asdict(self._machine),
                "duration_seconds": None if os.environ.get(RUN_VARIABLE) else seconds,
                "results": results,
                "failures": [] if error is None else [{"benchmark": self._current, "error": error}],
            }
        )
