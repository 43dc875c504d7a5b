"""Pinned baselines: runs that a person has chosen to judge later ones by."""

import sqlite3
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from benchmark_exporter.judge import JudgeLimits, accept
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.drifts import Drifts
from benchmark_exporter.ledger.places import BEGINNING
from benchmark_exporter.ledger.rows import BaselineRow, Pin, SeriesKey
from benchmark_exporter.ledger.series_states import at_level_of
from benchmark_exporter.ledger.standings import Standing
from benchmark_exporter.ledger.tables import BASELINES, RESULTS, VERDICTS
from benchmark_exporter.ledger.verdicts import Verdicts
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import REGRESSED, Better, Result, Scope, Verdict


class KnownRun(msgspec.Struct, frozen=True):
    """A run of the ledger; `row` is its number there. See Run for the rest."""

    row: int
    run_id: str
    scope: Scope
    commit_hash: str
    timestamp_seconds: float

    def series(self, result: Result) -> SeriesKey:
        """The series that a result of the run is of."""
        return SeriesKey.of(self.scope, result)


class PinnedResult(msgspec.Struct, frozen=True):
    """A series' baseline; `value` is the typical one, in the series' unit.

    It outlives its run's row in the ledger.
    """

    series: SeriesKey
    run: int
    run_id: str
    commit_hash: str
    value: float
    pin: Pin


_RUN = Columns(KnownRun, names={"row": "id", "machine_class": "machine", "branch": "line"})
_RUNS_OF_ID = _RUN.query("FROM runs WHERE run_id = ? AND tracked ORDER BY id")
_RUN_OF_ROW = _RUN.query("FROM runs WHERE id = ? AND tracked")
_RESULTS = RESULTS.columns.query("FROM results WHERE run = ? ORDER BY name")
_PINNED = Columns(PinnedResult).query("FROM baselines ORDER BY at_seconds DESC, run, name")
# The last run before a level changed: nearer to what the level was than to what it became.
_GOOD_RUN = """
    SELECT v.run FROM runs JOIN verdicts v ON v.run = runs.id AND v.name = :name
    JOIN results r ON r.run = runs.id AND r.name = :name AND r.unit = :unit
    WHERE project = :project AND environment = :environment AND machine = :machine_class
    AND line = :branch AND tracked AND v.state IN ('ok', 'improved')
    AND abs(v.value - :reference) < abs(v.value - :level)
    ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT 1
"""
_SHOWN = """
    SELECT run FROM newest_verdicts JOIN results USING (run, name)
    WHERE project = :project AND environment = :environment AND machine_class = :machine_class
    AND branch = :branch AND name = :name AND unit = :unit
"""


