"""Measure what a file costs by how many benchmarks there are: `python -m benchmarks.publishing`.

Each figure is of a process of its own, which ingests files of single benchmarks and publishes after
each, as `serve` does. `--against FOLDER` measures another checkout of the project alternately.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from benchmark_exporter.config import Config, packaged
from benchmark_exporter.counters import EXECUTION_TIME
from benchmark_exporter.ingest.inbox import Inbox
from benchmark_exporter.ingest.ingest import Defaults, Ingest
from benchmark_exporter.ledger import Ledger
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.metrics.live import Live
from benchmarks import documents, servers
from benchmarks.report import RESULTS, Figure, progress, write

RUNS_BEFORE = 3
LONGER_THAN_ANY_HOLD_SECONDS = 3600.0
FILE_AT_MOST_MS, RATIO_AT_MOST = 4.0, 1.5
REPOSITORY = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    options.benchmarks = options.benchmarks or [5, 500, 5000]
    servers.WORK.mkdir(parents=True, exist_ok=True)
    if options.one is not None:
        with TemporaryDirectory(dir=servers.WORK) as folder:
            print(json.dumps(_measure(Path(folder), options.one, options.files)))
        return 0
    sizes = " ".join(f"--benchmarks={number}" for number in options.benchmarks)
    command = f"python -m benchmarks.publishing --files={options.files} {sizes}"
    write(options.output, command, list(_figures(options)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publishing", description=__doc__)
    parser.add_argument(
        "--benchmarks", type=int, action="append", metavar="N", help="how many (5, 500, 5000)"
    )
    parser.add_argument("--files", type=int, default=200, metavar="N", help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="(%(default)s)")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "publishing.md",
        metavar="FILE",
        help="(%(default)s)",
    )
    return parser


def _figures(options: argparse.Namespace) -> Iterator[Figure]:
    first: Figure | None = None
    for number in options.benchmarks:
        ours, theirs = [], []
        for _ in range(options.rounds):
            progress(f"{options.files} files of one of {number} benchmarks each")
            ours.append(_of_process(REPOSITORY, number, options.files))
            if options.against is not None:
                # So many files take minutes where each costs by all benchmarks.
                few = max(10, min(options.files, 20_000 // number))
                theirs.append(_of_process(options.against, number, few))
        what = f"of {number:,} benchmarks"
        cpu = Figure(
            f"a file of one {what}: CPU", _middle(ours, "file"), "ms", at_most=FILE_AT_MOST_MS
        )
        yield cpu
        if first is None:
            first = cpu
        else:
            ratio = cpu.value / first.value
            yield Figure("as a multiple of the first figure", ratio, "×", at_most=RATIO_AT_MOST)
        yield Figure("publishing it, of that", _middle(ours, "publish"), "ms")
        yield Figure(f"the first publishing {what}: CPU", _middle(ours, "first"), "ms")
        yield Figure(f"resident memory with {what[3:]}, peak", _middle(ours, "memory"), "MB")
        yield Figure("series of both parts", _middle(ours, "series"), "series")
        if theirs:
            before = f"the other checkout: a file of one {what}: CPU"
            yield Figure(before, _middle(theirs, "file"), "ms", ours=cpu)


def _middle(measured: Sequence[dict[str, float]], name: str) -> float:
    return median(each[name] for each in measured)


def _of_process(checkout: Path, number: int, files: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.publishing", f"--one={number}", f"--files={files}"]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "exporter")}
    done = subprocess.run(  # noqa: S603  # ourselves
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _measure(folder: Path, number: int, files: int) -> dict[str, float]:
    """CPU in ms and memory in MB of one process."""
    results = folder / "results"
    results.mkdir()
    config = msgspec.structs.replace(Config(), max_series=10**7)
    publishing = _Publishing(folder, config)
    for run in range(RUNS_BEFORE):
        for benchmark in range(number):
            _drop(results, benchmark, run)
    ingest = publishing.ingest(results)
    ingest.scan()
    publishing.later_seconds = LONGER_THAN_ANY_HOLD_SECONDS
    started = time.process_time()
    publishing.publish()
    first = time.process_time() - started
    publishing.publish()
    paths = [
        _drop(results, file * 7 % number, RUNS_BEFORE + file // number + file)
        for file in range(files)
    ]
    publishing.seconds, publishing.is_on = 0.0, True
    started = time.process_time()
    for path in paths:
        ingest.check([path])
    seconds = time.process_time() - started
    return {
        "file": seconds / files * 1e3,
        "publish": publishing.seconds / files * 1e3,
        "first": first * 1e3,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "series": publishing.series(),
    }


def _drop(folder: Path, benchmark: int, run: int) -> Path:
    path = folder / f"{benchmark}-{run}.json"
    path.write_bytes(documents.perf_suite(f"project{benchmark:05}", run))
    return path


class _Publishing:
    """What `serve` does after each commit, without its threads and sockets."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._definitions = load_definitions(packaged("metrics.yaml"))
        self._config = config
        self._ledger = Ledger(folder / "ledger.sqlite3")
        self._collector = Collector(self._definitions, config)
        self.later_seconds, self.seconds, self.is_on = 0.0, 0.0, False

    def ingest(self, results: Path) -> Ingest:
        """An ingest that publishes while `is_on`."""
        config = self._config
        return Ingest(
            self._ledger,
            Inbox(results, config.max_file_bytes),
            config.policy,
            config.limits_for,
            Defaults(
                project=config.project,
                environment=config.environment,
                execution_time_bounds_ms=self._definitions[EXECUTION_TIME.metric].buckets,
                settle_seconds=config.settle_seconds,
                series_max_age_seconds=config.series_max_age_seconds,
                zone=config.zone,
                clock_tolerance_seconds=config.clock_tolerance_seconds,
            ),
            publish=self._publish_if_on,
            clock=self._now,
            monotonic=time.monotonic,
        )

    def _now(self) -> float:
        return time.time() + self.later_seconds

    def _publish_if_on(self) -> None:
        if self.is_on:
            started = time.process_time()
            self.publish()
            self.seconds += time.process_time() - started

    def publish(self) -> None:
        """Reads and renders what has changed."""
        self._collector.expose(self._ledger, Live(0, 0.0), self._now())

    def series(self) -> int:
        """How many series are exposed."""
        parts = self._collector.expose(self._ledger, Live(0, 0.0), self._now())[1].parts
        return sum(
            not line.startswith(b"#") for part in parts.values() for line in part.splitlines()
        )


if __name__ == "__main__":
    sys.exit(main())
