"""Measure what observing costs: `python -m benchmarks.client`.

The client is compared with a bare loop, and `run` wraps a command that does nothing.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.client import MonitoredPerfSuite
from benchmarks import servers
from benchmarks.report import RESULTS, Figure, percentile, progress, write

REPEATS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="client-", dir=servers.WORK) as folder:
        figures = _observing(Path(folder), options.iterations)
        figures += [*_lines(Path(folder), options.seconds), *_around(options.seconds, folder)]
    write(
        options.output,
        f"python -m benchmarks.client --iterations={options.iterations} "
        f"--seconds={options.seconds:g}",
        figures,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__)
    parser.add_argument(
        "--iterations", type=int, default=1_000_000, metavar="N", help="of each loop (%(default)s)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="for what goes by time (%(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "client.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def _observing(folder: Path, iterations: int) -> list[Figure]:
    progress(f"{iterations:,} iterations of nothing, bare and observed, {REPEATS} times in turn")
    suite = MonitoredPerfSuite(folder)

    def bare() -> None:
        for _ in range(iterations):
            pass

    def timed() -> None:
        durations, clock = list[int](), time.perf_counter_ns
        for _ in range(iterations):
            begun_ns = clock()
            durations.append(clock() - begun_ns)

    def iterated() -> None:
        for _ in suite.stream_benchmark_progress("nothing", iterations):
            pass

    def observed() -> None:
        with suite.run("nothing") as run:
            observe = run.observe
            for _ in range(iterations):
                observe("nothing", 1e-6)

    def called() -> None:
        suite.run_benchmark_with_monitoring(_nothing, "nothing", iterations=iterations)

    ways: dict[str, Callable[[], None]] = {
        "bare loop": bare,
        "loop that keeps its own times": timed,
        "stream_benchmark_progress": iterated,
        "run_benchmark_with_monitoring, its call of the function included": called,
        "observe": observed,
    }
    microseconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            microseconds[name].append(_cpu_seconds(way) / iterations * 1e6)
    least = {name: min(values) for name, values in microseconds.items()}
    loop = Figure("bare loop, one iteration, CPU time", least.pop("bare loop"), "µs")
    own = Figure(
        "loop that keeps its own times", least.pop("loop that keeps its own times"), "µs", ours=loop
    )
    return [
        loop,
        own,
        *(
            Figure(f"{name}, live file and result included", value, "µs", at_most=2.0, ours=loop)
            for name, value in least.items()
        ),
    ]


def _nothing() -> None:
    pass


def _cpu_seconds(way: Callable[[], None]) -> float:
    begun = time.process_time()
    way()
    return time.process_time() - begun


def _lines(folder: Path, seconds: float) -> list[Figure]:
    progress(f"iterations of 1 ms for {seconds:g} s, lines as they come")
    ends, run = time.monotonic() + seconds, MonitoredPerfSuite(folder).run("working")
    with run:
        for _ in run.iterations("working"):
            busy = time.perf_counter_ns() + 1_000_000
            while time.perf_counter_ns() < busy:
                pass
            if time.monotonic() > ends:
                break
    text = (folder / "live" / f"{run.run_id}.jsonl").read_text(encoding="utf-8")
    return [
        Figure(
            "live lines a second, of iterations of 1 ms",
            text.count('"iteration",') / seconds,
            "lines/s",
        )
    ]


def _around(seconds: float, folder: str) -> list[Figure]:
    progress(f"`run` around a command that sleeps for {seconds:g} s, and around nothing")
    started = [_wrapper_cpu_seconds(folder, "true") for _ in range(REPEATS)]
    begun = time.monotonic()
    slept = _wrapper_cpu_seconds(folder, "sleep", f"{seconds}")
    share = (slept - percentile(started, 50)) / (time.monotonic() - begun)
    entries = sum(1 for _ in Path("/proc").iterdir())
    return [
        Figure("`run`: start and end, CPU time", percentile(started, 50), "s"),
        Figure(
            f"`run`: while a command sleeps, of a core, {entries} entries in /proc",
            share * 100,
            "%",
            at_most=3.0,
        ),
    ]


def _wrapper_cpu_seconds(folder: str, *command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [
        sys.executable,
        "-m",
        "benchmark_exporter",
        "run",
        f"--results-dir={folder}",
        "--",
        *command,
    ]
    subprocess.run(words, check=True)  # noqa: S603  # ourselves
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
