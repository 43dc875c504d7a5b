"""Where the runs of a scope stand among each other, and what was measured at and around a place."""

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.rows import Place, SeriesKey, VerdictRow
from benchmark_exporter.ledger.standings import Standing, read_checkpoint
from benchmark_exporter.ledger.totals import AFTER_ALL
from benchmark_exporter.model import Result, Scope

_IN_SCOPE = "project = ? AND environment = ? AND machine = ? AND line = ?"
_PLACE = "(rank_seconds, tie, id)"
_NEWEST = f"""
    SELECT rank_seconds, tie, id FROM runs WHERE {_IN_SCOPE}
    ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT 1
"""  # noqa: S608  # constants
# `ranked` tables have places of runs of a scope.
_DEMOTED = "UPDATE runs SET rank_seconds = ?, tie = ?, ahead = 1"
_RANKED = ("series", "settled", "shifts")
_IN_RANKED = "project = ? AND environment = ? AND machine_class = ? AND branch = ?"
_CHECKPOINT = f"""
    SELECT rank_seconds, tie, id, standing FROM runs
    JOIN checkpoints c ON c.run = id AND c.name = ? AND c.unit = ?
    WHERE {_IN_SCOPE} AND tracked AND {_PLACE} < (?, ?, ?) AND rank_seconds >= ?
    ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT 1
"""  # noqa: S608  # constants


class PlacedRun(msgspec.Struct, frozen=True):
    """A run in its place; see RunRow."""

    rank_seconds: float
    tie: int
    row: int
    run_id: str
    commit_hash: str
    timestamp_seconds: float
    tracked: bool

    @property
    def place(self) -> Place:
        return Place(self.rank_seconds, self.tie, self.row)


class JudgedResult(msgspec.Struct, frozen=True):
    """A result without its samples, and the verdict on it."""

    result: Result
    row: VerdictRow


class JudgedRun(msgspec.Struct, frozen=True):
    """A run with one of its results and the verdict on it."""

    run: PlacedRun
    judged: JudgedResult


_RUN_COLUMNS = {"row": "id"}
_RESULT_COLUMNS = {"limit": "limit_value"}
_AFTER = f"""FROM runs WHERE {_IN_SCOPE} AND {_PLACE} > (?, ?, ?) {{}}
    ORDER BY rank_seconds, tie, id LIMIT ?
"""
FEW_NAMES = 4
_HAS_ONE = "AND EXISTS (SELECT 1 FROM verdicts WHERE run = runs.id AND name IN (?, ?, ?, ?))"
_RUNS = Columns(PlacedRun, names=_RUN_COLUMNS)
_LATER, _LATER_OF_FEW = (_RUNS.query(_AFTER.format(which)) for which in ("", _HAS_ONE))
_EARLIER = _RUNS.query(
    f"FROM runs WHERE {_IN_SCOPE} AND {_PLACE} < (?, ?, ?) AND tracked "
    "ORDER BY rank_seconds DESC, tie DESC, id DESC"
)
_JUDGED = Columns(JudgedResult, names=_RESULT_COLUMNS, without=("samples",)).query(
    "FROM results JOIN verdicts USING (run, name) WHERE run = ?"
)
_OF_SERIES = f"""FROM runs CROSS JOIN verdicts v ON v.run = id AND v.name = ?
    CROSS JOIN results r ON r.run = id AND r.name = v.name AND r.unit = ?
    WHERE {_IN_SCOPE} AND tracked AND {_PLACE} > (?, ?, ?) AND {_PLACE} < (?, ?, ?)
    ORDER BY rank_seconds {{0}}, tie {{0}}, id {{0}} LIMIT ?
"""
_SERIES_RUNS = Columns(JudgedRun, names=_RUN_COLUMNS | _RESULT_COLUMNS, without=("samples",))
_FIRST, _LAST = (_SERIES_RUNS.query(_OF_SERIES.format(order)) for order in ("", "DESC"))

BEGINNING, END = Place(float("-inf"), -1, -1), Place(float("inf"), AFTER_ALL, AFTER_ALL)


class Places:
    """Reads the runs of a scope by their place. What was gathered is to be flushed before."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def newest(self, scope: Scope) -> Place | None:
        """The place of the newest run of a scope, or of another branch that is compared with it."""
        row = self._connection.execute(_NEWEST, scope.key).fetchone()
        return None if row is None else Place(*row)

    def demote(self, scope: Scope, horizon_seconds: float) -> None:
        """Puts runs that turn out to be dated in the future after all others that have come."""
        execute, key = self._connection.execute, scope.key
        (before,) = execute(
            f"SELECT max(rank_seconds) FROM runs WHERE {_IN_SCOPE} AND rank_seconds <= ?",  # noqa: S608  # constant
            (*key, horizon_seconds),
        ).fetchone()
        rank = float("-inf") if before is None else before
        execute(
            f"{_DEMOTED} WHERE {_IN_SCOPE} AND rank_seconds > ?",
            (rank, AFTER_ALL, *key, horizon_seconds),
        )
        for table in _RANKED:
            execute(
                f"UPDATE {table} SET rank_seconds = ?, tie = ? "  # noqa: S608  # constants
                f"WHERE {_IN_RANKED} AND rank_seconds > ?",
                (rank, AFTER_ALL, *key, horizon_seconds),
            )

    def later(
        self, scope: Scope, place: Place, names: Sequence[str], limit: int
    ) -> Sequence[PlacedRun]:
        """The first runs after a place, oldest first: at least those with one of these results.

        They are all runs if the names are more than FEW_NAMES, and may be of other branches that
        are compared with the scope's.
        """
        after: list[object] = [*scope.key, *place]
        if not 0 < len(names) <= FEW_NAMES:
            return list(_LATER.rows(self._connection, (*after, limit)))
        padded = (*names, *[names[0]] * (FEW_NAMES - len(names)))
        return list(_LATER_OF_FEW.rows(self._connection, (*after, *padded, limit)))

    def earlier(self, scope: Scope, place: Place) -> Iterator[PlacedRun]:
        """The runs of a scope before a place, the newest first."""
        return _EARLIER.rows(self._connection, (*scope.key, *place))

    def judged(self, run: int) -> list[JudgedResult]:
        """The results of a run that were judged."""
        return list(_JUDGED.rows(self._connection, (run,)))

    def first(self, key: SeriesKey, after: Place, before: Place, limit: int) -> list[JudgedRun]:
        """The first judged runs of a series between two places, oldest first."""
        values = (key.name, key.unit, *key[:4], *after, *before, limit)
        return list(_FIRST.rows(self._connection, values))

    def last(self, key: SeriesKey, before: Place, limit: int) -> Sequence[JudgedRun]:
        """The last judged runs of a series before a place, oldest first."""
        values = (key.name, key.unit, *key[:4], *BEGINNING, *before, limit)
        return list(_LAST.rows(self._connection, values))[::-1]

    def checkpoint(
        self, key: SeriesKey, place: Place, since_seconds: float
    ) -> tuple[Place, Standing] | None:
        """The last checkpoint before a place, none of before a rank."""
        found = self._connection.execute(
            _CHECKPOINT, (key.name, key.unit, *key[:4], *place, since_seconds)
        ).fetchone()
        if found is None or (standing := read_checkpoint(found[3])) is None:
            return None
        return Place(*found[:3]), standing
