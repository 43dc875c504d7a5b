"""The verdicts in the ledger, their series, the newest ones, and environment shifts."""

import sqlite3
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from benchmark_exporter.judge import JudgeLimits, SeriesState, accept
from benchmark_exporter.ledger.newest_rows import NewestVerdictRow, Rank
from benchmark_exporter.ledger.rows import Series, SeriesKey, ShiftRow, VerdictRow
from benchmark_exporter.ledger.series_states import replayed, stored, to_text
from benchmark_exporter.ledger.tables import NEWEST_VERDICTS, SERIES, SHIFTS, VERDICTS
from benchmark_exporter.ledger.totals import newest
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import Better, Scope, Verdict

# What a series is judged by.
LimitsOf = Callable[[SeriesKey], JudgeLimits]
_NO_SERIES = Series()
_JUDGED = "SELECT name, unit, better FROM verdicts JOIN results USING (run, name) WHERE run = ?"


class Verdicts:
    """The verdicts of one transaction."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer

    def series(self, key: SeriesKey) -> Series:
        """What is known of a series; before its first run, nothing."""
        return self._buffer.get(SERIES, key) or _NO_SERIES

    def state(
        self, key: SeriesKey, series: Series, better: Better, limits: JudgeLimits
    ) -> SeriesState:
        """What a series' next run is judged by, replayed if it was last judged by another rule."""
        state = stored(series)
        if state is not None:
            return state
        if series == _NO_SERIES:
            return SeriesState()
        self._buffer.flush()
        return replayed(self._connection, key, series, better, limits)

    def keep(self, key: SeriesKey, series: Series) -> None:
        """Stores what is known of a series now."""
        self._buffer.put(SERIES, key, series)

    def keep_state(self, key: SeriesKey, series: Series, state: SeriesState) -> None:
        """Stores what is known of a series now, with a state."""
        self.keep(key, replace(series, state=to_text(state), window=(), previous=None))

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
        self,
        run: int,
        scope: Scope,
        rank_seconds: float,
        lasts_runs: int,
        limits_of: LimitsOf,
        *,
        shifted: bool,
    ) -> None:
        """Stores whether a run was an environment shift.

        The run is the newest of its scope with enough results to decide. A shift that has lasted
        for `lasts_runs` runs is how the machine is now: the levels that it brought are accepted.
        The last of these runs still counts as shifted, since it was compared with what was before.
        """
        shift_key = scope.key
        before = self._buffer.get(SHIFTS, shift_key)
        runs = (*(before.runs if before else ()), run) if shifted else ()
        if len(runs) >= lasts_runs:
            self._accept(scope, runs, limits_of)
            runs = ()
        self._buffer.put(SHIFTS, shift_key, ShiftRow(rank_seconds, shifted, runs))

    def _accept(self, scope: Scope, runs: Sequence[int], limits_of: LimitsOf) -> None:
        """Takes the levels of open alarms of the runs' results as their levels."""
        where = scope.key
        self._buffer.flush()
        judged: dict[SeriesKey, Better] = {}
        for run in runs:
            for name, unit, better in self._connection.execute(_JUDGED, (run,)):
                judged[SeriesKey(*where, name, unit)] = better
        for each, better in judged.items():
            series, limits = self.series(each), limits_of(each)
            state = self.state(each, series, better, limits)
            if state.alarm is not None:
                self.keep_state(each, series, accept(state, better=better, limits=limits))