class Baselines:
    """The baselines in one transaction, which has flushed what it had gathered."""

    def __init__(
        self, connection: sqlite3.Connection, buffer: WriteBuffer, verdicts: Verdicts
    ) -> None:
        self._connection = connection
        self._buffer = buffer
        self._verdicts = verdicts

    def find(self, name: str) -> Sequence[KnownRun]:
        """The runs that have a run_id; if there are none, the run of a row number."""
        runs = list(_RUNS_OF_ID.rows(self._connection, (name,)))
        if not runs and name.isdecimal() and len(name) < 19:  # no more than a row number can have
            runs = list(_RUN_OF_ROW.rows(self._connection, (int(name),)))
        return runs

    def find_row(self, run: int) -> KnownRun | None:
        """The run of a row number."""
        return next(iter(_RUN_OF_ROW.rows(self._connection, (run,))), None)

    def get(self, series: SeriesKey) -> BaselineRow | None:
        """What is pinned for a series."""
        return self._buffer.get(BASELINES, series)

    def restore(self, series: SeriesKey, row: BaselineRow | None) -> None:
        """Pins what was pinned before, or nothing."""
        self._pin(series, None if row is None else row.value)
        self._buffer.put(BASELINES, series, row)

    def verdict(self, run: int, name: str) -> Verdict | None:
        """The verdict on a run's result."""
        row = self._buffer.get(VERDICTS, (run, name))
        return None if row is None else row.verdict

    def last_good(self, series: SeriesKey, reference: float, level: float) -> int | None:
        """The row of the last run of a series before its level changed from a reference."""
        where = {**series._asdict(), "reference": reference, "level": level}
        row = self._connection.execute(_GOOD_RUN, where).fetchone()
        return None if row is None else int(row[0])

    def results(self, run: int) -> Sequence[Result]:
        """A run's results, without their samples."""
        return list(_RESULTS.rows(self._connection, (run,)))

    def pin(self, run: KnownRun, result: Result, value: float, pin: Pin) -> None:
        """Pins a result of a run, in place of what was pinned for its series before."""
        series, statistics = run.series(result), result.statistics
        row = BaselineRow(
            run=run.row,
            run_id=run.run_id,
            commit_hash=run.commit_hash,
            value=value,
            p50=statistics.p50,
            p95=statistics.p95,
            pin=pin,
        )
        self._buffer.put(BASELINES, series, row)
        self._pin(series, value)
        Drifts(self._connection, self._buffer).accept(series, run.timestamp_seconds)

    def is_worse_level(self, run: KnownRun, result: Result) -> bool:
        """Whether a run's result is a regression, or at a worse level that nobody has accepted."""
        row = self._buffer.get(VERDICTS, (run.row, result.name))
        return row is not None and (
            row.verdict.state in REGRESSED or row.verdict.unaccepted is not None
        )

    def accept(self, run: KnownRun, result: Result, better: Better, limits: JudgeLimits) -> None:
        """Takes the level of a run's result as that of its series."""
        key = run.series(result)
        standing = self._verdicts.standing(key, self._verdicts.series(key), better, limits)
        state = standing.state
        if state.alarm is not None or state.unaccepted is not None:
            state = accept(state, better=better, limits=limits)
        else:  # a warning, or an alarm that has ended
            self._buffer.flush()
            row = self._buffer.get(VERDICTS, (run.row, result.name))
            reference = None if row is None else row.verdict.reference
            state = at_level_of(self._connection, key, run.row, reference, better, limits)
        self._go_on_with(key, replace(standing, state=state))

    def compare_again(
        self, run: KnownRun, result: Result, better: Better, limits: JudgeLimits
    ) -> None:
        """Compares later runs with what is pinned now, whatever lapsed before."""
        key = run.series(result)
        standing = self._verdicts.standing(key, self._verdicts.series(key), better, limits)
        if standing.state.lapsed_pinned is not None:
            state = replace(standing.state, lapsed_pinned=None)
            self._go_on_with(key, replace(standing, state=state))

    def shown(self, series: SeriesKey) -> int | None:
        """The run whose verdict is shown for a series; None if it is of another unit."""
        row = self._connection.execute(_SHOWN, series._asdict()).fetchone()
        return None if row is None else int(row[0])

    def amend(self, run: int, name: str, verdict: Verdict) -> None:
        """Stores the verdict on a run's result now that its baseline is another.

        What was counted of the verdict before stays counted.
        """
        row = self._buffer.get(VERDICTS, (run, name))
        if row is not None:
            amended = replace(verdict, value=row.verdict.value)
            self._buffer.put(VERDICTS, (run, name), replace(row, verdict=amended))

    def pinned(self) -> Sequence[PinnedResult]:
        """All of them, the one that was pinned last first."""
        return list(_PINNED.rows(self._connection))

    def clear(self, run: int) -> int:
        """Removes the pins of a run's results; how many these were."""
        cleared = [pinned.series for pinned in self.pinned() if pinned.run == run]
        for series in cleared:
            self._pin(series, None)
            self._buffer.put(BASELINES, series, None)
        return len(cleared)

    def _pin(self, key: SeriesKey, value: float | None) -> None:
        """Has the next runs compared with a pinned value. Earlier ones stay as they were judged."""
        series = self._verdicts.series(key)
        standing = Standing.of_row(series)
        if standing is not None:
            self._verdicts.settle(key, series, standing)
        self._verdicts.keep(key, replace(series, pinned=value))

    def _go_on_with(self, key: SeriesKey, standing: Standing) -> None:
        """Has the next runs judged by something that does not follow from the runs before."""
        series = self._verdicts.series(key)
        settled = self._verdicts.settled(key)
        before = series if settled is None else replace(series, pinned=settled.pinned)
        self._verdicts.settle(key, before, standing)
        self._verdicts.keep_standing(key, standing, BEGINNING, series.limits_digest)
