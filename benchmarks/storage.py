"""What a month of the stack takes on disk: `python -m benchmarks.storage`.

A stack of its own shows what there is to store: benchmarks of two variants that run once an hour, and the stack's own parts. Hours of it
are then written, faster than they pass, into a Prometheus for each rhythm of scraping, and the blocks of a snapshot weighed.

Measured are the series and values of results, the bytes of blocks, and the bytes a sample of the write-ahead log. Modelled are the values
of all other series, which go on as they moved between two looks, that scrapes come in time (--irregular), and how long the log is kept.
"""

import argparse
import json
import random
import re
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.remote_write import Labels, Point, RemoteWriteError, RemoteWriter
from benchmarks import documents, servers
from benchmarks.alert_latency import get_text, own_stack
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import BenchmarkError, Server, request
from stack.settings import EXPORTER, PROMETHEUS, Settings, StackError

SEED = 13
BUDGET_MB = 600
HOURS_A_MONTH = 720
# What Prometheus merges its blocks of 2 h into: three times as much, again and again, up to a tenth of the retention.
BLOCK_HOURS = 2 * 3**3
MEGABYTE = 10**6
# Of Prometheus' write-ahead log: it is cut every two hours, when the head is older than three, and a third of what was written stays.
LOG_HOURS = 6
STATE_JOB, SLOW_JOB = "benchmark-exporter", "benchmark-exporter-slow"
# By prometheus.yml.
SLOW_SECONDS, OTHERS_SECONDS = 30, 15
INTERVALS_SECONDS = {STATE_JOB: 1, SLOW_JOB: SLOW_SECONDS, "node": SLOW_SECONDS}
# What Prometheus adds to each scrape.
OF_A_SCRAPE = re.compile("up|scrape_.*")
MINUTE_SECONDS = 60
POLL_SECONDS = 0.2

Values = Mapping[Labels, float]


