"""Past runs into Prometheus with their own times, so that trends begin before the exporter did.

A run becomes the gauges that a scrape would have shown while it was the newest: one sample of each
series, at the run's own time. It is not repeated to bridge the five minutes that an instant query
looks back, since that would invent measurements; panels of trends look back over their own interval
(last_over_time), which finds it.

Counters and histograms are left out. They count what the exporter has seen since its ledger began;
a past of theirs that no scrape saw would have to end at another value than the live series begins
with, which Prometheus reads as a reset, so that rate() would invent events.

Runs of the last hour are left to the scrape: Prometheus refuses another value at the time of one.
"""

import heapq
import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmark_exporter.commands.remote_write import Labels, Point, RefusedError, RemoteWriter
from benchmark_exporter.ledger.history import History, RecordedRun
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.model import PipelineRun
from benchmark_exporter.wording import counted

LEFT_TO_THE_SCRAPE_SECONDS = 3600.0
POINTS_PER_REQUEST = 5000
OPENMETRICS_FILE = "backfill.txt"
# Prometheus merges smaller blocks itself, after it has loaded hundreds.
BLOCK_DURATION = "48h"

PastRun = RecordedRun | PipelineRun


@dataclass(frozen=True, slots=True)
class ScrapeLabels:
    """The labels that a scrape sets: by default those of prometheus.yml and its targets.

    `slow_job` scrapes everything but the exporter's state.
    """

    job: str = "benchmark-exporter"
    slow_job: str = "benchmark-exporter-slow"
    instance: str = "benchmark-exporter"

    def of(self, part: Part) -> Mapping[str, str]:
        """The labels of the series of a part."""
        return {"job": self.job if part == "state" else self.slow_job, "instance": self.instance}


DEFAULT_LABELS = ScrapeLabels()


@dataclass(slots=True)
class BackfillOutcome:
    """What became of the samples.

    `outside` counts those that are too old for Prometheus, `conflicting` those at whose times it
    has other values, `recent` the runs that are left to the scrape.
    """

    runs: int = 0
    written: int = 0
    outside: int = 0
    conflicting: int = 0
    recent: int = 0
    first_seconds: float = math.inf
    last_seconds: float = -math.inf

    def lines(self, done: str = "wrote") -> Iterator[str]:
        """The report, where `done` says what was done with the samples."""
        if self.runs:
            first, last = (
                datetime.fromtimestamp(each, UTC).strftime("%Y-%m-%d %H:%M")
                for each in (self.first_seconds, self.last_seconds)
            )
            yield (
                f"{done} {counted(self.written, 'sample')} of {counted(self.runs, 'run')} "
                f"made between {first} and {last} UTC"
            )
        else:
            yield "no such run"
        if self.recent:
            yield (
                f"{counted(self.recent, 'run of the last hour is', 'runs of the last hour are')} "
                "left to the scrape, which shows the newest"
            )
        if self.outside:
            yield (
                f"{counted(self.outside, 'sample is', 'samples are')} too old for this Prometheus: "
                "the limit is storage.tsdb.out_of_order_time_window in prometheus.yml; give a "
                "later --since, raise the limit (and retention), or make blocks by --blocks FOLDER"
            )
        if self.conflicting:
            yield f"{self.conflicting:,} samples are there already with another value, which stays"


class BlocksError(Exception):
    """Blocks cannot be made; the message says why and what to do."""


def runs_of_ledger(history: History, selection: RunSelection) -> tuple[Iterator[PastRun], int]:
    """The selected runs and those of pipelines in the same time, oldest first; their number."""
    pipeline_runs = list(history.pipeline_runs(selection.since_seconds, selection.until_seconds))
    runs: Iterator[PastRun] = heapq.merge(
        history.oldest_first(selection), pipeline_runs, key=lambda run: run.timestamp_seconds
    )
    return runs, history.count(selection) + len(pipeline_runs)


def backfill(
    runs: Iterable[PastRun],
    url: str,
    collector: Collector,
    labels: ScrapeLabels = DEFAULT_LABELS,
    *,
    headers: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    report: Callable[[int], None] = lambda _: None,
) -> BackfillOutcome:
    """Writes runs, in the order of their times, to the Prometheus at `url`.

    Writing them again changes nothing. `report` is called with the number of runs done.

    Raises:
        RemoteWriteError: the server cannot be reached or does not accept remote writes.
    """
    outcome = BackfillOutcome()
    with RemoteWriter(url, headers, sleep=sleep) as writer:
        for points in _requests(runs, collector, labels, clock(), outcome, report):
            _send(writer, points, outcome)
    return outcome


