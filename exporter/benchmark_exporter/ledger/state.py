"""All that a scrape shows, read from the ledger. It costs by the number of series, never by the number of runs."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from benchmark_exporter.model import SEVERITIES, Notification, Result, Severity, Statistics

Labels = tuple[str, ...]

# How many of the newest a scrape shows or reckons with.
COMMITS_SHOWN = 5
SUITE_DURATIONS = 100
FAILURE_RATIO_RUNS, FAILURE_RATIO_LEAST_RUNS = 20, 5


@dataclass(frozen=True, slots=True)
class Counter:
    """A running total, and when its series was born (seconds since 1970)."""

    labels: Labels
    value: int
    born_seconds: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations a bucket, not cumulated, the last beyond every bound; and their sum."""

    labels: Labels
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    born_seconds: float


@dataclass(frozen=True, slots=True)
class NewestResult:
    """Without its samples, which are in the histograms only."""

    environment: str
    result: Result


@dataclass(frozen=True, slots=True)
class NewestRun:
    benchmark: str
    environment: str
    project: str
    run_id: str
    commit_hash: str
    format: str
    timestamp_seconds: float
    failed: bool


@dataclass(frozen=True, slots=True)
class NewestVerdict:
    benchmark: str
    speedup_p50_ratio: float
    speedup_p95_ratio: float | None
    min_speedup_p50_ratio: float
    min_speedup_p95_ratio: float | None
    max_p95_seconds: float | None
    criteria: Mapping[str, bool]
    passed: bool
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class NewestPipeline:
    pipeline: str
    branch: str
    trigger: str
    passed: bool


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A rejected file that is in the folder now."""

    path: str
    reason: str
    place: str
    detail: str
    at_seconds: float


@dataclass(frozen=True, slots=True)
class ReceivedNotification:
    """The newest word on an alert, and when it came."""

    notification: Notification
    received_seconds: float


@dataclass(frozen=True, slots=True)
class State:
    """All that a scrape shows, as one commit left it. regressions_by_commit has a benchmark's newest commits only."""

    commits: int
    counters: Mapping[str, Sequence[Counter]]
    regressions_by_commit: Sequence[Counter]
    histograms: Mapping[str, Sequence[Histogram]]
    results: Sequence[NewestResult]
    runs: Sequence[NewestRun]
    verdicts: Sequence[NewestVerdict]
    pipelines: Sequence[NewestPipeline]
    pipeline_failure_ratios: Mapping[str, float]
    suite_durations_seconds: Sequence[float]
    suite_duration_count: int
    suite_duration_sum_seconds: float
    rejected_files: Sequence[RejectedFile]
    notifications: Sequence[ReceivedNotification]
    last_ingest_seconds: float


def to_json(value: object) -> str:
    """How labels, bounds and the like stand in one column."""
    return msgspec.json.encode(value).decode()


def from_json(text: str) -> Any:
    """What `to_json` wrote; tuples have become lists."""
    return msgspec.json.decode(text)


