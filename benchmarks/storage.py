"""Measure the disk space for a month of the stack: `python -m benchmarks.storage`.

A separate stack shows what there is to store: benchmarks with two variants that run once an hour,
and the stack's own parts. Hours of these samples are then written, faster than real time, into one
Prometheus per scrape interval, and the blocks of a snapshot are measured.

Measured: the series and values of results, the bytes of blocks, and the bytes per sample of the
write-ahead log. Modelled: the values of all other series, which continue as they changed between
two reads, punctual scrapes (--irregular), and how long the log is kept.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.commands.remote_write import Point, RemoteWriteError, RemoteWriter
from benchmarks import servers
from benchmarks.alert_latency import own_stack
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import BenchmarkError, Server, request
from benchmarks.stack_series import BEFORE, SLOW_BEFORE, Group, read_stack
from stack.settings import StackError

SEED = 13
BUDGET_MB = 300
# A change lies between two turns of a sparse series.
CHANGE_BEFORE_MS = 30_123
HOURS_A_MONTH = 720
# Prometheus merges its 2 h blocks into blocks of three times the size, repeatedly, up to a tenth of
# the retention.
BLOCK_HOURS = 2 * 3**3
MEGABYTE = 10**6
# Prometheus truncates its write-ahead log every two hours, when the head is older than three, and
# keeps a third of it.
LOG_HOURS = 6
HEAD_HOURS = 2  # of a block that has not been merged
MINUTE_SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="storage-", dir=servers.WORK) as folder:
            with own_stack(Path(folder) / "checkout") as settings:
                groups, log_bytes_a_sample = read_stack(settings, options)
            figures = _weigh(Path(folder), groups, log_bytes_a_sample, options)
    except (BenchmarkError, StackError, RemoteWriteError) as error:
        print(f"benchmarks.storage: {error}", file=sys.stderr)
        return 1
    words = (
        f"--benchmarks={options.benchmarks} --hours={options.hours:g} "
        f"--irregular={options.irregular:g}"
    )
    write(options.output, f"python -m benchmarks.storage {words}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage", description=__doc__)
    parser.add_argument(
        "--benchmarks",
        type=int,
        default=20,
        metavar="N",
        help="benchmarks, with two variants each (%(default)s)",
    )
    parser.add_argument(
        "--hours",
        type=float,
        default=3,
        metavar="H",
        help="hours of samples to write; more than 3 are in several blocks (%(default)s)",
    )
    parser.add_argument(
        "--irregular",
        type=float,
        default=0,
        metavar="PERCENT",
        help="share of scrapes that are some ms late (%(default)s)",
    )
    parser.add_argument(
        "--live-seconds",
        type=int,
        default=60,
        metavar="S",
        help="how long to watch the stack (%(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "storage.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def _weigh(
    folder: Path, groups: Sequence[Group], log_bytes_a_sample: float, options: argparse.Namespace
) -> list[Figure]:
    figures, months = [], {}
    for number, group in enumerate(groups):
        data = folder / f"prometheus-{number}"
        data.mkdir()
        progress(f"writing {options.hours:g} hours of {group.what}: {group.series():,} series")
        first, whole, samples = _blocks(data, group, options)
        # The last hours show the cost of time. What the first ones cost beyond that, mostly labels,
        # each block has once.
        last_hours = _last_hours(options)
        hourly = (whole - first) / last_hours
        once = max(0, first - (options.hours - last_hours) * hourly)
        month = HOURS_A_MONTH * (hourly + once / BLOCK_HOURS) / MEGABYTE
        months[group.what] = month
        what = f"{group.what}, every {group.interval_seconds} s"
        figures += [
            Figure(f"{what}: series", group.series(), ""),
            Figure(
                f"{what}: blocks",
                (hourly + once / BLOCK_HOURS) * options.hours / samples,
                "bytes a sample",
            ),
            Figure(f"{what}: blocks of a month", month, "MB"),
        ]
    before, slow_before = months.pop(BEFORE), months.pop(SLOW_BEFORE)
    state = sum(month for what, month in months.items() if what.startswith("the exporter's state"))
    slow = sum(month for what, month in months.items() if what.startswith("the rest of the exp"))
    log = (
        sum(
            group.series() / group.interval_seconds
            for group in groups
            if group.what not in (BEFORE, SLOW_BEFORE)
        )
        * 3600
        * LOG_HOURS
        * log_bytes_a_sample
        / MEGABYTE
    )
    return [
        *figures,
        Figure("write-ahead log of real scrapes", log_bytes_a_sample, "bytes a sample"),
        Figure(f"{LOG_HOURS} hours of it, the most that is kept", log, "MB"),
        Figure("the state as every scrape had it, to the state now", before / state, "times"),
        Figure("the rest as every scrape had it, to the rest now", slow_before / slow, "times"),
        Figure("a month of the whole stack", sum(months.values()) + log, "MB", at_most=BUDGET_MB),
    ]


def _last_hours(options: argparse.Namespace) -> float:
    """Return how many hours at the end show the cost of time.

    Each series begins a new chunk every two hours. So if possible these are two hours: they have
    one such beginning, whenever they start.
    """
    return float(min(HEAD_HOURS, options.hours / 2))


def _blocks(folder: Path, group: Group, options: argparse.Namespace) -> tuple[int, int, int]:
    """Return the bytes of a group's first samples, the bytes of all, and the number of all.

    The first ones are those before the last hours.
    """
    samples, first = 0, 0
    with (
        servers.prometheus(folder) as server,
        RemoteWriter(f"http://127.0.0.1:{server.port}") as writer,
    ):
        for second, points in _minutes(group, options):
            writer.write(points)
            samples += len(points)
            if not first and second >= (options.hours - _last_hours(options)) * 3600:
                first = _snapshot(folder, server)
        return first, _snapshot(folder, server), samples


def _snapshot(folder: Path, server: Server) -> int:
    """Return the size of what a server holds, as blocks."""
    connection = server.connect()
    name = json.loads(request(connection, "/api/v1/admin/tsdb/snapshot", method="POST"))["data"][
        "name"
    ]
    connection.close()
    return sum(
        path.stat().st_size
        for path in (folder / "data/snapshots" / name).rglob("*")
        if path.is_file()
    )


def _minutes(group: Group, options: argparse.Namespace) -> Iterator[tuple[int, Sequence[Point]]]:
    """Yield the group's samples of about a minute, with the second of their end, up to now."""
    dice = random.Random(SEED)  # noqa: S311  # no secret
    seconds = round(options.hours * 3600)
    begin = int(time.time()) - seconds
    points: list[Point] = []
    last = group.rounds[0]
    for scrape, second in enumerate(range(0, seconds, group.interval_seconds)):
        late_ms = dice.randrange(5, 50) if dice.uniform(0, 100) < options.irregular else 0
        timestamp_ms = (begin + second) * 1000 + late_ms
        values = group.rounds[second * len(group.rounds) // seconds]
        if group.is_sparse and second and values is not last:
            points += [
                Point(labels, timestamp_ms - CHANGE_BEFORE_MS, value)
                for labels, value in values.items()
                if last.get(labels) != value
            ]
        last = values
        points += [Point(labels, timestamp_ms, value) for labels, value in values.items()]
        points += [
            Point(labels, timestamp_ms, course.at(scrape, dice))
            for labels, course in group.courses.items()
        ]
        end = second + group.interval_seconds
        if end // MINUTE_SECONDS > second // MINUTE_SECONDS:
            yield end, points
            points = []
    if points:
        yield seconds, points


if __name__ == "__main__":
    sys.exit(main())
