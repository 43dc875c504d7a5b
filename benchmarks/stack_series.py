"""What a stack has to store: its series, their values, and how they change."""

import argparse
import json
import random
import re
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark_exporter.commands.remote_write import Labels
from benchmark_exporter.config import packaged
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.metrics.sparse import PERIOD_SECONDS, SLOW_PERIOD_SECONDS
from benchmarks import documents, servers
from benchmarks.alert_latency import get_text
from benchmarks.report import progress
from benchmarks.servers import BenchmarkError
from stack.settings import EXPORTER, PROMETHEUS, Settings

STATE_JOB, SLOW_JOB = "benchmark-exporter", "benchmark-exporter-slow"
# As in prometheus.yml.
SLOW_SECONDS, OTHERS_SECONDS = 30, 15
INTERVALS_SECONDS = {STATE_JOB: 1, SLOW_JOB: SLOW_SECONDS, "node": SLOW_SECONDS}
# What Prometheus adds to each scrape.
OF_A_SCRAPE = re.compile("up|scrape_.*")
POLL_SECONDS = 0.2
# Written for comparison; what a stack stores that scrapes without `sparse=1`.
BEFORE = "the exporter's state, if every scrape had all of it"
SLOW_BEFORE = "the rest of the exporter, and the machine, if every scrape had all of it"
_OF_A_HISTOGRAM = re.compile("(?<=_ms)_(?:bucket|sum|count)$")
_SPARSE = {name for name, each in load_definitions(packaged("metrics.yaml")).items() if each.sparse}

Values = Mapping[Labels, float]


@dataclass(frozen=True, slots=True)
class Course:
    """How a series continues that was read twice: by about the same amount in each interval.

    Its values keep the decimals, or the common factor, of those that were read.
    """

    value: float
    step: float
    digits: int
    multiple_of: int

    def at(self, scrape: int, dice: random.Random) -> float:
        """Return the value at a scrape; its common factor decides how many bits it costs."""
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
    """Series that are scraped at one interval.

    Those of results change their values with each round of runs (`rounds`); others follow a course.
    Sparse ones have a sample when they change, too.
    """

    what: str
    interval_seconds: int
    rounds: Sequence[Values]
    courses: Mapping[Labels, Course]
    is_sparse: bool = False

    def series(self) -> int:
        """Return how many series there are at a time, on average."""
        return round(sum(map(len, self.rounds)) / len(self.rounds)) + len(self.courses)


def read_stack(settings: Settings, options: argparse.Namespace) -> tuple[Sequence[Group], float]:
    """Return what has to be stored, and the bytes per sample in the write-ahead log."""
    rounds = max(1, round(options.hours))
    progress(f"{rounds} runs of each of {options.benchmarks} benchmarks")
    state, slow = [], []
    for number in range(rounds):
        for benchmark in range(options.benchmarks):
            # Runs of a round have distinct numbers, and every tenth number fails its gate, so one
            # in ten runs of each benchmark does.
            document = documents.perf_suite(
                f"bench{benchmark}", number * (options.benchmarks + 1) + benchmark
            )
            (settings.results_dir / f"{number}-{benchmark}.json").write_bytes(document)
        _until_ingested(settings, (number + 1) * options.benchmarks)
        state.append(_page(settings, "state", STATE_JOB))
        slow.append(_page(settings, "distributions", SLOW_JOB))
    progress(f"watching the stack for {options.live_seconds} s")
    time.sleep(2 * SLOW_SECONDS)
    before, log_before = _stored(settings), _log(settings)
    time.sleep(options.live_seconds)
    after, log_after = _stored(settings), _log(settings)
    written = log_after[1] - log_before[1]
    if not written:
        raise BenchmarkError("the stack's Prometheus ingested no samples")
    of_results = state[-1].keys() | slow[-1].keys()
    courses: dict[int, dict[Labels, Course]] = {1: {}, SLOW_SECONDS: {}, OTHERS_SECONDS: {}}
    for labels in before.keys() & after.keys() - of_results:
        interval = INTERVALS_SECONDS.get(dict(labels).get("job", ""), OTHERS_SECONDS)
        if interval == 1 and not OF_A_SCRAPE.fullmatch(dict(labels)["__name__"]):
            continue  # of a run that is no longer the newest
        courses[interval][labels] = _course(
            before[labels], after[labels], options.live_seconds / interval
        )
    return _groups(state, slow, courses), (log_after[0] - log_before[0]) / written


def _groups(
    state: Sequence[Values], slow: Sequence[Values], courses: Mapping[int, Mapping[Labels, Course]]
) -> Sequence[Group]:
    dense = [_part_of(values, is_sparse=False) for values in state]
    sparse = [_part_of(values, is_sparse=True) for values in state]
    return (
        Group("the exporter's state, dense series", 1, dense, courses[1]),
        Group("the exporter's state, sparse series", PERIOD_SECONDS, sparse, {}, is_sparse=True),
        Group(BEFORE, 1, state, courses[1]),
        Group(
            "the rest of the exporter, dense series, and the machine",
            SLOW_SECONDS,
            [_part_of(values, is_sparse=False) for values in slow],
            courses[SLOW_SECONDS],
        ),
        Group(
            "the rest of the exporter, sparse series",
            SLOW_PERIOD_SECONDS,
            [_part_of(values, is_sparse=True) for values in slow],
            {},
            is_sparse=True,
        ),
        Group(SLOW_BEFORE, SLOW_SECONDS, slow, courses[SLOW_SECONDS]),
        Group(
            "the stack's other parts and what rules record",
            OTHERS_SECONDS,
            [{}],
            courses[OTHERS_SECONDS],
        ),
    )


def _part_of(values: Values, *, is_sparse: bool) -> Values:
    return {
        labels: value
        for labels, value in values.items()
        if (_OF_A_HISTOGRAM.sub("", dict(labels)["__name__"]) in _SPARSE) == is_sparse
    }


def _until_ingested(settings: Settings, files: int) -> None:
    deadline = time.monotonic() + servers.DEADLINE_SECONDS
    line = f'benchmark_exporter_files_ingested_total{{format="perf_suite"}} {files}\n'
    while line not in get_text(EXPORTER.url(settings, "/metrics?collect[]=state")):
        if time.monotonic() > deadline:
            raise BenchmarkError(
                f"{files} files were not ingested within {servers.DEADLINE_SECONDS:g} s"
            )
        time.sleep(POLL_SECONDS)


def _page(settings: Settings, part: str, job: str) -> Values:
    """Return the values of a part, by the labels with which Prometheus stores them."""
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
    """Return the newest value, as text, of every series in the stack's Prometheus."""
    query = urllib.parse.urlencode({"query": '{__name__!=""}'})
    result = json.loads(get_text(PROMETHEUS.url(settings, f"/api/v1/query?{query}")))["data"][
        "result"
    ]
    return {tuple(sorted(each["metric"].items())): each["value"][1] for each in result}


def _log(settings: Settings) -> tuple[float, float]:
    """Return the size of the write-ahead log on disk, and how many samples were ingested."""
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
