"""What the ledger keeps of judgements: each one, the series that they are of, which are the newest, and environment shifts."""

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger.inserts import Inserts
from benchmark_exporter.ledger.state import from_json, to_json
from benchmark_exporter.model import Verdict, VerdictState

_Row = tuple[Any, ...]


class SeriesKey(NamedTuple):
    """Results that can be compared: those of one name and unit, of one project, environment and machine class."""

    project: str
    environment: str
    machine: str
    name: str
    unit: str


class Series(msgspec.Struct, frozen=True):
    """What a series' next run is judged by; values are in its unit.

    `window`, `previous` and `unconfirmed` are those of a History, `pinned` is the value of the pinned baseline. `passed_commit` is the
    commit of the last run that was no regression, `rank_seconds` that of the newest run.
    """

    window: tuple[float, ...] = ()
    previous: VerdictState | None = None
    unconfirmed: float | None = None
    pinned: float | None = None
    passed_commit: str = ""
    rank_seconds: float = -math.inf


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """A table whose rows runs change again and again: how one is read by its key, and written; a row as it stands there, and as it is here.

    What costs to convert is converted once a transaction.
    """

    read: str
    write: str
    from_row: Callable[[_Row], Any] = lambda row: row
    to_row: Callable[[Any], _Row] = lambda value: value


def _to_series(row: _Row) -> Series:
    window, *known = row
    return Series(tuple(from_json(window)), *known)


def _from_series(s: Series) -> _Row:
    return to_json(s.window), s.previous, s.unconfirmed, s.pinned, s.passed_commit, s.rank_seconds


_SERIES = _Table(
    read="SELECT window, previous, unconfirmed, pinned, passed_commit, rank_seconds FROM series "
    "WHERE project = ? AND environment = ? AND machine = ? AND name = ? AND unit = ?",
    write="INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    from_row=_to_series,
    to_row=_from_series,
)
_NEWEST = _Table(
    read="SELECT rank_seconds, run, machine, state FROM newest_judgements WHERE name = ? AND environment = ?",
    write="INSERT OR REPLACE INTO newest_judgements VALUES (?, ?, ?, ?, ?, ?)",
)
_SHIFTS = _Table(
    read="SELECT rank_seconds, shifted, runs FROM shifts WHERE project = ? AND environment = ? AND machine = ?",
    write="INSERT OR REPLACE INTO shifts VALUES (?, ?, ?, ?, ?, ?)",
)
_NO_SERIES = Series()


class Verdicts:
    """The judgements of one transaction. A row that runs change again and again is read once, and written once by `write`."""

    def __init__(self, connection: sqlite3.Connection, inserts: Inserts) -> None:
        self._connection = connection
        self._inserts = inserts
        self._rows: dict[tuple[_Table, _Row], Any] = {}  # None: not there
        # What stood there before each change.
        self._changes: list[tuple[_Table, _Row, Any]] = []

    def series(self, key: SeriesKey) -> Series:
        """What is known of a series; before its first run, nothing."""
        known: Series | None = self._get(_SERIES, key)
        return _NO_SERIES if known is None else known

    def keep(self, key: SeriesKey, series: Series) -> None:
        """What is known of a series now."""
        self._put(_SERIES, key, series)

    def record(
        self,
        run: int,
        key: SeriesKey,
        verdict: Verdict,
        passed_commit: str,
        rank_seconds: float,
        at: float,
    ) -> None:
        """A judgement on a run's result; passed_commit is that of the last run before it that was no regression."""
        j = verdict
        self._inserts.add(
            "INSERT INTO judgements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(run, key.name, j.state, j.value, j.rolling, j.pinned, j.reference, j.limit),
                *(j.worsening_ratio, j.noise_ratio, j.run_count, j.suppressed, passed_commit),
            ),
        )
        shown = self._get(_NEWEST, (key.name, key.environment))
        if shown is not None:
            known_seconds, _, machine, state = shown
            # What one kind of machine cannot tell yet takes back nothing that another has told.
            tells = (
                j.state != "insufficient_data"
                or state == "insufficient_data"
                or machine == key.machine
            )
            if not (tells and is_newer(rank_seconds, known_seconds, at)):
                return
        self._put(_NEWEST, (key.name, key.environment), (rank_seconds, run, key.machine, j.state))

    def record_shift(
        self, run: int, key: SeriesKey, rank_seconds: float, *, shifted: bool, lasting_runs: int
    ) -> None:
        """Whether a run, the newest of its project, environment and machine class that can tell, was an environment shift.

        What has lasted for so many runs is how the machine is now: their series start anew, with these runs as their windows. The last
        of them still counts as shifted, since it was judged by what was before.
        """
        place = (key.project, key.environment, key.machine)
        before = self._get(_SHIFTS, place)
        runs = [*(from_json(before[-1]) if before else ()), run] if shifted else []
        if len(runs) >= lasting_runs:
            self._start_anew(key, runs)
            runs = []
        self._put(_SHIFTS, place, (rank_seconds, shifted, to_json(runs)))

    def _start_anew(self, key: SeriesKey, runs: Sequence[int]) -> None:
        windows: dict[SeriesKey, tuple[float, ...]] = {}
        self._inserts.write()
        for run in runs:
            for name, unit, value in self._connection.execute(
                "SELECT name, unit, value FROM judgements JOIN results USING (run, name) WHERE run = ?",
                (run,),
            ):
                each = key._replace(name=name, unit=unit)
                windows[each] = (*windows.get(each, ()), value)
        for each, window in windows.items():
            self.keep(
                each, replace(self.series(each), previous=None, unconfirmed=None, window=window)
            )

    def __len__(self) -> int:
        """How many changes there are, for `cut`."""
        return len(self._changes)

    def cut(self, length: int) -> None:
        """Takes back the changes after the first so many. Of what is in its table already, the database takes care."""
        while len(self._changes) > length:
            table, key, before = self._changes.pop()
            self._rows[table, key] = before

    def write(self) -> None:
        """Writes what was changed, before the transaction commits."""
        for table, key in dict.fromkeys((table, key) for table, key, _ in self._changes):
            self._connection.execute(table.write, (*key, *table.to_row(self._rows[table, key])))
        self._changes.clear()

    def _get(self, table: _Table, key: _Row) -> Any:
        place = table, key
        if place not in self._rows:
            row = self._connection.execute(table.read, key).fetchone()
            self._rows[place] = None if row is None else table.from_row(row)
        return self._rows[place]

    def _put(self, table: _Table, key: _Row, value: object) -> None:
        self._changes.append((table, key, self._get(table, key)))
        self._rows[table, key] = value


def is_newer(rank_seconds: float, known_seconds: float, at: float) -> bool:
    """Whether a run is the newest. A known rank later than now was given by a clock that has been set back since, and tells nothing."""
    return rank_seconds >= known_seconds or known_seconds > at
