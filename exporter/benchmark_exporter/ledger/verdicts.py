"""The verdicts in the ledger, their series, the newest ones, and environment shifts."""

import math
import sqlite3

from msgspec.structs import replace

from benchmark_exporter.judge import JudgeLimits, SeriesState, Window
from benchmark_exporter.ledger.newest_rows import (
    NewestShiftRow,
    NewestVerdictRow,
    Rank,
    RunShiftRow,
)
from benchmark_exporter.ledger.places import JudgedRun, Places
from benchmark_exporter.ledger.rows import Place, Series, SeriesKey, SettledRow, VerdictRow
from benchmark_exporter.ledger.series_states import replayed
from benchmark_exporter.ledger.standings import (
    Standing,
    encode_state,
    is_checkpoint,
    to_checkpoint,
)
from benchmark_exporter.ledger.tables import (
    CHECKPOINTS,
    NEWEST_VERDICTS,
    RUN_SHIFTS,
    SERIES,
    SETTLED,
    SHIFTS,
    VERDICTS,
)
from benchmark_exporter.ledger.totals import newest
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import REGRESSED, Better, Scope

_NO_SERIES = Series()
# Each takes some 8 kB. Where a batch has runs of more series, few series have several.
_MOST_WINDOWS = 512


class Verdicts:
    """The verdicts of one transaction."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer
        self._places = Places(connection)
        # What was kept last of a series, with its state as the series' row has it: most runs of a
        # batch go on with what the run before left, which need not be decoded again.
        self._kept: dict[SeriesKey, tuple[bytes, Standing]] = {}
        self._windows: dict[SeriesKey, Window] = {}

    @property
    def places(self) -> Places:
        """The runs and verdicts by their place, as they are in this transaction."""
        self._buffer.flush()  # they are read by SQL
        return self._places

    def series(self, key: SeriesKey) -> Series:
        """What is known of a series; before its first run, nothing."""
        return self._buffer.get(SERIES, key) or _NO_SERIES

    def state(
        self, key: SeriesKey, series: Series, better: Better, limits: JudgeLimits
    ) -> SeriesState:
        """The state in `standing`."""
        return self.standing(key, series, better, limits).state

    def standing(
        self,
        key: SeriesKey,
        series: Series,
        better: Better,
        limits: JudgeLimits,
        limits_digest: int | None = None,
    ) -> Standing:
        """What a series' next run is judged by, replayed if it was last judged by another rule.

        The series is settled then, and also if it was last judged by other limits, which
        `limits_digest` identifies.
        """
        kept = self._kept.get(key)
        if kept is not None and kept[0] is series.state:
            known: Standing | None = kept[1]
        else:
            known = Standing.of_row(series)
        if known is not None:
            if limits_digest is not None and series.limits_digest not in (None, limits_digest):
                self.settle(key, series, known)
            return known
        if series.rank_seconds == -math.inf and not series.window:
            return Standing()
        self._buffer.flush()
        state = replayed(self._connection, key, series, better, limits)
        known = Standing(state, series.passed_commit, series.shifted_runs)
        self.settle(key, series, known)
        return known

    def window(self, key: SeriesKey) -> Window | None:
        """What makes judging several runs of a series faster, if there is room for it."""
        window = self._windows.get(key)
        if window is None and len(self._windows) < _MOST_WINDOWS:
            window = self._windows[key] = Window()
        return window

    def settle(self, key: SeriesKey, series: Series, standing: Standing) -> None:
        """Settles a series at its newest run; see `standings`."""
        row = SettledRow(
            rank_seconds=series.rank_seconds,
            tie=series.tie,
            state=encode_state(standing.state),
            passed_commit=standing.passed_commit,
            shifted_runs=standing.shifted_runs,
            pinned=series.pinned,
        )
        self._buffer.put(SETTLED, key, row)

    def replay_next(self, key: SeriesKey, newest: JudgedRun) -> None:
        """Has the next run of a series judged by a replay of its runs; `newest` is the last."""
        verdict, passed_commit = newest.judged.row.verdict, newest.judged.row.passed_commit
        kept = replace(
            self.series(key),
            state=None,
            window=(),
            previous=verdict.state,
            passed_commit=passed_commit if verdict.state in REGRESSED else newest.run.commit_hash,
        )
        self._buffer.put(SETTLED, key, None)
        self._buffer.put(SERIES, key, kept)

    def settled(self, key: SeriesKey) -> SettledRow | None:
        """Where and how a series was settled last, if it was."""
        return self._buffer.get(SETTLED, key)

    def keep(self, key: SeriesKey, series: Series) -> None:
        """Stores what is known of a series now."""
        self._buffer.put(SERIES, key, series)

    def keep_standing(
        self,
        key: SeriesKey,
        standing: Standing,
        place: Place,
        limits_digest: int | None,
        encoded: bytes | None = None,
    ) -> None:
        """Stores what a series' next run is judged by, after a run at a place or a later one.

        `encoded` is the state, if that is known.
        """
        series = self.series(key)
        is_newest = series.is_before(place)
        encoded = encode_state(standing.state) if encoded is None else encoded
        self._kept[key] = encoded, standing
        kept = Series(
            state=encoded,
            pinned=series.pinned,
            passed_commit=standing.passed_commit,
            rank_seconds=place.rank_seconds if is_newest else series.rank_seconds,
            tie=place.tie if is_newest else series.tie,
            shifted_runs=standing.shifted_runs,
            limits_digest=limits_digest,
        )
        self._buffer.put(SERIES, key, kept)

    def record(self, run: int, name: str, row: VerdictRow, *, new: bool) -> None:
        """Stores the verdict on a run's result; `new` if there was none."""
        if new:
            self._buffer.add(VERDICTS, (run, name), row)
        else:
            self._buffer.put(VERDICTS, (run, name), row)

    def add_checkpoint(self, key: SeriesKey, place: Place, standing: Standing) -> None:
        """Stores the standing after the run at a place, if that is a checkpoint."""
        if is_checkpoint(place):
            row = to_checkpoint(key.unit, standing)
            self._buffer.put(CHECKPOINTS, (place.run, key.name), row)

    def show(self, run: int, key: SeriesKey, rank: Rank) -> None:
        """Makes a recorded verdict the newest of its result, unless a newer one is known."""
        row = NewestVerdictRow(run, rank.seconds, rank.tie)
        self._buffer.change(NEWEST_VERDICTS, key[:-1], newest, row, rank)

    def shift(self, scope: Scope) -> NewestShiftRow | None:
        """The newest run of a scope that says whether there is a shift."""
        return self._buffer.get(SHIFTS, scope.key)

    def keep_shift(self, scope: Scope, place: Place, *, shifted: bool) -> None:
        """Stores whether a run is an environment shift, unless a newer one says so."""
        known = self.shift(scope)
        is_newer = known is None or (known.rank_seconds, known.tie) <= place[:2]
        if known is not None and known.run != place.run and not is_newer:
            return
        row = NewestShiftRow(place.run, shifted, place.rank_seconds, place.tie)
        if row != known:
            self._buffer.put(SHIFTS, scope.key, row)

    def run_shift(self, run: int) -> RunShiftRow | None:
        """The environment shift that a run shows, if it shows one."""
        return self._buffer.get(RUN_SHIFTS, (run,))

    def record_run_shift(self, run: int, row: RunShiftRow | None) -> None:
        """Stores the environment shift that a run shows, or that it shows none."""
        if row != self.run_shift(run):
            self._buffer.put(RUN_SHIFTS, (run,), row)

    def end_shift(self, scope: Scope) -> None:
        """Stores that no run of a scope says whether there is a shift."""
        self._buffer.put(SHIFTS, scope.key, None)
