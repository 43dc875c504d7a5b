"""Measure bursts in different orders, of several versions in turn: `python -m benchmarks.burst`.

`--against FOLDER` measures another checkout of the project alternately.
"""

import argparse
import random
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import documents, servers
from benchmarks.ingest import until_committed
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import BenchmarkError
from stack.settings import ROOT

SEED, MEGABYTE = 7, 10**6
LOADED_SECONDS = 1800.0  # a burst in another order took minutes before
_IN_ORDER_OF_INGEST = "SELECT project, rank_seconds FROM runs ORDER BY id"


@dataclass(frozen=True, slots=True)
class Burst:
    """What a burst cost."""

    seconds: float
    cpu_seconds: float
    late_runs: int
    peak_bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    servers.DEADLINE_SECONDS = LOADED_SECONDS
    versions = {"": ROOT} | ({"before: ": options.against} if options.against else {})
    found: defaultdict[tuple[str, str], list[Burst]] = defaultdict(list)
    try:
        for _ in range(options.times):
            for order, numbers in _ORDERS.items():
                for name, checkout in versions.items():
                    progress(f"{name}{order}")
                    found[name, order].append(_measured(checkout, numbers(options.files), options))
    except BenchmarkError as error:
        print(f"benchmarks.burst: {error}", file=sys.stderr)
        return 1
    figures: list[Figure] = []
    for order in _ORDERS:
        ours: list[Figure] | None = None
        for name in versions:
            rows = _figures(f"{name}{order}", found[name, order], options.files, ours)
            figures += rows
            ours = ours or rows
    write(options.output, f"python -m benchmarks.burst --files={options.files}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__)
    add = parser.add_argument
    add("--files", type=int, default=20_000, metavar="N", help="result files (%(default)s)")
    add("--benchmarks", type=int, default=20, metavar="N", help="of so many (%(default)s)")
    add("--times", type=int, default=3, metavar="N", help="of each kind (%(default)s)")
    add("--against", type=Path, metavar="FOLDER", help="another checkout")
    add("--output", type=Path, default=RESULTS / "burst.md", metavar="FILE")
    return parser


def _in_order(files: int) -> Sequence[int]:
    return range(files)


def _shuffled(files: int) -> Sequence[int]:
    numbers = list(range(files))
    random.Random(SEED).shuffle(numbers)  # noqa: S311  # no secret
    return numbers


_ORDERS: dict[str, Callable[[int], Sequence[int]]] = {
    "in the order of the runs": _in_order,
    "in any order": _shuffled,
}


def _measured(checkout: Path, numbers: Sequence[int], options: argparse.Namespace) -> Burst:
    """Drop files of these runs into a running exporter's folder, one after the other."""
    source = f"PYTHONPATH={checkout.resolve() / 'exporter'}"
    program = ("env", source, sys.executable, "-m", "benchmark_exporter")
    with TemporaryDirectory(prefix="burst-", dir=servers.WORK) as made:
        folder = Path(made)
        staged, results = folder / "staged", folder / "results"
        staged.mkdir()
        results.mkdir()
        for number in numbers:
            document = documents.perf_suite(f"project-{number % options.benchmarks}", number)
            (staged / f"{number}.json").write_bytes(document)
        with servers.exporter(folder, program=program) as server:
            cpu_seconds, started = sum(server.process.cpu_times()[:2]), time.perf_counter()
            for number in numbers:
                (staged / f"{number}.json").rename(results / f"{number}.json")
            until_committed(folder / "ledger.sqlite3", len(numbers))
            seconds = time.perf_counter() - started
            cpu_seconds = sum(server.process.cpu_times()[:2]) - cpu_seconds
            peak_bytes = _peak_bytes(server.process.pid)
        return Burst(seconds, cpu_seconds, _late_runs(folder / "ledger.sqlite3"), peak_bytes)


def _peak_bytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    (peak,) = (line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def _late_runs(ledger: Path) -> int:
    """Return how many runs were ingested after a newer one of their project."""
    newest: defaultdict[str, float] = defaultdict(float)
    late = 0
    with closing(sqlite3.connect(ledger)) as connection:
        for project, seconds in connection.execute(_IN_ORDER_OF_INGEST):
            late += seconds < newest[project]
            newest[project] = max(newest[project], seconds)
    return late


def _figures(
    what: str, bursts: Sequence[Burst], files: int, ours: Sequence[Figure] | None
) -> list[Figure]:
    """Return the medians of bursts of one kind; `ours` are those of this version."""
    rows = [
        ("files/s", files / median(burst.seconds for burst in bursts), "files/s"),
        ("CPU", median(burst.cpu_seconds for burst in bursts) / files * 1e6, "µs a file"),
        ("late runs", median(burst.late_runs for burst in bursts), "runs"),
        ("peak memory", median(burst.peak_bytes for burst in bursts) / MEGABYTE, "MB"),
    ]
    compared = [None] * len(rows) if ours is None else list(ours)
    return [
        Figure(f"{what}: {name}", value, unit, ours=other if other and other.value else None)
        for (name, value, unit), other in zip(rows, compared, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
