"""All that a scrape shows, read from the ledger. It costs by the number of series, never by the number of runs."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from benchmark_exporter.counters import COUNTERS, HISTOGRAMS, NOTIFICATIONS_RECEIVED, of_subjects
from benchmark_exporter.counters import REGRESSIONS_BY_COMMIT as BY_COMMIT
from benchmark_exporter.model import (
    SEVERITIES,
    Better,
    Notification,
    Result,
    Severity,
    Statistics,
    SubjectKind,
    Verdict,
)

Labels = tuple[str, ...]

# How many of the newest a scrape shows or reckons with.
COMMITS_SHOWN = 5
SUITE_DURATIONS = 100
FAILURE_RATIO_RUNS, FAILURE_RATIO_LEAST_RUNS = 20, 5
# Counters and histograms that belong to a subject: their first label is its name. The others are
# read whole.
SUBJECT_COUNTERS = of_subjects(COUNTERS)
SUBJECT_HISTOGRAMS = of_subjects(HISTOGRAMS)
REGRESSIONS_BY_COMMIT = BY_COMMIT.name
# Alerts that anyone may send have any name; later ones than these count together.
NOTIFICATIONS = NOTIFICATIONS_RECEIVED.name
NOTIFICATION_COUNTERS = 200
OTHER_NOTIFICATIONS = "(other)"


class Subject(NamedTuple):
    """A benchmark name in an environment, the `qualifier`; or a pipeline, by its branch, the `qualifier`, and its trigger."""

    kind: SubjectKind
    name: str
    qualifier: str
    trigger: str = ""


class Selection(msgspec.Struct, frozen=True):
    """The subjects that a state has, in their order; and how many of each kind could be shown were there room for all.

    `first_seen_seconds` is when the one that has waited longest had its last run, in seconds since 1970; infinity where there is none.
    """

    subjects: Sequence[Subject]
    counts: Mapping[SubjectKind, int]
    first_seen_seconds: float


class RunningTotal(msgspec.Struct, frozen=True):
    """A running total, and when its series was born (seconds since 1970)."""

    labels: Labels
    value: int
    born_seconds: float


class Histogram(msgspec.Struct, frozen=True):
    """Observations a bucket, not cumulated, the last beyond every bound; and their sum."""

    labels: Labels
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    born_seconds: float


class NewestResult(msgspec.Struct, frozen=True):
    """Without its samples, which are in the histograms only."""

    environment: str
    result: Result


class NewestRun(msgspec.Struct, frozen=True):
    benchmark: str
    environment: str
    project: str
    run_id: str
    commit_hash: str
    format: str
    timestamp_seconds: float
    failed: bool


class NewestGateOutcome(msgspec.Struct, frozen=True):
    benchmark: str
    speedup_p50_ratio: float
    speedup_p95_ratio: float | None
    min_speedup_p50_ratio: float
    min_speedup_p95_ratio: float | None
    max_p95_seconds: float | None
    criteria: Mapping[str, bool]
    passed: bool
    severity: Severity | None


class GateRun(msgspec.Struct, frozen=True):
    """The run that a newest verdict is on."""

    run_id: str
    project: str
    timestamp_seconds: float


class NewestBaseline(msgspec.Struct, frozen=True):
    """What is pinned for a judged series. Speedups are how many times better its newest run is than that; None where it cannot be said."""

    version: str
    run_id: str
    commit_hash: str
    pinned_seconds: float
    speedup_p50_ratio: float | None
    speedup_p95_ratio: float | None


class NewestVerdict(msgspec.Struct, frozen=True):
    """passed_commit is that of the last run before this one that was no regression."""

    benchmark: str
    name: str
    environment: str
    project: str
    commit_hash: str
    passed_commit: str
    unit: str
    verdict: Verdict
    baseline: NewestBaseline | None


class NewestShift(msgspec.Struct, frozen=True):
    """Whether the newest run of a project and environment that had enough results to tell was an environment shift."""

    project: str
    environment: str
    shifted: bool


class NewestPipeline(msgspec.Struct, frozen=True):
    pipeline: str
    branch: str
    trigger: str
    passed: bool
    duration_seconds: float | None


class RejectedFile(msgspec.Struct, frozen=True):
    """A rejected file that is in the folder now."""

    path: str
    reason: str
    place: str
    detail: str
    at_seconds: float


class ReceivedNotification(msgspec.Struct, frozen=True):
    """The newest word on an alert, and when it came."""

    notification: Notification
    received_seconds: float


class State(msgspec.Struct, frozen=True):
    """All that a scrape shows of the selected subjects, as one commit left it. regressions_by_commit has the newest commits only.

    `returned_counters` and `returned_histograms` are what counters and histograms were, by name and labels, when their subjects came back
    after more than the age at which they are no longer shown; `born_seconds` says when that was.
    `verdict_runs` has the run of each verdict, by benchmark.
    """

    commits: int
    selection: Selection
    counters: Mapping[str, Sequence[RunningTotal]]
    regressions_by_commit: Sequence[RunningTotal]
    histograms: Mapping[str, Sequence[Histogram]]
    returned_counters: Mapping[tuple[str, Labels], RunningTotal]
    returned_histograms: Mapping[tuple[str, Labels], Histogram]
    results: Sequence[NewestResult]
    runs: Sequence[NewestRun]
    gate_outcomes: Sequence[NewestGateOutcome]
    gate_runs: Mapping[str, GateRun]
    verdicts: Sequence[NewestVerdict]
    shifts: Sequence[NewestShift]
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


def read_state(
    connection: sqlite3.Connection, selection: Selection, returned_after_seconds: float
) -> State:
    """What the newest commit left of the subjects that `visibility.select` has just selected, and of the exporter itself."""
    query = connection.execute
    commits, last_ingest, duration_count, duration_sum = query("SELECT * FROM totals").fetchone()
    returned_counters, returned_histograms = _read_returned(connection, returned_after_seconds)
    gate_outcomes = [
        NewestGateOutcome(
            benchmark,
            p50,
            p95,
            min_p50,
            min_p95,
            max_p95,
            from_json(criteria),
            bool(passed),
            severity,
        )
        for benchmark, p50, p95, min_p50, min_p95, max_p95, criteria, passed, severity in query(
            "SELECT benchmark, speedup_p50_ratio, speedup_p95_ratio, min_speedup_p50_ratio, min_speedup_p95_ratio, max_p95_seconds, "
            "criteria, passed, severity FROM temp.shown_names n "
            "CROSS JOIN newest_verdicts ON benchmark = n.name JOIN verdicts USING (run, benchmark) WHERE kind = 'benchmark'"
        )
    ]
    counters = _read_counters(connection)
    # Most results never had a confirmed regression, and need not be looked for.
    confirmed = (
        counter.labels[0] for counter in counters.get("regressions_confirmed", ()) if counter.value
    )
    names = dict.fromkeys((*(gate_outcome.benchmark for gate_outcome in gate_outcomes), *confirmed))
    pipelines = [
        NewestPipeline(pipeline, branch, trigger, bool(passed), duration)
        for pipeline, branch, trigger, passed, duration in query(
            "SELECT pipeline, branch, p.trigger, passed, duration_seconds FROM temp.shown s CROSS JOIN newest_pipeline_runs p "
            "ON pipeline = s.name AND branch = s.qualifier AND p.trigger = s.trigger WHERE kind = 'pipeline'"
        )
    ]
    durations = query(
        "SELECT suite_duration_seconds FROM runs WHERE suite_duration_seconds IS NOT NULL ORDER BY id DESC LIMIT ?",
        (SUITE_DURATIONS,),
    )
    return State(
        commits=commits,
        selection=selection,
        counters=counters,
        regressions_by_commit=[
            counter for name in names for counter in newest_commits(connection, name)
        ],
        histograms=_read_histograms(connection),
        returned_counters=returned_counters,
        returned_histograms=returned_histograms,
        results=[
            NewestResult(
                environment,
                Result(benchmark, variant, Statistics(*statistics), samples, cv, unit, better),
            )
            for environment, benchmark, variant, *statistics, samples, cv, unit, better in query(
                "SELECT environment, benchmark, variant, p50, p95, p99, mean, min, max, stddev, sample_count, cv_ratio, unit, better "
                "FROM temp.shown s CROSS JOIN newest_results n ON n.name = s.name AND n.environment = s.qualifier "
                "JOIN results r ON r.run = n.run AND r.name = n.name WHERE s.kind = 'benchmark'"
            )
        ],
        runs=[
            NewestRun(
                benchmark,
                environment,
                project,
                run_id,
                commit_hash,
                format_name,
                timestamp,
                bool(failed),
            )
            for benchmark, environment, project, run_id, commit_hash, format_name, timestamp, failed in query(
                "SELECT n.benchmark, n.environment, project, run_id, commit_hash, format, timestamp_seconds, failed "
                "FROM temp.shown s CROSS JOIN newest_runs n ON n.benchmark = s.name AND n.environment = s.qualifier "
                "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'"
            )
        ],
        gate_outcomes=gate_outcomes,
        gate_runs={
            benchmark: GateRun(*run)
            for benchmark, *run in query(
                "SELECT benchmark, run_id, project, timestamp_seconds FROM temp.shown_names n "
                "CROSS JOIN newest_verdicts ON benchmark = n.name JOIN runs ON runs.id = run WHERE kind = 'benchmark'"
            )
        },
        verdicts=_verdicts(connection),
        shifts=[
            # Of several machine classes the newest run's: SQLite takes bare columns from the row with the maximum.
            NewestShift(project, environment, bool(shifted))
            for project, environment, shifted, _ in query(
                "SELECT project, environment, shifted, max(rank_seconds) FROM shifts GROUP BY project, environment"
            )
        ],
        pipelines=pipelines,
        pipeline_failure_ratios=_failure_ratios(
            connection, dict.fromkeys(newest.pipeline for newest in pipelines)
        ),
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


# SQLite joins in this order where it is told to CROSS JOIN: few results have a baseline, all have a judgement.
_BASELINES = """
    SELECT b.name, b.environment, better, b.p50, s.p50, b.p95, s.p95, version, b.run_id, b.commit_hash, at_seconds
    FROM baselines b CROSS JOIN newest_judgements n ON n.name = b.name AND n.environment = b.environment
    JOIN runs ON runs.id = n.run AND runs.project = b.project AND runs.machine = b.machine
    JOIN results s ON s.run = n.run AND s.name = n.name AND s.unit = b.unit
