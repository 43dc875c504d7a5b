"""A run of benchmarks in this process: its iterations are timed, told line by line, and dropped as a result when it ends."""

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
from benchmark_exporter.client.machine import Machine, find_machine
from benchmark_exporter.client.provenance import Provenance, find_provenance, find_results_dir
from benchmark_exporter.client.samples import Samples
from benchmark_exporter.client.usage import ProcessUsage

T = TypeVar("T")

SCHEMA = "strataregula.result/1"
# `benchmark-exporter run` says by this that it records the duration of the suite, which then must not be counted twice.
RUN_VARIABLE = "BENCHMARK_RUN_ID"
MEGABYTE = 10**6
SECOND_NS = 10**9
# Their digits stay under the exporter's max_file_bytes, whatever the durations are.
MAX_SAMPLES = 250_000
MAX_ERROR_CHARACTERS = 4096

# A line may cost this part of the time until the next. Lines get sparser, up to one a second, with the time that the run takes, since each
# hour of 100 lines a second would be 70 MB.
_SHARE = 50
_SPARSER = 3600
_SLOWEST_NS = SECOND_NS
# Recent durations are folded at least so often, so that they stay few.
_FOLD_NS = SECOND_NS // 10
_NEVER_NS = sys.maxsize

_log = logging.getLogger("benchmark_exporter.client")


class MonitoredPerfSuite:
    """What the runs of a suite have in common.

    What is not given comes from variables: BENCHMARK_RESULTS_DIR (else it is `results`), BENCHMARK_PROJECT, BENCHMARK_ENVIRONMENT,
    BENCHMARK_COMMIT and BENCHMARK_BRANCH; the last two from GitHub's, GitLab's and Jenkins' own too, and from git. `machine_profile`, else
    BENCHMARK_MACHINE_PROFILE, tells this machine from others of its CPU. `pace_seconds` is the least time between two lines of progress.
    """

    def __init__(
        self,
        results_dir: str | os.PathLike[str] | None = None,
        *,
        project: str | None = None,
        environment: str | None = None,
        commit: str = "",
        branch: str = "",
        machine_profile: str = "",
        pace_seconds: float = 0.01,
    ) -> None:
        self._results_dir = find_results_dir(results_dir)
        self._provenance = find_provenance(Provenance(project, environment, commit, branch))
        self._machine = find_machine(machine_profile)
        self._pace_seconds = pace_seconds

    def run_benchmark_with_monitoring(
        self, benchmark_func: Callable[[], T], name: str, *, iterations: int = 1
    ) -> T:
        """Calls the function so often, as one run, and returns what the last call has returned. What it raises ends the run as failed."""
        if iterations < 1:
            raise ValueError(f"{iterations} iterations of {name}: at least one is needed")
        with self.run(name) as run:
            return run.measure(benchmark_func, name, iterations=iterations)

    def stream_benchmark_progress(self, name: str, iterations: int | None = None) -> Iterator[int]:
        """The numbers 0, 1, … of the iterations of one run, each timed from when it is given until the next is asked for.

        Without a number of iterations the loop's end is the run's. With one, a loop that is left earlier is an interrupted run, without a
        result: an iterator cannot tell `break` from an exception in the loop. `run` can.
        """
        with self.run(name) as run:
            try:
                yield from run.iterations(name, iterations)
            except GeneratorExit:
                if iterations is not None:
                    raise

    def run(self, name: str) -> "MonitoredRun":
        """A run of one or several benchmarks, as a context manager; `name` is that of the whole."""
        return MonitoredRun(
            name, self._results_dir, self._provenance, self._machine, self._pace_seconds
        )


class MonitoredRun:
    """One run: a live file from its beginning on, and a result when it has ended.

    Several threads may observe at once; each line is of one of them. A forked child goes on timing, but only the process that has begun
    the run writes.
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
        self._told: dict[str, int] = {}
        self._current = name
        self._look_due_ns = self._line_due_ns = 0
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
        self._files.tell("start", start)
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
            self._look_due_ns = _NEVER_NS
            seconds = (time.perf_counter_ns() - self._begun_ns) / SECOND_NS
            for name in self._samples:
                self._fold_and_tell(name)
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
            self._files.tell("end", end)
            self._files.close()
            if status != "interrupted":
                self._publish(seconds, text)
            self._usage.close()

    def iterations(self, name: str, count: int | None = None) -> Iterator[int]:
        """The numbers 0, 1, … up to `count` of a benchmark's iterations, each timed from when it is given until the next is asked for."""
        samples = self._begin(name, count)
        append, clock = samples.recent.append, time.perf_counter_ns
        for number in itertools.count() if count is None else range(count):
            begun_ns = clock()
            yield number
            ended_ns = clock()
            append(ended_ns - begun_ns)
            if ended_ns >= self._look_due_ns:
                self._look(name, ended_ns)

    def measure(self, benchmark_func: Callable[[], T], name: str, *, iterations: int = 1) -> T:
        """Calls the function so often, and returns what the last call has returned."""
        for _ in self.iterations(name, iterations):
            returned = benchmark_func()
        return returned

    def observe(self, name: str, seconds: float) -> None:
        """Takes in an iteration that the benchmark has timed itself."""
        samples = self._samples.get(name) or self._begin(name, None)
        samples.recent.append(int(seconds * SECOND_NS))
        now_ns = time.perf_counter_ns()
        if now_ns >= self._look_due_ns:
            self._look(name, now_ns)

    def _begin(self, name: str, count: int | None) -> Samples:
        self._current = name
        self._totals[name] = count
        self._look_due_ns = self._line_due_ns = 0
        return self._samples.setdefault(name, Samples(MAX_SAMPLES))

    def _look(self, name: str, now_ns: int) -> None:
        """Between two iterations: takes in the recent durations, and tells of them where a line is due."""
        if not self._lock.acquire(blocking=False):
            return  # another thread does it
        try:
            if now_ns < self._line_due_ns or os.getpid() != self._process_id:
                self._samples[name].fold()
            else:
                written = self._fold_and_tell(name)
                pace_ns = max(
                    self._pace_ns,
                    (now_ns - self._begun_ns) // _SPARSER,
                    _SHARE * (time.perf_counter_ns() - now_ns),
                )
                self._line_due_ns = now_ns + (
                    min(pace_ns, max(self._pace_ns, _SLOWEST_NS)) if written else _SLOWEST_NS
                )
            self._look_due_ns = max(min(self._line_due_ns, now_ns + _FOLD_NS), now_ns + 1)
        finally:
            self._lock.release()

    def _fold_and_tell(self, name: str) -> bool:
        samples = self._samples[name]
        samples.fold()
        skipped = samples.count - self._told.get(name, 0) - 1
        if skipped < 0:
            return True
        usage = self._usage.look()
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
        written = self._files.tell("iteration", iteration)
        if written:
            self._told[name] = samples.count
        return written

    def _publish(self, seconds: float, error: str | None) -> None:
        measured = {
            name: samples
            for name, samples in self._samples.items()
            if samples.kept and (error is None or name != self._current)
        }
        if not measured and error is None:
            _log.warning(
                "run %s of %s has ended without an iteration, so there is no result",
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
                    "samples": [self._usage.look().peak_bytes],
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
