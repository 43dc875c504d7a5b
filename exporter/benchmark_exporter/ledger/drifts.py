"""Which results are drifting, and the judged runs by which that is checked.

A check reads the runs of a series from the ledger. So a late run counts as soon as the next check,
and a run that was deleted no longer does.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from benchmark_exporter.judge import JudgedRun
from benchmark_exporter.ledger.columns import Columns, to_json
from benchmark_exporter.ledger.drift_rows import DriftRow
from benchmark_exporter.ledger.rows import SeriesKey
from benchmark_exporter.ledger.tables import DRIFTS
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import Better, Scope

# A series is checked by its runs of so many days, or by so many runs if there are fewer.
_DAYS_SECONDS, _LEAST_RUNS = 40 * 86400.0, 160
# Of a scope so many newest runs are searched for them. If there are more in these days, no more
# than this are read: at most one every three minutes.
_SEARCHED_RUNS, _MOST_RUNS = 5_000, 20_000


class CheckedSeries(msgspec.Struct, frozen=True):
    """A series to be checked."""

    key: SeriesKey
    better: Better


class ScopeRun(NamedTuple):
    """A run of a scope: when it was made (seconds since 1970), and its row."""

    at_seconds: float
    row: int


_KEY = ", ".join(SeriesKey._fields)
# Series that drift are always checked: runs of them may have been deleted.
_IS_DUE = f"(run > ? OR ({_KEY}) IN (SELECT {_KEY} FROM drifts)) ORDER BY {_KEY}"  # noqa: S608  # constants
_DUE = Columns(CheckedSeries).query(
    f"FROM newest_verdicts JOIN results USING (run, name) WHERE better IS NOT NULL AND {_IS_DUE}"
)
_GONE = f"""
    DELETE FROM drifts WHERE ({_KEY}) NOT IN (
        SELECT {_KEY} FROM newest_verdicts JOIN results USING (run, name))
"""  # noqa: S608  # constants
_RUNS_OF_SCOPE = """
    SELECT rank_seconds, id FROM runs WHERE project = :project AND environment = :environment
    AND machine = :machine_class AND line = :branch AND tracked
    ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT :most
"""
_VERDICTS = """
    SELECT v.run, v.value, v.state FROM json_each(:runs) JOIN verdicts v
    ON v.run = json_each.value AND v.name = :name
    JOIN results r ON r.run = v.run AND r.name = v.name AND r.unit = :unit
"""
_PINNED = f"""
    SELECT coalesce((SELECT rank_seconds FROM runs WHERE id = run), at_seconds) FROM baselines
    WHERE ({_KEY}) = (?, ?, ?, ?, ?, ?)
"""  # noqa: S608  # constants


class Drifts:
    """The drifts in one transaction."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer

    def due(self) -> tuple[Sequence[CheckedSeries], int]:
        """The series to be checked, and the newest run: `finish_check` stores that all are."""
        (last,) = self._connection.execute("SELECT last_run FROM drift_checks").fetchone()
        (newest,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()
        return list(_DUE.rows(self._connection, (last,))), int(newest)

    def finish_check(self, newest_run: int) -> None:
        """Stores that all series were checked, and deletes drifts whose series has gone."""
        if self._connection.execute(_GONE).rowcount:
            self._buffer.change_everything()
        self._connection.execute("UPDATE drift_checks SET last_run = ?", (newest_run,))

    def runs_of(self, scope: Scope) -> Sequence[ScopeRun]:
        """The newest runs of a scope, the last one first."""
        execute = self._connection.execute
        where = {**msgspec.structs.asdict(scope), "most": _MOST_RUNS}
        runs = [ScopeRun(*row) for row in execute(_RUNS_OF_SCOPE, where)]
        if not runs:
            return runs
        oldest = max(runs).at_seconds - _DAYS_SECONDS
        return [run for at, run in enumerate(runs) if at < _SEARCHED_RUNS or run[0] >= oldest]

    def judged(self, key: SeriesKey, runs: Sequence[ScopeRun]) -> Sequence[JudgedRun]:
        """The judged runs of a series among those of its scope, oldest first.

        What was before the run that is pinned as its baseline is accepted, and left out.
        """
        times = {run.row: run.at_seconds for run in runs}
        values = {"runs": to_json([*times]), "name": key.name, "unit": key.unit}
        (pinned,) = self._connection.execute(_PINNED, key).fetchone() or (-float("inf"),)
        found = sorted(
            (times[row], row, value, state)
            for row, value, state in self._connection.execute(_VERDICTS, values)
            if times[row] >= pinned
        )
        judged = [JudgedRun(at, value, state) for at, _, value, state in found]
        if not judged:
            return judged
        oldest = judged[-1].at_seconds - _DAYS_SECONDS
        newest = len(judged) - _LEAST_RUNS
        return [run for at, run in enumerate(judged) if at >= newest or run.at_seconds >= oldest]

    def get(self, key: SeriesKey) -> DriftRow | None:
        """The drift of a series, if it has one."""
        return self._buffer.get(DRIFTS, key)

    def put(self, key: SeriesKey, row: DriftRow | None) -> None:
        """Stores the drift of a series; None: it has ended."""
        self._buffer.put(DRIFTS, key, row)

    def accept(self, key: SeriesKey, run_seconds: float) -> None:
        """Ends the drift of a series of which a run was pinned, made at `run_seconds`.

        A drift since before that run goes on if the run is no newer than what it is compared with.
        """
        row = self.get(key)
        if row is not None and run_seconds > row.compared_seconds:
            self.put(key, None)