@dataclass(frozen=True, slots=True)
class Course:
    """How a series that was looked at twice goes on: by as much in each interval, more or less, in the steps that its values come in."""

    value: float
    step: float
    digits: int
    multiple_of: int

    def at(self, scrape: int, dice: random.Random) -> float:
        """The value of a scrape, which costs more or fewer bits by what it is a multiple of."""
        if not self.step:
            return self.value
        value = self.value + self.step * (scrape + dice.uniform(-0.5, 0.5))
        return (
            round(value, self.digits)
            if self.digits
            else float(round(value / self.multiple_of) * self.multiple_of)
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Series that are scraped in one rhythm: those of results have other values after each of some rounds, others have a course."""

    what: str
    interval_seconds: int
    rounds: Sequence[Values]
    courses: Mapping[Labels, Course]

    def series(self) -> int:
        """How many there are at a time, on average."""
        return round(sum(map(len, self.rounds)) / len(self.rounds)) + len(self.courses)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes the table; returns the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="storage-", dir=servers.WORK) as folder:
            with own_stack(Path(folder) / "checkout") as settings:
                groups, log_bytes_a_sample = _look(settings, options)
            figures = _weigh(Path(folder), groups, log_bytes_a_sample, options)
    except (BenchmarkError, StackError, RemoteWriteError) as error:
        print(f"benchmarks.storage: {error}", file=sys.stderr)
        return 1
    words = f"--benchmarks={options.benchmarks} --hours={options.hours:g} --irregular={options.irregular:g}"
    write(options.output, f"python -m benchmarks.storage {words}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage", description=__doc__)
    parser.add_argument(
        "--benchmarks", type=int, default=20, metavar="N", help="of two variants each (%(default)s)"
    )
    parser.add_argument(
        "--hours",
        type=float,
        default=8,
        metavar="H",
        help="of samples that are written (%(default)s)",
    )
    parser.add_argument(
        "--irregular",
        type=float,
        default=0,
        metavar="PERCENT",
        help="of scrapes that are some ms late (%(default)s)",
    )
    parser.add_argument(
        "--live-seconds",
        type=int,
        default=60,
        metavar="S",
        help="how long the stack is looked at (%(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "storage.md",
        metavar="FILE",
        help="where the table goes (%(default)s)",
    )
    return parser


def _look(settings: Settings, options: argparse.Namespace) -> tuple[Sequence[Group], float]:
    """What is to be stored, and how many bytes a sample takes in the write-ahead log of the stack's Prometheus."""
    rounds = max(1, round(options.hours))
    progress(f"{rounds} runs of each of {options.benchmarks} benchmarks")
    state, slow = [], []
    for number in range(rounds):
        for benchmark in range(options.benchmarks):
            # Runs of a round have numbers of their own, and every tenth number fails its gate: one run in ten of each benchmark.
            document = documents.perf_suite(
                f"bench{benchmark}", number * (options.benchmarks + 1) + benchmark
            )
            (settings.results_dir / f"{number}-{benchmark}.json").write_bytes(document)
        _until_ingested(settings, (number + 1) * options.benchmarks)
        state.append(_page(settings, "state", STATE_JOB))
        slow.append(_page(settings, "distributions", SLOW_JOB))
    progress(f"looking at the stack for {options.live_seconds} s")
    time.sleep(2 * SLOW_SECONDS)
    before, log_before = _stored(settings), _log(settings)
    time.sleep(options.live_seconds)
    after, log_after = _stored(settings), _log(settings)
    written = log_after[1] - log_before[1]
    if not written:
        raise BenchmarkError("the stack's Prometheus took no samples")
    of_results = state[-1].keys() | slow[-1].keys()
    courses: dict[int, dict[Labels, Course]] = {1: {}, SLOW_SECONDS: {}, OTHERS_SECONDS: {}}
    for labels in before.keys() & after.keys() - of_results:
        interval = INTERVALS_SECONDS.get(dict(labels).get("job", ""), OTHERS_SECONDS)
        if interval == 1 and not OF_A_SCRAPE.fullmatch(dict(labels)["__name__"]):
            continue  # of a run that was the newest a while ago
        courses[interval][labels] = _course(
            before[labels], after[labels], options.live_seconds / interval
        )
    groups = (
        Group("the exporter's state", 1, state, courses[1]),
        Group(
            "the rest of the exporter, and the machine", SLOW_SECONDS, slow, courses[SLOW_SECONDS]
        ),
        Group(
            "the stack's other parts and what rules record",
            OTHERS_SECONDS,
            [{}],
            courses[OTHERS_SECONDS],
        ),
    )
    return groups, (log_after[0] - log_before[0]) / written


def _until_ingested(settings: Settings, files: int) -> None:
    deadline = time.monotonic() + servers.DEADLINE_SECONDS
    line = f'benchmark_exporter_files_ingested_total{{format="perf_suite"}} {files}\n'
    while line not in get_text(EXPORTER.url(settings, "/metrics?collect[]=state")):
        if time.monotonic() > deadline:
            raise BenchmarkError(
                f"{files} files are not ingested within {servers.DEADLINE_SECONDS:g} s"
            )
        time.sleep(POLL_SECONDS)


def _page(settings: Settings, part: str, job: str) -> Values:
    """The values of a part by the labels that Prometheus stores them with."""
    values = {}
    for line in get_text(EXPORTER.url(settings, f"/metrics?collect[]={part}")).splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name, _, pairs = series.partition("{")
            labels = {
                "__name__": name,
                "job": job,
                "instance": "benchmark-exporter",
                **dict(re.findall(r'(\w+)="([^"]*)"', pairs)),
            }
            values[tuple(sorted((label, text) for label, text in labels.items() if text))] = float(
                value
            )
    return values


def _stored(settings: Settings) -> Mapping[Labels, str]:
    """The newest value, as it is written, of every series that the stack's Prometheus has now."""
    query = urllib.parse.urlencode({"query": '{__name__!=""}'})
    result = json.loads(get_text(PROMETHEUS.url(settings, f"/api/v1/query?{query}")))["data"][
        "result"
    ]
    return {tuple(sorted(each["metric"].items())): each["value"][1] for each in result}


def _log(settings: Settings) -> tuple[float, float]:
    """Bytes of the write-ahead log on disk, and samples that Prometheus has taken."""
    text = get_text(PROMETHEUS.url(settings, "/metrics"))
    taken = re.findall(
        r"^prometheus_tsdb_head_samples_appended_total(?:\{.*\})? (\S+)$", text, re.MULTILINE
    )
    folder = settings.state_dir / "prometheus/data/wal"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), sum(
        map(float, taken)
    )


