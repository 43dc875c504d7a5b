"""Past runs, read from a ledger while its exporter goes on writing.

It is read-only, in transactions so short that they do not hold up the writer.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec
from msgspec.structs import asdict

from benchmark_exporter.ledger.columns import Columns, Query
from benchmark_exporter.ledger.connection import (
    Connect,
    connect_to_read,
    open_to_read,
    reading_errors_named,
)
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.ledger.state import NewestGateOutcome
from benchmark_exporter.ledger.tables import RESULTS
from benchmark_exporter.model import Failure, PipelineRun, Result, Scope, Verdict

PAGE_RUNS = 500

# What is NULL or 0 does not restrict the selection.
SELECTED_RUNS = """
    (:environment IS NULL OR environment = :environment)
    AND (:project IS NULL OR project = :project)
    AND (:branch IS NULL OR iif(branch = '', line, branch) GLOB :branch)
    AND (:machine_class IS NULL OR machine GLOB :machine_class)
    AND (:commit_hash IS NULL OR substr(commit_hash, 1, length(:commit_hash)) = :commit_hash)
    AND (:benchmark IS NULL
        OR EXISTS (SELECT 1 FROM results WHERE run = id
            AND (benchmark GLOB :benchmark OR name GLOB :benchmark))
        OR EXISTS (SELECT 1 FROM failures WHERE run = id AND benchmark GLOB :benchmark))
    AND (NOT :failed OR EXISTS (SELECT 1 FROM failures WHERE run = id)
        OR EXISTS (SELECT 1 FROM gate_outcomes WHERE run = id AND NOT passed))
"""


class _RunRow(msgspec.Struct, frozen=True):
    """The row of a run; see RecordedRun."""

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
    machine_class: str
    line: str
    tracked: bool
    ahead: bool
    tie: int


class _NamedVerdict(msgspec.Struct, frozen=True):
    """The verdict on a run's result, with the result's name."""

    name: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as the ledger stores it, without its samples.

    `row` is its number in the ledger; 0 for a run that is in none. `verdicts` are by the names of
    the results. Some results have none: those of a run that came in after a newer one. `branch` is
    as the document states it; `line` is the tracked branch whose series the run belongs to if
    `tracked`, and is only compared with if not. `ahead` says that it was dated in the future,
    `tie` orders runs of the same time.
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
    machine_class: str = ""
    line: str = "main"
    tracked: bool = True
    ahead: bool = False
    tie: int = 0

    @property
    def scope(self) -> Scope:
        """The scope of the series that the run belongs to or is compared with."""
        return Scope(self.project, self.environment, self.machine_class, self.line)


_RUN = Columns(_RunRow, names={"row": "id", "machine_class": "machine"})
# A page begins after the run that the page before ended with.
_NEWEST_FIRST = _RUN.query(f"""FROM runs
    WHERE (timestamp_seconds, tie, id) < (:at, :tie, :after) AND timestamp_seconds >= :since
    AND {SELECTED_RUNS} ORDER BY timestamp_seconds DESC, tie DESC, id DESC LIMIT :limit
""")
_OLDEST_FIRST = _RUN.query(f"""FROM runs
    WHERE (timestamp_seconds, tie, id) > (:at, :tie, :after) AND timestamp_seconds < :until
    AND {SELECTED_RUNS} ORDER BY timestamp_seconds, tie, id LIMIT :limit
""")
_COUNT = f"""
    SELECT count(*) FROM runs
    WHERE timestamp_seconds >= :since AND timestamp_seconds < :until AND {SELECTED_RUNS}
"""  # noqa: S608  # constants
_RESULTS = RESULTS.columns.query("""FROM results
    WHERE run = :run AND (:benchmark IS NULL OR benchmark GLOB :benchmark OR name GLOB :benchmark)
    ORDER BY name
""")
_FAILURES = Columns(Failure).query("""FROM failures
    WHERE run = :run AND (:benchmark IS NULL OR benchmark GLOB :benchmark) ORDER BY benchmark