def measure(
    runs: Iterable[PastRun],
    collector: Collector,
    labels: ScrapeLabels = DEFAULT_LABELS,
    *,
    clock: Callable[[], float] = time.time,
) -> BackfillOutcome:
    """What `backfill` would write; the server may accept less."""
    outcome = BackfillOutcome()
    for points in _requests(runs, collector, labels, clock(), outcome, lambda _: None):
        outcome.written += len(points)
    return outcome


def write_blocks(
    runs: Iterable[PastRun],
    folder: Path,
    promtool: Path,
    collector: Collector,
    labels: ScrapeLabels = DEFAULT_LABELS,
    *,
    clock: Callable[[], float] = time.time,
    report: Callable[[int], None] = lambda _: None,
) -> BackfillOutcome:
    """Writes runs as Prometheus' blocks into a new or empty folder.

    It runs `promtool tsdb create-blocks-from openmetrics`.

    Raises:
        BlocksError: the folder is not empty, promtool is not found, or it rejects the samples.
    """
    if shutil.which(promtool) is None:
        raise BlocksError(
            f"{promtool}: program not found; it comes with Prometheus, name it with --promtool"
        )
    outcome = BackfillOutcome()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BlocksError(
                f"{folder}: is not empty; name a new folder, "
                "so that no block of an earlier run is moved again"
            )
        text = folder / OPENMETRICS_FILE
        with text.open("w", encoding="utf-8") as file:
            for points in _requests(runs, collector, labels, clock(), outcome, report):
                file.writelines(map(_openmetrics, points))
                outcome.written += len(points)
            file.write("# EOF\n")
        if outcome.written:
            _run_promtool(promtool, text, folder)
        text.unlink()
    except OSError as error:
        raise BlocksError(f"{error.filename}: {error.strerror}") from error
    return outcome


def _run_promtool(promtool: Path, text: Path, folder: Path) -> None:
    command = [
        str(promtool),
        "tsdb",
        "create-blocks-from",
        f"--max-block-duration={BLOCK_DURATION}",
        "openmetrics",
        str(text),
        str(folder),
    ]
    done = subprocess.run(  # noqa: S603  # the program the user named
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BlocksError(
            f"{promtool} rejects the samples in {text}: "
            f"{done.stderr.strip() or done.stdout.strip()}"
        )


def _requests(
    runs: Iterable[PastRun],
    collector: Collector,
    labels: ScrapeLabels,
    now: float,
    outcome: BackfillOutcome,
    report: Callable[[int], None],
) -> Iterator[Sequence[Point]]:
    """Points in batches of about POINTS_PER_REQUEST, in the order of their times.

    Of several values of a series at one time, the last counts.
    """
    gathered: dict[tuple[Labels, int], Point] = {}
    last_ms = 0
    for done, run in enumerate(runs):
        report(done)
        if run.timestamp_seconds > now - LEFT_TO_THE_SCRAPE_SECONDS:
            outcome.recent += 1
            continue
        timestamp_ms = round(run.timestamp_seconds * 1e3)
        if len(gathered) >= POINTS_PER_REQUEST and timestamp_ms != last_ms:
            yield list(gathered.values())
            gathered = {}
        last_ms = timestamp_ms
        outcome.runs += 1
        outcome.first_seconds = min(outcome.first_seconds, run.timestamp_seconds)
        outcome.last_seconds = max(outcome.last_seconds, run.timestamp_seconds)
        for sample in collector.samples(run):
            of_sample = tuple(
                sorted(
                    {
                        **labels.of(sample.part),
                        "__name__": sample.metric,
                        **dict(sample.labels),
                    }.items()
                )
            )
            gathered[of_sample, timestamp_ms] = Point(of_sample, timestamp_ms, sample.value)
    if gathered:
        yield list(gathered.values())


def _send(writer: RemoteWriter, points: Sequence[Point], outcome: BackfillOutcome) -> None:
    """Writes what the server accepts.

    It refuses a whole request for one bad sample, so the good ones are found by halving.
    """
    try:
        writer.write(points)
    except RefusedError as error:
        if len(points) > 1 and not (error.refusal == "too_old" and _is_too_old(writer, points[-1])):
            middle = len(points) // 2
            _send(writer, points[:middle], outcome)
            _send(writer, points[middle:], outcome)
        elif error.refusal == "too_old":
            outcome.outside += len(points)
        else:
            outcome.conflicting += len(points)
    else:
        outcome.written += len(points)


def _is_too_old(writer: RemoteWriter, newest: Point) -> bool:
    """Whether the server refuses the newest of some points as too old, and so all of them."""
    try:
        writer.write([newest])
    except RefusedError as error:
        return error.refusal == "too_old"
    return False


def _openmetrics(point: Point) -> str:
    name = dict(point.labels)["__name__"]
    pairs = ",".join(
        f'{label}="{_escape(value)}"' for label, value in point.labels if label != "__name__"
    )
    return f"{name}{{{pairs}}} {point.value!r} {point.timestamp_ms / 1e3:.3f}\n"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
