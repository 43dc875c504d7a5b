"""Runs that measured the same values of the same commit: one run that came in in two ways.

A history keeps what it has extracted from a tool's result, so neither the bytes nor the run's id
are those of the result itself.
"""

import math
import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from benchmark_exporter.ledger.connection import (
    connect_to_read,
    open_to_read,
    reading_errors_named,
)
from benchmark_exporter.model import Run

# A run that states no commit is another one if it was made that long before or after.
NEAR_SECONDS = 3600.0
_SAME = 1e-9  # of a value that was converted, relative

_RUNS = "SELECT id, run_id, commit_hash, timestamp_seconds FROM runs WHERE project = ?"
_DOCUMENT = "SELECT 1 FROM documents WHERE digest = ?"
_RESULTS = "SELECT name, coalesce(p50, mean), mean FROM results WHERE run = ?"


class LikeRuns:
    """The runs of a ledger as they are now, but for those whose run_id is one of `own`.

    Every method raises LedgerError if the ledger cannot be read.
    """

    def __init__(self, path: Path, own: Collection[str] = ()) -> None:
        self._path = path
        self._own = own
        self._connection = open_to_read(path, connect_to_read)
        self._projects: dict[str, _Project] = {}

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def has_document(self, digest: bytes) -> bool:
        """Whether a document is known by this digest."""
        with reading_errors_named(self._path):
            return self._connection.execute(_DOCUMENT, (digest,)).fetchone() is not None

    def has(self, run: Run, project: str) -> bool:
        """Whether a run of the project has all of this one's results, with the same values.

        It must be of the same commit, or one of the two states none and they were made within an
        hour of each other.
        """
        with reading_errors_named(self._path):
            if project not in self._projects:
                self._projects[project] = _Project(self._connection, project, self._own)
            of_project = self._projects[project]
            values = {
                result.name: {result.statistics.p50, result.statistics.mean} - {None}
                for result in run.results
            }
            return bool(values) and any(
                _agree(values, of_project.values(row)) for row in of_project.near(run)
            )


class _Project:
    def __init__(self, connection: sqlite3.Connection, project: str, own: Collection[str]) -> None:
        self._connection = connection
        self._by_commit: defaultdict[str, list[int]] = defaultdict(list)
        times: list[tuple[float, int, bool]] = []
        for row, run_id, commit, seconds in connection.execute(_RUNS, (project,)):
            if run_id not in own:
                self._by_commit[commit].append(row)
                times.append((seconds, row, bool(commit)))
        times.sort()
        self._times = times
        self._read: dict[int, Mapping[str, tuple[float | None, ...]]] = {}

    def near(self, run: Run) -> list[int]:
        """The rows of runs that can be this one."""
        commit = run.commit_hash
        first = bisect_left(self._times, (run.timestamp_seconds - NEAR_SECONDS, -1, False))
        last = bisect_right(self._times, (run.timestamp_seconds + NEAR_SECONDS, 2**62, True))
        close = [row for _, row, known in self._times[first:last] if not (known and commit)]
        return [*(self._by_commit.get(commit, ()) if commit else ()), *close]

    def values(self, row: int) -> Mapping[str, tuple[float | None, ...]]:
        """The typical value and the mean of each result of a run."""
        if row not in self._read:
            results = self._connection.execute(_RESULTS, (row,))
            self._read[row] = {name: (typical, mean) for name, typical, mean in results}
        return self._read[row]


def _agree(
    values: Mapping[str, Collection[float | None]],
    others: Mapping[str, Collection[float | None]],
) -> bool:
    return all(
        any(
            math.isclose(one, other, rel_tol=_SAME)
            for one in of_name
            for other in others.get(name, ())
            if one is not None and other is not None
        )
        for name, of_name in values.items()
    )
