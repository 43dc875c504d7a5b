"""The runs of one commit, with what became of their benchmarks.

No index has commits. So runs are searched by their times from the newest on, until there are enough
or the reader ends it: the commits that people ask for are mostly new.
"""

from collections.abc import Iterator, Sequence

import msgspec

from benchmark_exporter.judge import VerdictState
from benchmark_exporter.ledger.benchmark_reading import BenchmarkReader
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.model import Scope

# Of one run, so many results are read at most.
MOST_RESULTS = 20_000


class CommitRun(msgspec.Struct, frozen=True):
    """A run of a commit. `row` is its number in the ledger; its time is in seconds since 1970.

    `scope` is that of the series that it belongs to or is compared with; `stated_branch` is the
    branch as its document states it, '' if it states none.
    """

    row: int
    scope: Scope
    run_id: str
    stated_branch: str
    timestamp_seconds: float


class CommitResult(msgspec.Struct, frozen=True):
    """What became of a result of a run, or of a benchmark that `failed`, which has no result."""

    benchmark: str
    failed: bool
    state: VerdictState | None
    worsening_ratio: float | None


_COLUMNS = {"row": "id", "machine_class": "machine", "branch": "line", "stated_branch": "branch"}
# A plus sign keeps SQLite from reading all runs of the project before it gives the first one.
_RUNS = Columns(CommitRun, names=_COLUMNS).query(
    "FROM runs WHERE +project = :project AND commit_hash = :commit "
    "ORDER BY timestamp_seconds DESC, id DESC"
)
_RESULTS = Columns(CommitResult).query(
    "FROM results LEFT JOIN verdicts USING (run, name) WHERE run = :run LIMIT :limit",
    failed="0",
)
_FAILURES = Columns(CommitResult).query(
    "FROM failures WHERE run = :run LIMIT :limit", failed="1", state="NULL", worsening_ratio="NULL"
)


def runs_of_commit(
    reader: BenchmarkReader, project: str, commit_hash: str
) -> Iterator[tuple[CommitRun, Sequence[CommitResult]]]:
    """The runs of a project's commit, the newest first, read as they are asked for."""
    wanted = {"project": project, "commit": commit_hash}
    for run in _RUNS.rows(reader.connection, wanted):
        of_run = {"run": run.row, "limit": MOST_RESULTS}
        failures = _FAILURES.rows(reader.connection, of_run)
        yield run, [*failures, *_RESULTS.rows(reader.connection, of_run)]
