"""Past runs, read from a ledger while its exporter goes on writing: read-only, in transactions so short that they hold nothing up."""

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.schema import MIGRATIONS
from benchmark_exporter.ledger.state import NewestGateOutcome, from_json
from benchmark_exporter.model import Failure, PipelineRun, Result, Statistics, Verdict

PAGE_RUNS = 500

_RUNS = """
    SELECT id, project, run_id, format, environment, commit_hash, branch, timestamp_seconds, ingested_seconds, suite_duration_seconds
    FROM runs WHERE
"""
# What is NULL or 0 is not asked for.
_SELECTED = """
    (:environment IS NULL OR environment = :environment) AND (:project IS NULL OR project = :project)
    AND (:branch IS NULL OR branch = :branch) AND (:commit_hash IS NULL OR substr(commit_hash, 1, length(:commit_hash)) = :commit_hash)
    AND (:benchmark IS NULL
        OR EXISTS (SELECT 1 FROM results WHERE run = id AND (benchmark GLOB :benchmark OR name GLOB :benchmark))
        OR EXISTS (SELECT 1 FROM failures WHERE run = id AND benchmark GLOB :benchmark))
    AND (NOT :failed OR EXISTS (SELECT 1 FROM failures WHERE run = id) OR EXISTS (SELECT 1 FROM verdicts WHERE run = id AND NOT passed))
"""
# A page begins after the run that the page before ended with.
_NEWEST_FIRST = f"""{_RUNS} (timestamp_seconds, id) < (:at, :after) AND timestamp_seconds >= :since AND {_SELECTED}
    ORDER BY timestamp_seconds DESC, id DESC LIMIT :limit
"""
_OLDEST_FIRST = f"""{_RUNS} (timestamp_seconds, id) > (:at, :after) AND timestamp_seconds < :until AND {_SELECTED}
    ORDER BY timestamp_seconds, id LIMIT :limit
"""
_COUNT = f"SELECT count(*) FROM runs WHERE timestamp_seconds >= :since AND timestamp_seconds < :until AND {_SELECTED}"  # noqa: S608  # constants
_RESULTS = """
    SELECT benchmark, variant, p50, p95, p99, mean, min, max, stddev, sample_count, cv_ratio, unit, better FROM results
    WHERE run = :run AND (:benchmark IS NULL OR benchmark GLOB :benchmark OR name GLOB :benchmark) ORDER BY name
"""
_FAILURES = """
    SELECT benchmark, error FROM failures WHERE run = :run AND (:benchmark IS NULL OR benchmark GLOB :benchmark) ORDER BY benchmark
"""
_GATE_OUTCOMES = """
    SELECT benchmark, speedup_p50_ratio, speedup_p95_ratio, min_speedup_p50_ratio, min_speedup_p95_ratio, max_p95_seconds, criteria, passed,
        severity
    FROM verdicts WHERE run = ? ORDER BY benchmark
"""
_VERDICTS = """
    SELECT name, state, value, rolling, pinned, reference, limit_value, worsening_ratio, noise_ratio, run_count, suppressed
    FROM judgements WHERE run = ? ORDER BY name
"""
_PIPELINE_RUNS = """
    SELECT timestamp_seconds, pipeline, run_id, branch, trigger, passed, duration_seconds FROM pipeline_runs
    WHERE (timestamp_seconds, pipeline, run_id, branch, trigger, passed) > (?, ?, ?, ?, ?, ?) AND timestamp_seconds < ?
    ORDER BY timestamp_seconds, pipeline, run_id, branch, trigger, passed LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs are meant; None for what does not matter.

    `benchmark` is a glob of a benchmark's name, with or without its variant; a selected run comes with these results only. `commit_hash`
    may be the beginning of one. Times are of the runs' documents, in seconds since 1970, from `since` on and before `until`.
    `failed` are runs with a failed benchmark or a gate that was not passed.
    """

    benchmark: str | None = None
    environment: str | None = None
    project: str | None = None
    commit_hash: str | None = None
    branch: str | None = None
    since_seconds: float = -math.inf
    until_seconds: float = math.inf
    failed: bool = False

    @property
    def parameters(self) -> Mapping[str, object]:
        """The values of the statements' parameters."""
        return {
            "benchmark": self.benchmark,
            "environment": self.environment,
            "project": self.project,
            "commit_hash": self.commit_hash,
            "branch": self.branch,
            "since": self.since_seconds,
            "until": self.until_seconds,
            "failed": self.failed,
        }


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as the ledger keeps it, without its samples. `row` is its number in the ledger; 0 for a run that is in none.

    `judgements` are by the names of the results. Some have none: those of a run that came in after a newer one.
    """

    row: int
    project: str
    run_id: str
    format: str
    environment: str
    commit_hash: str
    branch: str
    timestamp_seconds: float
    ingested_seconds: float
    suite_duration_seconds: float | None
    results: Sequence[Result]
    failures: Sequence[Failure]
    gate_outcomes: Sequence[NewestGateOutcome]
    verdicts: Mapping[str, Verdict]


class History:
    """The runs of the ledger at a path. Every method raises LedgerError where it cannot be read; the message says why and what to do."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise LedgerError(
                f"{path}: there is no such ledger; name the file that `serve` was given with --ledger"
            )
        with self._errors_named():
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
        try:
            self._check_schema()
        except LedgerError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def newest_first(self, selection: Selection, limit: int) -> Iterator[RecordedRun]:
        """The newest runs by their documents' times."""
        place = {"at": selection.until_seconds, "after": -1}
        while limit > 0:
            page = self._page(_NEWEST_FIRST, selection, place | {"limit": min(limit, PAGE_RUNS)})
            yield from page
            limit = limit - len(page) if page else 0
            place = {"at": page[-1].timestamp_seconds, "after": page[-1].row} if page else place

    def oldest_first(self, selection: Selection) -> Iterator[RecordedRun]:
        """All runs that are selected."""
        place = {"at": selection.since_seconds, "after": -1}
        while page := self._page(_OLDEST_FIRST, selection, place | {"limit": PAGE_RUNS}):
            yield from page
            place = {"at": page[-1].timestamp_seconds, "after": page[-1].row}

    def count(self, selection: Selection) -> int:
        """How many runs are selected."""
        with self._errors_named():
            (runs,) = self._connection.execute(_COUNT, selection.parameters).fetchone()
        return int(runs)

    def pipeline_runs(
        self, since_seconds: float = -math.inf, until_seconds: float = math.inf
    ) -> Iterator[PipelineRun]:
        """Runs of CI pipelines of a time, oldest first."""
        place: tuple[object, ...] = (since_seconds, "", "", "", "", -1)
        while True:
            with self._errors_named():
                page = self._connection.execute(
                    _PIPELINE_RUNS, (*place, until_seconds, PAGE_RUNS)
                ).fetchall()
            if not page:
                return
            for timestamp, pipeline, run_id, branch, trigger, passed, duration in page:
                yield PipelineRun(
                    "pipeline", pipeline, branch, trigger, run_id, bool(passed), timestamp, duration
                )
            place = page[-1][:6]

    def _page(
        self, statement: str, selection: Selection, more: Mapping[str, object]
    ) -> list[RecordedRun]:
        with self._errors_named():
            self._connection.execute("BEGIN")
            try:
                rows = self._connection.execute(
                    statement, {**selection.parameters, **more}
                ).fetchall()
                return [self._run(row, selection.benchmark) for row in rows]
            finally:
                self._connection.execute("COMMIT")

    def _run(self, row: tuple[Any, ...], benchmark: str | None) -> RecordedRun:
        wanted = {"run": row[0], "benchmark": benchmark}
        results = [
            Result(of, variant, Statistics(*statistics), samples, cv, unit, better)
            for of, variant, *statistics, samples, cv, unit, better in self._connection.execute(
                _RESULTS, wanted
            )
        ]
        failures = [Failure(*row) for row in self._connection.execute(_FAILURES, wanted)]
        gate_outcomes = [
            NewestGateOutcome(
                of, p50, p95, min_p50, min_p95, max_p95, from_json(criteria), bool(passed), severity
            )
            for of, p50, p95, min_p50, min_p95, max_p95, criteria, passed, severity in self._connection.execute(
                _GATE_OUTCOMES, row[:1]
            )
        ]
        names = {result.name for result in results}
        verdicts = {
            name: Verdict(*(*verdict, bool(suppressed)))
            for name, *verdict, suppressed in self._connection.execute(_VERDICTS, row[:1])
            if name in names
        }
        if benchmark is not None:
            shown = {result.benchmark for result in results} | {
                failure.benchmark for failure in failures
            }
            gate_outcomes = [
                gate_outcome for gate_outcome in gate_outcomes if gate_outcome.benchmark in shown
            ]
        (
            number,
            project,
            run_id,
            format_name,
            environment,
            commit_hash,
            branch,
            timestamp,
            ingested,
            duration,
        ) = row
        return RecordedRun(
            row=number,
            project=project,
            run_id=run_id,
            format=format_name,
            environment=environment,
            commit_hash=commit_hash,
            branch=branch,
            timestamp_seconds=timestamp,
            ingested_seconds=ingested,
            suite_duration_seconds=duration,
            results=results,
            failures=failures,
            gate_outcomes=gate_outcomes,
            verdicts=verdicts,
        )

    def _check_schema(self) -> None:
        with self._errors_named():
            (schema,) = self._connection.execute("PRAGMA user_version").fetchone()
        if schema > len(MIGRATIONS):
            raise LedgerError(
                f"{self._path}: schema {schema} was written by a newer version of the exporter, this one knows {len(MIGRATIONS)}; "
                "use that version's benchmark-exporter"
            )
        if schema < len(MIGRATIONS):
            raise LedgerError(
                f"{self._path}: is no ledger yet, or one of an older version (schema {schema}, this one reads {len(MIGRATIONS)}); "
                "start `benchmark-exporter serve` of this version with it once"
            )

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise LedgerError(
                f"{self._path}: {error}; is it a ledger, and can this user write to its folder, which SQLite needs even to read?"
            ) from error