"""
_VERDICTS = """
    SELECT benchmark, n.name, n.environment, project, commit_hash, passed_commit, unit, j.state, value, rolling, pinned, reference,
        limit_value, worsening_ratio, noise_ratio, run_count, suppressed
    FROM temp.shown s CROSS JOIN newest_judgements n ON n.name = s.name AND n.environment = s.qualifier
    JOIN judgements j ON j.run = n.run AND j.name = n.name JOIN results r ON r.run = n.run AND r.name = n.name JOIN runs ON runs.id = n.run
    WHERE s.kind = 'benchmark'
"""


def _verdicts(connection: sqlite3.Connection) -> list[NewestVerdict]:
    baselines = {
        (name, environment): NewestBaseline(
            version,
            run_id,
            commit_hash,
            at,
            _speedup(better, p50, new_p50),
            _speedup(better, p95, new_p95),
        )
        for name, environment, better, p50, new_p50, p95, new_p95, version, run_id, commit_hash, at in connection.execute(
            _BASELINES
        )
    }
    return [
        NewestVerdict(
            *(benchmark, name, environment, project, commit, passed_commit, unit),
            verdict=Verdict(*verdict),
            baseline=baselines.get((name, environment)),
        )
        for benchmark, name, environment, project, commit, passed_commit, unit, *verdict in connection.execute(
            _VERDICTS
        )
    ]


def _speedup(better: Better, pinned: float | None, newest: float | None) -> float | None:
    """How many times better: of what had better be low the old over the new, else the other way round."""
    if pinned is None or newest is None or pinned <= 0 or newest <= 0:
        return None
    return pinned / newest if better == "lower" else newest / pinned


def _read_counters(connection: sqlite3.Connection) -> Mapping[str, Sequence[RunningTotal]]:
    query = connection.execute
    rows: list[tuple[Any, ...]] = []
    for name, kind in SUBJECT_COUNTERS.items():
        rows += query(
            "SELECT c.name, labels, value, born_seconds FROM temp.shown_names s "
            "CROSS JOIN counters c ON c.name = ? AND labels > prefix AND labels < after WHERE kind = ?",
            (name, kind),
        )
    apart = to_json([*SUBJECT_COUNTERS, NOTIFICATIONS])
    rows += query(
        "SELECT name, labels, value, born_seconds FROM counters WHERE name NOT IN (SELECT value FROM json_each(?))",
        (apart,),
    )
    counters: dict[str, list[RunningTotal]] = {}
    for name, labels, value, born in rows:
        counters.setdefault(name, []).append(RunningTotal(tuple(from_json(labels)), value, born))
    notifications = query(
        "SELECT labels, value, born_seconds FROM counters WHERE name = ? ORDER BY born_seconds, labels",
        (NOTIFICATIONS,),
    ).fetchall()
    if notifications:
        counters[NOTIFICATIONS] = _bounded(
            RunningTotal(tuple(from_json(labels)), value, born)
            for labels, value, born in notifications
        )
    return counters


def _read_histograms(connection: sqlite3.Connection) -> Mapping[str, Sequence[Histogram]]:
    query = connection.execute
    rows: list[tuple[Any, ...]] = []
    for name, kind in SUBJECT_HISTOGRAMS.items():
        rows += query(
            "SELECT h.name, labels, bounds, counts, total, born_seconds FROM temp.shown_names s "
            "CROSS JOIN histograms h ON h.name = ? AND labels > prefix AND labels < after WHERE kind = ?",
            (name, kind),
        )
    apart = to_json([*SUBJECT_HISTOGRAMS])
    rows += query(
        "SELECT name, labels, bounds, counts, total, born_seconds FROM histograms WHERE name NOT IN (SELECT value FROM json_each(?))",
        (apart,),
    )
    histograms: dict[str, list[Histogram]] = {}
    for name, labels, bounds, counts, total, born in rows:
        histograms.setdefault(name, []).append(
            Histogram(tuple(from_json(labels)), *_buckets(bounds, counts), total, born)
        )
    return histograms


def _bounded(notifications: Iterable[RunningTotal]) -> list[RunningTotal]:
    """The first counters, and the sums by status of all others."""
    first: list[RunningTotal] = []
    others: dict[Labels, RunningTotal] = {}
    for counter in notifications:
        if len(first) < NOTIFICATION_COUNTERS:
            first.append(counter)
            continue
        labels = (OTHER_NOTIFICATIONS, OTHER_NOTIFICATIONS, counter.labels[-1])
        known = others.get(labels, RunningTotal(labels, 0, counter.born_seconds))
        others[labels] = replace(known, value=known.value + counter.value)
    return [*first, *others.values()]


def _read_returned(
    connection: sqlite3.Connection, after_seconds: float
) -> tuple[Mapping[tuple[str, Labels], RunningTotal], Mapping[tuple[str, Labels], Histogram]]:
    counters, histograms = {}, {}
    for name, text, at, bounds, counts, total in connection.execute(
        "SELECT * FROM returned WHERE at_seconds > ?", (after_seconds,)
    ):
        labels = tuple(from_json(text))
        if bounds is None:
            counters[name, labels] = RunningTotal(labels, total, at)
        else:
            histograms[name, labels] = Histogram(labels, *_buckets(bounds, counts), total, at)
    return counters, histograms


def _buckets(bounds: str, counts: str) -> tuple[tuple[float, ...], tuple[int, ...]]:
    return tuple(from_json(bounds)), tuple(from_json(counts))


def newest_commits(connection: sqlite3.Connection, benchmark: str) -> Iterator[RunningTotal]:
    """A benchmark's regressions by commit, of each severity those of its newest commits."""
    for severity in SEVERITIES:
        for commit_hash, value, born in connection.execute(
            "SELECT commit_hash, value, born_seconds FROM commit_regressions WHERE benchmark = ? AND severity = ? "
            "ORDER BY rank_seconds DESC, commit_hash LIMIT ?",
            (benchmark, severity, COMMITS_SHOWN),
        ):
            yield RunningTotal((benchmark, severity, commit_hash), value, born)


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
