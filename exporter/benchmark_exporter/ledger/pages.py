"""Pages of runs and of results, the newest first, for the API."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmark_exporter.judge import VerdictState
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.history import SELECTED_RUNS
from benchmark_exporter.ledger.reading import read_only
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.model import Better, Statistics

PAGE_RUNS = 100


class RunItem(msgspec.Struct, frozen=True):
    """A run; `row` is its number in the ledger, `base_branch` the tracked branch of its series.

    Times are in seconds since 1970. `branch` is as the document states it, '' if it states none.
    """

    row: int
    project: str
    run_id: str
    format: str
    environment: str
    machine_class: str
    branch: str
    base_branch: str
    tracked: bool
    commit_hash: str
    timestamp_seconds: float
    ingested_seconds: float
    suite_duration_seconds: float | None
    tie: int
    result_count: int


class ResultItem(msgspec.Struct, frozen=True):
    """A run's result; statistics are in `unit`. `state` and `worsening_ratio` are its verdict's."""

    row: int
    run_id: str
    project: str
    environment: str
    machine_class: str
    branch: str
    commit_hash: str
    timestamp_seconds: float
    name: str
    benchmark: str
    variant: str
    unit: str
    better: Better | None
    statistics: Statistics
    sample_count: int | None
    state: VerdictState | None
    worsening_ratio: float | None


class RunPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of runs ended: it goes on after this run."""

    at_seconds: float
    tie: int
    row: int


class ResultPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of results ended: it goes on after the one of this name, of this run."""

    run: RunPlace
    name: str


_RUN = Columns(RunItem, names={"row": "id", "machine_class": "machine", "base_branch": "line"})
_RUNS = _RUN.query(
    f"""FROM runs
    WHERE (timestamp_seconds, tie, id) < (:at, :after_tie, :after) AND timestamp_seconds >= :since
    AND {SELECTED_RUNS} ORDER BY timestamp_seconds DESC, tie DESC, id DESC LIMIT :limit
""",
    result_count="(SELECT count(*) FROM results WHERE run = id)",
)
_RESULTS = Columns(ResultItem, names={"row": "id", "machine_class": "machine"}).query(
    """FROM runs JOIN results ON results.run = id LEFT JOIN verdicts USING (run, name)
    WHERE id = :row AND name > :after
    AND (:benchmark IS NULL OR benchmark GLOB :benchmark OR name GLOB :benchmark)
    ORDER BY name LIMIT :limit
"""
)


def read_runs(
    path: Path, selection: RunSelection, limit: int, after: RunPlace | None, most_seconds: float
) -> tuple[Sequence[RunItem], RunPlace | None]:
    """A page of runs, and where the next one begins, None after the last.

    Raises:
        LedgerError: the ledger cannot be read, or that took too long.
    """
    with read_only(path, most_seconds) as (connection, _):
        runs = _runs(connection, selection, limit + 1, after)
    return runs[:limit], _place(runs[limit - 1]) if len(runs) > limit else None


def read_results(
    path: Path,
    selection: RunSelection,
    limit: int,
    after: ResultPlace | None,
    most_seconds: float,
) -> tuple[Sequence[ResultItem], ResultPlace | None]:
    """The same of results: of each run by their names."""
    found: list[tuple[RunPlace, ResultItem]] = []
    with read_only(path, most_seconds) as (connection, check):
        for place, name in _places(connection, selection, after):
            check()
            parameters = {
                "row": place.row,
                "after": name,
                "benchmark": selection.benchmark,
                "limit": limit + 1 - len(found),
            }
            found += [(place, each) for each in _RESULTS.rows(connection, parameters)]
            if len(found) > limit:
                run, last = found[limit - 1]
                return [each for _, each in found[:limit]], ResultPlace(run, last.name)
    return [each for _, each in found], None


def _places(
    connection: sqlite3.Connection, selection: RunSelection, after: ResultPlace | None
) -> Iterator[tuple[RunPlace, str]]:
    """The runs that have results of the page, and after which of their names."""
    if after is not None:
        yield after.run, after.name
    last = None if after is None else after.run
    while runs := _runs(connection, selection, PAGE_RUNS, last):
        for run in runs:
            yield _place(run), ""
        last = _place(runs[-1])


def _runs(
    connection: sqlite3.Connection, selection: RunSelection, limit: int, after: RunPlace | None
) -> Sequence[RunItem]:
    last = after or RunPlace(selection.until_seconds, -1, -1)
    if last.at_seconds > selection.until_seconds:  # a cursor of another query
        last = RunPlace(selection.until_seconds, -1, -1)
    parameters = {
        **selection.parameters,
        "at": last.at_seconds,
        "after_tie": last.tie,
        "after": last.row,
        "limit": limit,
    }
    return list(_RUNS.rows(connection, parameters))


def _place(run: RunItem) -> RunPlace:
    return RunPlace(run.timestamp_seconds, run.tie, run.row)