""")
_GATE_OUTCOMES = Columns(NewestGateOutcome).query(
    "FROM gate_outcomes WHERE run = :run ORDER BY benchmark"
)
_VERDICTS = Columns(_NamedVerdict, names={"limit": "limit_value"}).query(
    "FROM verdicts WHERE run = :run ORDER BY name"
)
_PIPELINE_RUNS = Columns(PipelineRun).query(
    """FROM pipeline_runs
    WHERE (timestamp_seconds, pipeline, run_id, branch, trigger, passed, project)
        > (?, ?, ?, ?, ?, ?, ?)
    AND timestamp_seconds < ?
    ORDER BY timestamp_seconds, pipeline, run_id, branch, trigger, passed, project LIMIT ?
""",
    format="'pipeline'",
)


class History:
    """The runs of the ledger at a path.

    `connect` makes the connection, instead of `connect_to_read`. Every method raises
    LedgerError if the ledger cannot be read; the message says why and what to do.
    """

    def __init__(self, path: Path, *, connect: Connect = connect_to_read) -> None:
        self._path = path
        self._connection = open_to_read(path, connect)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def newest_first(self, selection: RunSelection, limit: int) -> Iterator[RecordedRun]:
        """The newest runs by their documents' times."""
        last: dict[str, float] = {"at": selection.until_seconds, "tie": -1, "after": -1}
        while limit > 0:
            page = self._page(_NEWEST_FIRST, selection, last | {"limit": min(limit, PAGE_RUNS)})
            yield from page
            limit = limit - len(page) if page else 0
            last = _place(page[-1]) if page else last

    def oldest_first(self, selection: RunSelection) -> Iterator[RecordedRun]:
        """All runs that are selected."""
        last: dict[str, float] = {"at": selection.since_seconds, "tie": -1, "after": -1}
        while page := self._page(_OLDEST_FIRST, selection, last | {"limit": PAGE_RUNS}):
            yield from page
            last = _place(page[-1])

    def count(self, selection: RunSelection) -> int:
        """How many runs are selected."""
        with self._errors_named():
            (runs,) = self._connection.execute(_COUNT, selection.parameters).fetchone()
        return int(runs)

    def pipeline_runs(
        self, since_seconds: float = -math.inf, until_seconds: float = math.inf
    ) -> Iterator[PipelineRun]:
        """Runs of CI pipelines of a time, oldest first."""
        last: tuple[object, ...] = (since_seconds, "", "", "", "", -1, "")
        while True:
            with self._errors_named():
                page = list(
                    _PIPELINE_RUNS.rows(self._connection, (*last, until_seconds, PAGE_RUNS))
                )
            if not page:
                return
            yield from page
            run = page[-1]
            last = (
                *(run.timestamp_seconds, run.pipeline, run.run_id),
                *(run.branch, run.trigger, run.passed, run.project),
            )

    def _page(
        self, query: Query[_RunRow], selection: RunSelection, more: Mapping[str, object]
    ) -> list[RecordedRun]:
        with self._errors_named():
            self._connection.execute("BEGIN")
            try:
                rows = query.rows(self._connection, {**selection.parameters, **more})
                return [self._run(row, selection.benchmark) for row in list(rows)]
            finally:
                self._connection.execute("COMMIT")

    def _run(self, row: _RunRow, benchmark: str | None) -> RecordedRun:
        run = {"run": row.row}
        wanted = {"benchmark": benchmark, **run}
        results = list(_RESULTS.rows(self._connection, wanted))
        failures = list(_FAILURES.rows(self._connection, wanted))
        gate_outcomes = list(_GATE_OUTCOMES.rows(self._connection, run))
        names = {result.name for result in results}
        if benchmark is not None:
            shown = {result.benchmark for result in results}
            shown |= {failure.benchmark for failure in failures}
            gate_outcomes = [outcome for outcome in gate_outcomes if outcome.benchmark in shown]
        return RecordedRun(
            **asdict(row),
            results=results,
            failures=failures,
            gate_outcomes=gate_outcomes,
            verdicts={
                named.name: named.verdict
                for named in _VERDICTS.rows(self._connection, run)
                if named.name in names
            },
        )

    def _errors_named(self) -> AbstractContextManager[None]:
        return reading_errors_named(self._path)


def _place(run: RecordedRun) -> dict[str, float]:
    return {"at": run.timestamp_seconds, "tie": run.tie, "after": run.row}
