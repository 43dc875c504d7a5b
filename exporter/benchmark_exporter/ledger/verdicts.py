"""The verdicts in the ledger, their series, the newest ones, and environment shifts."""

import sqlite3
from collections.abc import Sequence

from msgspec.structs import replace

from benchmark_exporter.ledger.newest_rows import NewestVerdictRow, Rank
from benchmark_exporter.ledger.tables import (
    NEWEST_VERDICTS,
    SERIES,
    SHIFTS,
    VERDICTS,
    Series,
    SeriesKey,
    ShiftRow,
    VerdictRow,
)
from benchmark_exporter.ledger.totals import newest
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import Scope, Verdict

_NO_SERIES = Series()
_VALUES = "SELECT name, unit, value FROM verdicts JOIN results USING (run, name) WHERE run = ?"


class Verdicts:
    """The verdicts of one transaction."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer

    def series(self, key: SeriesKey) -> Series:
        """What is known of a series; before its first run, nothing."""
        return self._buffer.get(SERIES, key) or _NO_SERIES

    def keep(self, key: SeriesKey, series: Series) -> None:
        """Stores what is known of a series now."""
        self._buffer.put(SERIES, key, series)

    def record(self, run: int, name: str, verdict: Verdict, passed_commit: str) -> None:
        """Stores the verdict on a run's result.

        `passed_commit` is that of the last run before it that was not a regression.
        """
        self._buffer.add(VERDICTS, (run, name), VerdictRow(verdict, passed_commit))

    def show(self, run: int, key: SeriesKey, rank: Rank, *, shifted: bool) -> None:
        """Makes a verdict that was recorded the newest of its result, unless a newer one is known.

        `shifted` says that it is a regression which moved with an environment shift.
        """
        row = NewestVerdictRow(run, shifted, rank.seconds, rank.tie)
        self._buffer.change(NEWEST_VERDICTS, key[:-1], newest, row, rank)

    def record_shift(
        self, run: int, scope: Scope, rank_seconds: float, *, shifted: bool, lasting_runs: int
    ) -> None:
        """Stores whether a run was an environment shift.

        The run is the newest of its scope with enough results to decide. A shift that has lasted
        for so many runs is how the machine is now: their series start again, with these runs as
        their windows. The last of them still counts as shifted, since it was compared with what was
        before.
        """
        shift_key = scope.key
        before = self._buffer.get(SHIFTS, shift_key)
        runs = (*(before.runs if before else ()), run) if shifted else ()
        if len(runs) >= lasting_runs:
            self._restart(scope, runs)
            runs = ()
        self._buffer.put(SHIFTS, shift_key, ShiftRow(rank_seconds, shifted, runs))

    def _restart(self, scope: Scope, runs: Sequence[int]) -> None:
        where = scope.key
        windows: dict[SeriesKey, tuple[float, ...]] = {}
        self._buffer.flush()
        for run in runs:
            for name, unit, value in self._connection.execute(_VALUES, (run,)):
                each = SeriesKey(*where, name, unit)
                windows[each] = (*windows.get(each, ()), value)
        for each, window in windows.items():
            self.keep(
                each, replace(self.series(each), previous=None, unconfirmed=None, window=window)
            )
