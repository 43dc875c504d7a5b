"""The branches that a project's runs stated, and the one that is tracked for want of another."""

import sqlite3
from collections.abc import Mapping

from benchmark_exporter.ledger.rows import BranchRow
from benchmark_exporter.ledger.state import FallbackBranch
from benchmark_exporter.ledger.tables import BRANCHES, FALLBACK_BRANCHES
from benchmark_exporter.ledger.write_buffer import WriteBuffer

_RUNS = "SELECT branch, runs FROM branches WHERE project = ? ORDER BY rowid"
_HIDE = "DELETE FROM subjects WHERE kind = 'benchmark' AND project = ? AND branch = ?"
_SHOWN = "SELECT DISTINCT project, branch FROM subjects WHERE kind = 'benchmark'"


class Branches:
    """The branches in one transaction."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer
        self._runs: dict[str, dict[str, int]] = {}

    def runs_of(self, project: str) -> Mapping[str, int]:
        """How many runs of a project stated each branch ('': none), in the order of the first."""
        if project not in self._runs:  # nor has any run of it been gathered, then
            self._runs[project] = dict(self._connection.execute(_RUNS, (project,)))
        return self._runs[project]

    def add_run(self, project: str, branch: str) -> None:
        """Counts a run."""
        runs = self._runs[project]
        runs[branch] = count = runs.get(branch, 0) + 1
        self._buffer.put(BRANCHES, (project, branch), BranchRow(count))

    def fallback(self, project: str) -> str | None:
        """The branch that is tracked because the project has no run of a tracked one, if any."""
        row = self._buffer.get(FALLBACK_BRANCHES, (project,))
        return None if row is None else row.branch

    def set_fallback(self, project: str, branch: str | None) -> None:
        """Stores that branch, or that there is none."""
        row = None if branch is None else FallbackBranch(project, branch)
        self._buffer.put(FALLBACK_BRANCHES, (project,), row)

    def shown(self) -> list[tuple[str, str]]:
        """The projects and branches of the subjects of benchmarks."""
        return self._connection.execute(_SHOWN).fetchall()

    def hide(self, project: str, branch: str) -> None:
        """Shows nothing more of a branch that is no longer tracked. What was counted stays."""
        self._buffer.change_everything()
        self._connection.execute(_HIDE, (project, branch))

    def discard(self) -> None:
        """Drops what was read, after a savepoint was rolled back."""
        self._runs.clear()
