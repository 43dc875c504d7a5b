"""Runs and baselines that `diff` compares, and how much their series vary."""

import math
import sqlite3
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.reading import read_only
from benchmark_exporter.model import Better

Kind = Literal["run", "commit", "branch", "environment", "baseline"]
KINDS: Sequence[Kind] = ("run", "commit", "branch", "environment", "baseline")

# Of the runs of a side, at most so many are considered, the newest ones.
MOST_RUNS = 1_000
# How many runs of a series show its noise, and how many at least.
NOISE_RUNS, LEAST_NOISE_RUNS = 30, 10

_SELECTED = """
    AND (:project IS NULL OR project = :project)
    AND (:environment IS NULL OR environment = :environment)
    AND (:machine_class IS NULL OR machine GLOB :machine_class)
"""
_IS: Mapping[Kind, str] = {
    "run": "(id = :row OR run_id = :name)",
    "commit": "substr(commit_hash, 1, length(:name)) = :name",
    "branch": "iif(branch = '', line, branch) = :name",
    "environment": "environment = :name",
}


class SideRun(msgspec.Struct, frozen=True):
    """A run of a side; `row` is its number in the ledger, its time in seconds since 1970."""

    row: int
    project: str
    run_id: str
    environment: str
    machine_class: str
    line: str
    commit_hash: str
    timestamp_seconds: float


class SideResult(msgspec.Struct, frozen=True):
    """A result of a run: its value is the median, or the mean where there is none.

    `better` is None where it is not known which direction is, as for baselines.
    """

    project: str
    environment: str
    machine_class: str
    line: str
    name: str
    unit: str
    better: Better | None
    value: float


class SideSelection(msgspec.Struct, frozen=True):
    """Which runs are considered, and of them which results; None for all.

    `benchmark` and `machine_class` are globs.
    """

    project: str | None = None
    environment: str | None = None
    machine_class: str | None = None
    benchmark: str | None = None


_RUN_NAMES = {"row": "id", "machine_class": "machine"}
_RUNS = {
    kind: Columns(SideRun, names=_RUN_NAMES).query(
        f"FROM runs WHERE {condition} {_SELECTED} "
        "ORDER BY timestamp_seconds DESC, tie DESC, id DESC LIMIT :limit"
    )
    for kind, condition in _IS.items()
}
_OF_BENCHMARK = "(:benchmark IS NULL OR benchmark GLOB :benchmark OR name GLOB :benchmark)"
_RESULTS = Columns(SideResult, names={"machine_class": "machine"}).query(
    f"FROM results JOIN runs ON runs.id = results.run WHERE run = :row AND {_OF_BENCHMARK} "
    "AND coalesce(p50, mean) > 0",
    value="coalesce(p50, mean)",
)
_BASELINES = Columns(SideResult, names={"line": "branch"}).query(
    "FROM baselines WHERE (:name = '' OR version = :name) "
    "AND (:project IS NULL OR project = :project) "
    "AND (:environment IS NULL OR environment = :environment) "
    "AND (:machine_class IS NULL OR machine_class GLOB :machine_class) "
    "AND (:benchmark IS NULL OR name GLOB :benchmark OR name GLOB :benchmark || '/*') "
    "ORDER BY at_seconds DESC LIMIT :limit",
    value="coalesce(p50, value)",
    better="NULL",
)
_VARIATION = """
    SELECT coalesce(p50, mean) FROM (
        SELECT id, rank_seconds, tie FROM runs WHERE project = ? AND environment = ?
        AND machine = ? AND line = ? AND tracked ORDER BY rank_seconds DESC, tie DESC LIMIT ?
    ) JOIN results ON results.run = id WHERE name = ? AND unit = ? AND coalesce(p50, mean) > 0
    ORDER BY rank_seconds DESC, tie DESC
"""


class SideReader:
    """Reads runs and baselines in one transaction; `selection` says of which they may be."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        selection: SideSelection,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._selection = selection
        self.check = check  # raises TookTooLong

    def runs(self, kind: Kind, name: str) -> Sequence[SideRun]:
        """The runs of a side, the newest first, at most MOST_RUNS."""
        is_row = kind == "run" and name.isascii() and name.isdecimal() and len(name) < 19
        parameters = {
            **self._parameters,
            "name": name,
            "row": int(name) if is_row else -1,
            "limit": MOST_RUNS,
        }
        return list(_RUNS[kind].rows(self._connection, parameters))

    def baselines(self, version: str) -> Sequence[SideResult]:
        """Pinned baselines, of one version or of all (''), those pinned last first."""
        parameters = {**self._parameters, "name": version, "limit": MOST_RUNS}
        return list(_BASELINES.rows(self._connection, parameters))

    def results(self, run: SideRun) -> Iterator[SideResult]:
        """A run's results that have a value above 0."""
        parameters = {"row": run.row, "benchmark": self._selection.benchmark}
        return _RESULTS.rows(self._connection, parameters)

    def variation(self, result: SideResult) -> float | None:
        """How much one run of a result's series differs from the next by chance; None if unknown.

        It is the standard deviation of the logarithm of a run's value. Successive differences show
        it whatever the level does in the long run (von Neumann, Annals of Mathematical Statistics
        12, 1941); of them the median, so that a step does not count.
        """
        series = (result.project, result.environment, result.machine_class, result.line)
        wanted = (*series, NOISE_RUNS, result.name, result.unit)
        logarithms = [math.log(value) for (value,) in self._connection.execute(_VARIATION, wanted)]
        if len(logarithms) < LEAST_NOISE_RUNS:
            return None
        steps = [abs(one - other) for one, other in pairwise(logarithms)]
        normal = statistics.NormalDist().inv_cdf(0.75)
        return statistics.median(steps) / normal / math.sqrt(2)

    @property
    def _parameters(self) -> Mapping[str, object]:
        return msgspec.structs.asdict(self._selection)


@contextmanager
def read_sides(
    path: Path, selection: SideSelection, most_seconds: float | None = None
) -> Iterator[SideReader]:
    """Reads a ledger that its exporter may be writing.

    Raises:
        TookTooLong: it takes longer than `most_seconds`.
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    with read_only(path, most_seconds) as (connection, check):
        yield SideReader(connection, selection, check)