def read_state(connection: sqlite3.Connection) -> State:
    """What the newest commit left."""
    query = connection.execute
    commits, last_ingest, duration_count, duration_sum = query("SELECT * FROM totals").fetchone()
    counters: dict[str, list[Counter]] = {}
    for name, labels, value, born in query("SELECT name, labels, value, born_seconds FROM counters"):
        counters.setdefault(name, []).append(Counter(tuple(from_json(labels)), value, born))
    histograms: dict[str, list[Histogram]] = {}
    for name, labels, bounds, counts, *rest in query("SELECT name, labels, bounds, counts, total, born_seconds FROM histograms"):
        histogram = Histogram(tuple(from_json(labels)), tuple(from_json(bounds)), tuple(from_json(counts)), *rest)
        histograms.setdefault(name, []).append(histogram)
    verdicts = [
        NewestVerdict(benchmark, p50, p95, min_p50, min_p95, max_p95, from_json(criteria), bool(passed), severity)
        for benchmark, p50, p95, min_p50, min_p95, max_p95, criteria, passed, severity in query(
            "SELECT benchmark, speedup_p50_ratio, speedup_p95_ratio, min_speedup_p50_ratio, min_speedup_p95_ratio, max_p95_seconds, "
            "criteria, passed, severity FROM newest_verdicts JOIN verdicts USING (run, benchmark)"
        )
    ]
    pipelines = [
        NewestPipeline(pipeline, branch, trigger, bool(passed))
        for pipeline, branch, trigger, passed in query("SELECT pipeline, branch, trigger, passed FROM newest_pipeline_runs")
    ]
    durations = query(
        "SELECT suite_duration_seconds FROM runs WHERE suite_duration_seconds IS NOT NULL ORDER BY id DESC LIMIT ?", (SUITE_DURATIONS,)
    )
    return State(
        commits=commits,
        counters=counters,
        regressions_by_commit=[counter for verdict in verdicts for counter in _newest_commits(connection, verdict.benchmark)],
        histograms=histograms,
        results=[
            NewestResult(environment, Result(benchmark, variant, Statistics(*statistics), samples, cv, unit, better))
            for environment, benchmark, variant, *statistics, samples, cv, unit, better in query(
                "SELECT environment, benchmark, variant, p50, p95, p99, mean, min, max, stddev, sample_count, cv_ratio, unit, better "
                "FROM newest_results JOIN results USING (run, name)"
            )
        ],
        runs=[
            NewestRun(benchmark, environment, project, run_id, commit_hash, format_name, timestamp, bool(failed))
            for benchmark, environment, project, run_id, commit_hash, format_name, timestamp, failed in query(
                "SELECT n.benchmark, n.environment, project, run_id, commit_hash, format, timestamp_seconds, failed "
                "FROM newest_runs n JOIN runs ON runs.id = n.run"
            )
        ],
        verdicts=verdicts,
        pipelines=pipelines,
        pipeline_failure_ratios=_failure_ratios(connection, dict.fromkeys(newest.pipeline for newest in pipelines)),
        suite_durations_seconds=[seconds for (seconds,) in durations],
        suite_duration_count=duration_count,
        suite_duration_sum_seconds=duration_sum,
        rejected_files=[
            RejectedFile(*row)
            for row in query(
                "SELECT path, reason, place, detail, at_seconds FROM files WHERE reason IS NOT NULL ORDER BY at_seconds DESC, path"
            )
        ],
        notifications=[
            ReceivedNotification(Notification(*row), received)
            for *row, received in query(
                "SELECT fingerprint, alertname, benchmark, severity, status, summary, received_seconds FROM notifications "
                "ORDER BY received_seconds DESC, fingerprint"
            )
        ],
        last_ingest_seconds=last_ingest,
    )


def _newest_commits(connection: sqlite3.Connection, benchmark: str) -> Iterator[Counter]:
    for severity in SEVERITIES:
        for commit_hash, value, born in connection.execute(
            "SELECT commit_hash, value, born_seconds FROM commit_regressions WHERE benchmark = ? AND severity = ? "
            "ORDER BY rank_seconds DESC, commit_hash LIMIT ?",
            (benchmark, severity, COMMITS_SHOWN),
        ):
            yield Counter((benchmark, severity, commit_hash), value, born)


def _failure_ratios(connection: sqlite3.Connection, pipelines: Iterable[str]) -> dict[str, float]:
    ratios = {}
    for pipeline in pipelines:
        rows = connection.execute(
            "SELECT passed FROM pipeline_runs WHERE pipeline = ? ORDER BY rank_seconds DESC, run_id DESC LIMIT ?",
            (pipeline, FAILURE_RATIO_RUNS),
        ).fetchall()
        if len(rows) >= FAILURE_RATIO_LEAST_RUNS:
            ratios[pipeline] = rows.count((0,)) / len(rows)
    return ratios
