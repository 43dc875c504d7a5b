"""What has happened, in SQLite: the only place that uses sqlite3.

Contract
- One thread writes and reads, the one that opened it. A scrape never comes here.
- `transaction()` is all or nothing. What happened (runs, results, verdicts, pipeline runs, rejections) and the running totals that a
  scrape shows (counters, histograms) change together, so a crash at any instant loses nothing and counts nothing twice.
- A document is known by the digest of its bytes; a run by (project, run_id, digest of its measurements).
- Every commit that changes the state carries a number, `commits`.
"""

import hashlib
import json
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.model import PipelineRun, Rejected, Result, Run, Severity, Statistics, Verdict

Labels = tuple[str, ...]

# Applied in order, each in one transaction with its number. Never edit one that was released; append.
MIGRATIONS = (
    """
    CREATE TABLE files (path TEXT PRIMARY KEY, inode INTEGER, size_bytes INTEGER, ctime_ns INTEGER, digest BLOB,
        reason TEXT, place TEXT, detail TEXT, at_seconds REAL NOT NULL);
    CREATE TABLE documents (digest BLOB PRIMARY KEY, format TEXT NOT NULL, at_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE runs (id INTEGER PRIMARY KEY, project TEXT NOT NULL, run_id TEXT NOT NULL, measurements BLOB NOT NULL,
        format TEXT NOT NULL, environment TEXT NOT NULL, commit_hash TEXT NOT NULL, timestamp_seconds REAL NOT NULL,
        suite_duration_seconds REAL, ingested_seconds REAL NOT NULL, UNIQUE (project, run_id, measurements));
    CREATE TABLE results (run INTEGER NOT NULL REFERENCES runs, benchmark TEXT NOT NULL, variant TEXT NOT NULL,
        p50_seconds REAL NOT NULL, p95_seconds REAL NOT NULL, p99_seconds REAL, mean_seconds REAL, min_seconds REAL,
        max_seconds REAL, stddev_seconds REAL, sample_count INTEGER, cv_ratio REAL, PRIMARY KEY (run, benchmark, variant)) WITHOUT ROWID;
    CREATE TABLE verdicts (run INTEGER NOT NULL REFERENCES runs, benchmark TEXT NOT NULL, speedup_p50_ratio REAL NOT NULL,
        speedup_p95_ratio REAL, min_speedup_p50_ratio REAL NOT NULL, min_speedup_p95_ratio REAL, max_p95_seconds REAL,
        criteria TEXT NOT NULL, passed INTEGER NOT NULL, decided INTEGER NOT NULL, severity TEXT, counted TEXT,
        PRIMARY KEY (run, benchmark)) WITHOUT ROWID;
    CREATE TABLE newest_results (benchmark TEXT, variant TEXT, environment TEXT, run INTEGER NOT NULL, timestamp_seconds REAL NOT NULL,
        PRIMARY KEY (benchmark, variant, environment)) WITHOUT ROWID;
    CREATE TABLE newest_runs (benchmark TEXT, environment TEXT, run INTEGER NOT NULL, timestamp_seconds REAL NOT NULL,
        PRIMARY KEY (benchmark, environment)) WITHOUT ROWID;
    CREATE TABLE newest_verdicts (benchmark TEXT PRIMARY KEY, run INTEGER NOT NULL, timestamp_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE pipeline_runs (pipeline TEXT, branch TEXT NOT NULL, trigger TEXT NOT NULL, run_id TEXT, passed INTEGER NOT NULL,
        timestamp_seconds REAL, duration_seconds REAL, PRIMARY KEY (pipeline, timestamp_seconds, run_id)) WITHOUT ROWID;
    CREATE TABLE rejections (at_seconds REAL NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL, place TEXT NOT NULL, detail TEXT NOT NULL);
    CREATE TABLE counters (name TEXT, labels TEXT, value INTEGER NOT NULL, born_seconds REAL NOT NULL, changed_seconds REAL NOT NULL,
        PRIMARY KEY (name, labels)) WITHOUT ROWID;
    CREATE TABLE histograms (name TEXT, labels TEXT, counts TEXT NOT NULL, total REAL NOT NULL, born_seconds REAL NOT NULL,
        PRIMARY KEY (name, labels)) WITHOUT ROWID;
    CREATE INDEX runs_by_duration ON runs (id) WHERE suite_duration_seconds IS NOT NULL;
    """,
)