def _course(before: str, after: str, intervals: float) -> Course:
    first, last = float(before), float(after)
    digits, multiple_of = 0, 1
    if first.is_integer() and last.is_integer():
        bits = int(first) | int(last)
        multiple_of = max(1, bits & -bits)  # sizes come in pages and sectors
    else:
        digits = max(len(value.partition(".")[2]) for value in (before, after))
    return Course(last, (last - first) / intervals, digits, multiple_of)


def _weigh(
    folder: Path, groups: Sequence[Group], log_bytes_a_sample: float, options: argparse.Namespace
) -> list[Figure]:
    figures, total = [], 0.0
    for number, group in enumerate(groups):
        place = folder / f"prometheus-{number}"
        place.mkdir()
        progress(f"writing {options.hours:g} hours of {group.what}: {group.series():,} series")
        half, whole, samples = _blocks(place, group, options)
        # The second half costs what time costs; what the first cost beyond that, labels above all, each block has once.
        hourly, once = (whole - half) / (options.hours / 2), max(0, 2 * half - whole)
        month = HOURS_A_MONTH * (hourly + once / BLOCK_HOURS) / MEGABYTE
        total += month
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
    log = (
        sum(group.series() / group.interval_seconds for group in groups)
        * 3600
        * LOG_HOURS
        * log_bytes_a_sample
        / MEGABYTE
    )
    return [
        *figures,
        Figure("write-ahead log of real scrapes", log_bytes_a_sample, "bytes a sample"),
        Figure(f"{LOG_HOURS} hours of it, the most that is kept", log, "MB"),
        Figure("a month of the whole stack", total + log, "MB", at_most=BUDGET_MB),
    ]


def _blocks(folder: Path, group: Group, options: argparse.Namespace) -> tuple[int, int, int]:
    """Bytes on disk of the first half of a group's samples and of all, and how many these are."""
    samples, half = 0, 0
    minutes = round(options.hours * 3600 / MINUTE_SECONDS)
    with (
        servers.prometheus(folder) as server,
        RemoteWriter(f"http://127.0.0.1:{server.port}") as writer,
    ):
        for minute, points in enumerate(_minutes(group, options), start=1):
            writer.write(points)
            samples += len(points)
            if minute == minutes // 2:
                half = _snapshot(folder, server)
        return half, _snapshot(folder, server), samples


def _snapshot(folder: Path, server: Server) -> int:
    """Bytes of what a server holds, as blocks."""
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


def _minutes(group: Group, options: argparse.Namespace) -> Iterator[Sequence[Point]]:
    """The group's samples of each minute, up to now."""
    dice = random.Random(SEED)  # noqa: S311  # no secret
    seconds = round(options.hours * 3600)
    begin = int(time.time()) - seconds
    points: list[Point] = []
    for scrape, second in enumerate(range(0, seconds, group.interval_seconds)):
        late_ms = dice.randrange(5, 50) if dice.uniform(0, 100) < options.irregular else 0
        timestamp_ms = (begin + second) * 1000 + late_ms
        values = group.rounds[second * len(group.rounds) // seconds]
        points += [Point(labels, timestamp_ms, value) for labels, value in values.items()]
        points += [
            Point(labels, timestamp_ms, course.at(scrape, dice))
            for labels, course in group.courses.items()
        ]
        if (second + group.interval_seconds) % MINUTE_SECONDS == 0:
            yield points
            points = []
    if points:
        yield points


if __name__ == "__main__":
    sys.exit(main())
