"""The verdicts in the ledger, their series, the newest ones, and environment shifts."""

import sqlite3
from collections.abc import Sequence

from msgspec.structs import replace

from benchmark_exporter.judge import JudgeLimits, SeriesState, accept
from benchmark_exporter.ledger.series_states import replayed, stored, to_text
from benchmark_exporter.ledger.tables import (
    NEWEST_VERDICTS,
    SERIES,
    SHIFTS,
    VERDICTS,
    NewestVerdictRow,
    Series,
    SeriesKey,
    ShiftRow,
    VerdictRow,
)
from benchmark_exporter.ledger.totals import is_newer
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import Better, Verdict

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

    def record(
        self,
        run: int,
        key: SeriesKey,
        verdict: Verdict,
        passed_commit: str,
        rank_seconds: float,
        at: float,
    ) -> None:
        """Stores the verdict on a run's result.

        `passed_commit` is that of the last run before it that was not a regression.
        """
        self._buffer.add(VERDICTS, (run, key.name), VerdictRow(verdict, passed_commit))
        shown_key = key.name, key.environment
        shown = self._buffer.get(NEWEST_VERDICTS, shown_key)
        # Insufficient data of one kind of machine takes nothing back of what another one shows.
        if shown is None or (
            (
                verdict.state != "insufficient_data"
                or shown.state == "insufficient_data"
                or shown.machine == key.machine
            )
            and is_newer(rank_seconds, shown.rank_seconds, at)
        ):
            newest = NewestVerdictRow(rank_seconds, run, key.machine, verdict.state)
            self._buffer.put(NEWEST_VERDICTS, shown_key, newest)

    def record_shift(
        self, run: int, key: SeriesKey, rank_seconds: float, limits: JudgeLimits, *, shifted: bool
    ) -> None:
        """Stores whether a run was an environment shift.

        The run is the newest of its project, environment and machine class with enough results to
        decide. A shift that has lasted for `least_runs` runs is how the machine is now: the
        levels that it brought are accepted. The last of these runs still counts as shifted, since
        it was compared with what was before.
        """
        shift_key = key.project, key.environment, key.machine
        before = self._buffer.get(SHIFTS, shift_key)
        runs = (*(before.runs if before else ()), run) if shifted else ()
        if len(runs) >= limits.least_runs:
            self._accept(key, runs, limits)
            runs = ()
        self._buffer.put(SHIFTS, shift_key, ShiftRow(rank_seconds, shifted, runs))

    def _accept(self, key: SeriesKey, runs: Sequence[int], limits: JudgeLimits) -> None:
        """Takes the levels of open alarms of the runs' results as their levels."""
        self._buffer.flush()
        judged: dict[SeriesKey, Better] = {}
        for run in runs:
            for name, unit, better in self._connection.execute(_JUDGED, (run,)):
                judged[key._replace(name=name, unit=unit)] = better
        for each, better in judged.items():
            series = self.series(each)
            state = self.state(each, series, better, limits)
            if state.alarm is not None:
                self.keep_state(each, series, accept(state, better=better, limits=limits))