class LedgerError(Exception):
    """The ledger cannot be used; the message names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A running total, and when its series was born (seconds since 1970)."""

    labels: Labels
    value: int
    born_seconds: float
    changed_seconds: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations a bucket, not cumulated, the last beyond every bound; and their sum."""

    labels: Labels
    counts: tuple[int, ...]
    total: float
    born_seconds: float


@dataclass(frozen=True, slots=True)
class NewestResult:
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
class State:
    """All that a scrape shows, as one commit left it."""

    commits: int
    counters: Mapping[str, Sequence[Counter]]
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
    last_ingest_seconds: float


class Ledger:
    """See the module's contract. `path` is the database file; its folder must exist and be writable."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
            # WAL with synchronous FULL: a commit that returned is on the disk.
            self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            self._migrate()
        except sqlite3.Error as error:
            raise LedgerError(f"{path}: {error}; is its folder there and writable, and the file a ledger?") from error

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(self._connection)
            yield transaction
            if transaction.changed:
                self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'commits'")
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def signatures(self) -> dict[str, tuple[int, int, int]]:
        """The signature every known file had when it was last read, by its name."""
        rows = self._connection.execute("SELECT path, inode, size_bytes, ctime_ns FROM files")
        return {path: (inode, size, ctime) for path, inode, size, ctime in rows}

    def state(self) -> State:
        """What the newest commit left."""
        query = self._connection.execute
        (commits,) = query("SELECT value FROM meta WHERE key = 'commits'").fetchone()
        counters: dict[str, list[Counter]] = {}
        for name, labels, *rest in query("SELECT name, labels, value, born_seconds, changed_seconds FROM counters"):
            counters.setdefault(name, []).append(Counter(tuple(json.loads(labels)), *rest))
        histograms: dict[str, list[Histogram]] = {}
        for name, labels, counts, total, born in query("SELECT name, labels, counts, total, born_seconds FROM histograms"):
            histograms.setdefault(name, []).append(Histogram(tuple(json.loads(labels)), tuple(json.loads(counts)), total, born))
        durations = [
            value
            for (value,) in query(
                "SELECT suite_duration_seconds FROM runs WHERE suite_duration_seconds IS NOT NULL ORDER BY id DESC LIMIT 100"
            )
        ]
        duration_count, duration_sum = query(
            "SELECT count(*), total(suite_duration_seconds) FROM runs WHERE suite_duration_seconds IS NOT NULL"
        ).fetchone()
        (last_ingest,) = query("SELECT coalesce(max(at_seconds), 0) FROM documents").fetchone()
        return State(
            commits=commits,
            counters=counters,
            histograms=histograms,
            results=[
                NewestResult(environment, Result(benchmark, variant, Statistics(*statistics), samples, cv))
                for environment, benchmark, variant, *statistics, samples, cv in query(
                    "SELECT n.environment, benchmark, variant, p50_seconds, p95_seconds, p99_seconds, mean_seconds, min_seconds, "
                    "max_seconds, stddev_seconds, sample_count, cv_ratio FROM newest_results n JOIN results USING (run, benchmark, variant)"
                )
            ],
            runs=[
                NewestRun(*row)
                for row in query(
                    "SELECT n.benchmark, n.environment, project, run_id, commit_hash, format, n.timestamp_seconds "
                    "FROM newest_runs n JOIN runs ON runs.id = n.run"
                )
            ],
            verdicts=[
                NewestVerdict(*row[:6], criteria=json.loads(row[6]), passed=bool(row[7]), severity=row[8])
                for row in query(
                    "SELECT benchmark, speedup_p50_ratio, speedup_p95_ratio, min_speedup_p50_ratio, min_speedup_p95_ratio, "
                    "max_p95_seconds, criteria, passed, severity FROM newest_verdicts JOIN verdicts USING (run, benchmark)"
                )
            ],
            pipelines=[
                NewestPipeline(pipeline, branch, trigger, bool(passed))
                for pipeline, branch, trigger, passed, _ in query(
                    "SELECT pipeline, branch, trigger, passed, max(timestamp_seconds) FROM pipeline_runs GROUP BY pipeline, branch, trigger"
                )
            ],
            pipeline_failure_ratios=dict(
                query(
                    "SELECT pipeline, 1.0 - avg(passed) FROM (SELECT pipeline, passed, "
                    "row_number() OVER (PARTITION BY pipeline ORDER BY timestamp_seconds DESC, run_id DESC) AS age FROM pipeline_runs) "
                    "WHERE age <= 20 GROUP BY pipeline HAVING count(*) >= 5"
                )
            ),
            suite_durations_seconds=durations,
            suite_duration_count=duration_count,
            suite_duration_sum_seconds=duration_sum,
            rejected_files=[
                RejectedFile(*row)
                for row in query("SELECT path, reason, place, detail, at_seconds FROM files WHERE reason IS NOT NULL ORDER BY at_seconds DESC")
            ],
            last_ingest_seconds=last_ingest,
        )

    def _migrate(self) -> None:
        execute = self._connection.execute
        execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")
        execute("INSERT OR IGNORE INTO meta VALUES ('schema', 0), ('commits', 0)")
        (applied,) = execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        if applied > len(MIGRATIONS):
            raise LedgerError(f"the ledger was written by a newer version (schema {applied}, this one knows {len(MIGRATIONS)})")
        for number, script in enumerate(MIGRATIONS[applied:], applied + 1):
            self._connection.executescript(f"BEGIN IMMEDIATE; {script} UPDATE meta SET value = {number} WHERE key = 'schema'; COMMIT;")


class Transaction:
    """Changes of one transaction; made by `Ledger.transaction`. `changed` tells whether a scrape would show something new."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self.changed = False

    def known(self, digest: bytes) -> bool:
        """Whether a document of these bytes has been ingested."""
        return self._execute("SELECT 1 FROM documents WHERE digest = ?", (digest,)).fetchone() is not None

    def digest_of(self, path: str) -> bytes | None:
        """The digest that the file had when it was last read."""
        row = self._execute("SELECT digest FROM files WHERE path = ?", (path,)).fetchone()
        return None if row is None else row[0]

    def record_file(self, path: str, signature: tuple[int, int, int], digest: bytes | None, rejected: Rejected | None, at: float) -> None:
        """What became of a file; `rejected` is None for one that was ingested or is a duplicate."""
        reason = () if rejected is None else (rejected.reason, rejected.place, rejected.detail)
        self._execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (path, *signature, digest, *(reason or (None,) * 3), at)
        )
        if rejected is not None:
            self._execute("INSERT INTO rejections VALUES (?, ?, ?, ?, ?)", (at, path, *reason))
        self.changed = True

    def forget_files(self, paths: Sequence[str]) -> None:
        """Files that are no longer in the folder."""
        for path in paths:
            self._execute("DELETE FROM files WHERE path = ?", (path,))
            self.changed = True

    def record_document(self, digest: bytes, format_name: str, at: float) -> None:
        self._execute("INSERT INTO documents VALUES (?, ?, ?)", (digest, format_name, at))
        self.changed = True

    def add_run(self, run: Run, project: str, environment: str, at: float) -> tuple[int, bool, bool]:
        """The run's row, whether it is new, and whether its run_id was taken by a run with other measurements."""
        measurements = hashlib.sha256(repr((run.timestamp_seconds, run.results)).encode()).digest()
        row = self._execute(
            "SELECT id FROM runs WHERE project = ? AND run_id = ? AND measurements = ?", (project, run.run_id, measurements)
        ).fetchone()
        if row is not None:
            return row[0], False, False
        conflict = self._execute("SELECT 1 FROM runs WHERE project = ? AND run_id = ?", (project, run.run_id)).fetchone() is not None
        cursor = self._execute(
            "INSERT INTO runs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(project, run.run_id, measurements, run.format, environment, run.commit_hash),
                *(run.timestamp_seconds, run.suite_duration_seconds, at),
            ),
        )
        run_row = cursor.lastrowid
        assert run_row is not None
        newest = "ON CONFLICT DO UPDATE SET run = excluded.run, timestamp_seconds = excluded.timestamp_seconds "
        newest += "WHERE excluded.timestamp_seconds >= timestamp_seconds"
        for result in run.results:
            s = result.statistics
            self._execute(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(run_row, result.benchmark, result.variant, s.p50_seconds, s.p95_seconds, s.p99_seconds),
                    *(s.mean_seconds, s.min_seconds, s.max_seconds, s.stddev_seconds, result.sample_count, result.cv_ratio),
                ),
            )
            key = (result.benchmark, result.variant, environment, run_row, run.timestamp_seconds)
            self._execute(f"INSERT INTO newest_results VALUES (?, ?, ?, ?, ?) {newest}", key)
        for benchmark in dict.fromkeys(result.benchmark for result in run.results):
            key = (benchmark, environment, run_row, run.timestamp_seconds)
            self._execute(f"INSERT INTO newest_runs VALUES (?, ?, ?, ?) {newest}", key)
        for comparison in run.comparisons:
            key = (comparison.benchmark, run_row, run.timestamp_seconds)
            self._execute(f"INSERT INTO newest_verdicts VALUES (?, ?, ?) {newest}", key)
        self.changed = True
        return run_row, True, conflict

    def record_verdict(self, run: int, verdict: Verdict, speedup_p50: float, speedup_p95: float | None) -> Severity | None:
        """The verdict on a run. One that a tool gave stays when a document of the same run comes without.

        Returns the severity to count as a regression, None where there is none or the run has been counted.
        """
        decided = verdict.gate.passed is not None
        before = self._execute("SELECT decided, counted FROM verdicts WHERE run = ? AND benchmark = ?", (run, verdict.benchmark)).fetchone()
        if before is not None and before[0] and not decided:
            return None
        counted = before[1] if before is not None else None
        gate = verdict.gate
        self._execute(
            "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(run, verdict.benchmark, speedup_p50, speedup_p95, gate.min_speedup_p50_ratio, gate.min_speedup_p95_ratio),
                *(gate.max_p95_seconds, json.dumps(dict(verdict.criteria)), verdict.passed, decided),
                *(verdict.severity, counted or verdict.severity),
            ),
        )
        self.changed = True
        return verdict.severity if counted is None else None

    def add_pipeline_run(self, run: PipelineRun) -> bool:
        """Whether the pipeline's run is new."""
        cursor = self._execute(
            "INSERT OR IGNORE INTO pipeline_runs VALUES (?, ?, ?, ?, ?, ?, ?)",
            (run.pipeline, run.branch, run.trigger, run.run_id, run.passed, run.timestamp_seconds, run.duration_seconds),
        )
        self.changed = True
        return cursor.rowcount == 1

    def count(self, name: str, labels: Labels, at: float, by: int = 1) -> None:
        """Adds to a counter; by 0 only makes its series known."""
        self._execute(
            "INSERT INTO counters VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value, "
            "changed_seconds = CASE excluded.value WHEN 0 THEN changed_seconds ELSE excluded.changed_seconds END",
            (name, json.dumps(labels), by, at, at),
        )
        self.changed = True

    def observe(self, name: str, labels: Labels, value: float, bounds: Sequence[float], at: float) -> None:
        """Adds one observation to a histogram with the given upper bounds.

        Should the bounds have changed since, the histogram starts anew: old counts cannot be dealt out to new buckets.
        """
        key = (name, json.dumps(labels))
        row = self._execute("SELECT counts, total, born_seconds FROM histograms WHERE name = ? AND labels = ?", key).fetchone()
        counts, total, born = (json.loads(row[0]), row[1], row[2]) if row is not None else ([], 0.0, at)
        if len(counts) != len(bounds) + 1:
            counts, total, born = [0] * (len(bounds) + 1), 0.0, at
        counts[bisect_left(bounds, value)] += 1
        self._execute("INSERT OR REPLACE INTO histograms VALUES (?, ?, ?, ?, ?)", (*key, json.dumps(counts), total + value, born))
        self.changed = True
