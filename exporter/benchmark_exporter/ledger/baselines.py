"""Pinned baselines: runs whose results a person has chosen to judge later ones by. Nothing but a person's word moves one."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from benchmark_exporter.ledger.verdicts import SeriesKey, Verdicts
from benchmark_exporter.model import REGRESSED, Result, Statistics, Verdict

Execute = Callable[[str, Sequence[object]], sqlite3.Cursor]


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run of the ledger; `row` is its number there. See Run for the rest."""

    row: int
    project: str
    run_id: str
    environment: str
    machine: str
    commit_hash: str
    timestamp_seconds: float

    def series(self, result: Result) -> SeriesKey:
        """The series that a result of the run is of."""
        return SeriesKey(self.project, self.environment, self.machine, result.name, result.unit)


@dataclass(frozen=True, slots=True)
class Pin:
    """Who pinned a run as what, when (seconds since 1970) and why."""

    version: str
    who: str
    at_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class PinnedResult:
    """A series' baseline; `value` is the typical one, in the series' unit. It outlives its run's row in the ledger."""

    series: SeriesKey
    run: int
    run_id: str
    commit_hash: str
    value: float
    pin: Pin


class Baselines:
    """The baselines in one transaction. `execute` reads, `change` writes."""

    def __init__(self, execute: Execute, change: Execute, verdicts: Verdicts) -> None:
        self._execute = execute
        self._change = change
        self._verdicts = verdicts

    def find(self, name: str) -> Sequence[KnownRun]:
        """The runs that have a run_id; where there is none, the run of a row number."""
        columns = "id, project, run_id, environment, machine, commit_hash, timestamp_seconds"
        rows = self._execute(
            f"SELECT {columns} FROM runs WHERE run_id = ? ORDER BY id",  # noqa: S608  # columns above
            (name,),
        ).fetchall()
        if not rows and name.isdecimal() and len(name) < 19:  # no more than a row number can have
            rows = self._execute(
                f"SELECT {columns} FROM runs WHERE id = ?",  # noqa: S608  # columns above
                (int(name),),
            ).fetchall()
        return [KnownRun(*row) for row in rows]

    def results(self, run: int) -> Sequence[Result]:
        """A run's results, without their samples."""
        return [
            Result(benchmark, variant, Statistics(*statistics), samples, cv, unit, better)
            for benchmark, variant, *statistics, samples, cv, unit, better in self._execute(
                "SELECT benchmark, variant, p50, p95, p99, mean, min, max, stddev, sample_count, cv_ratio, unit, better "
                "FROM results WHERE run = ? ORDER BY name",
                (run,),
            )
        ]

    def pin(self, run: KnownRun, result: Result, value: float, pin: Pin) -> None:
        """Pins a result of a run, in place of what was pinned for its series before."""
        series, statistics = run.series(result), result.statistics
        self._change(
            "INSERT OR REPLACE INTO baselines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(
                    series.project,
                    series.environment,
                    series.machine,
                    series.name,
                    series.unit,
                    run.row,
                    run.run_id,
                    run.commit_hash,
                ),
                *(
                    value,
                    statistics.p50,
                    statistics.p95,
                    pin.version,
                    pin.who,
                    pin.at_seconds,
                    pin.reason,
                ),
            ),
        )
        self._verdicts.keep(series, replace(self._verdicts.series(series), pinned=value))

    def was_regression(self, run: KnownRun, result: Result) -> bool:
        """Whether a run's result was judged to be one."""
        row = self._execute(
            "SELECT state FROM judgements WHERE run = ? AND name = ?", (run.row, result.name)
        ).fetchone()
        return row is not None and row[0] in REGRESSED

    def start_anew(self, run: KnownRun, result: Result, window_runs: int) -> None:
        """Accepts a run's level: the window of its series has this run and those after it, the last window_runs of them."""
        key = run.series(result)
        rows = self._execute(
            "SELECT value FROM judgements JOIN results USING (run, name) JOIN runs ON runs.id = run "
            "WHERE project = ? AND environment = ? AND machine = ? AND name = ? AND unit = ? "
            "AND min(timestamp_seconds, ingested_seconds) >= (SELECT min(timestamp_seconds, ingested_seconds) FROM runs WHERE id = ?) "
            "ORDER BY min(timestamp_seconds, ingested_seconds), run",
            (key.project, key.environment, key.machine, key.name, key.unit, run.row),
        ).fetchall()
        window = tuple(value for (value,) in rows)[-window_runs:]
        self._verdicts.keep(
            key,
            replace(self._verdicts.series(key), window=window, previous=None, unconfirmed=None),
        )

    def shown(self, series: SeriesKey) -> int | None:
        """The run whose judgement is shown for a series; None where another machine class has the word."""
        row = self._execute(
            "SELECT run FROM newest_judgements JOIN results USING (run, name) "
            "WHERE name = ? AND environment = ? AND machine = ? AND unit = ?",
            (series.name, series.environment, series.machine, series.unit),
        ).fetchone()
        return None if row is None else int(row[0])

    def amend(self, run: int, name: str, verdict: Verdict) -> None:
        """What is thought of a run's result now that its baseline is another. What was counted of it stays so."""
        j = verdict
        self._change(
            "UPDATE judgements SET state = ?, rolling = ?, pinned = ?, reference = ?, limit_value = ?, worsening_ratio = ?, "
            "noise_ratio = ?, run_count = ?, suppressed = ? WHERE run = ? AND name = ?",
            (
                j.state,
                j.rolling,
                j.pinned,
                j.reference,
                j.limit,
                j.worsening_ratio,
                j.noise_ratio,
                j.run_count,
                j.suppressed,
                run,
                name,
            ),
        )

    def pinned(self) -> Sequence[PinnedResult]:
        """All of them, what was pinned last first."""
        return [
            PinnedResult(
                SeriesKey(project, environment, machine, name, unit),
                run,
                run_id,
                commit_hash,
                value,
                Pin(*pin),
            )
            for project, environment, machine, name, unit, run, run_id, commit_hash, value, *pin in self._execute(
                "SELECT project, environment, machine, name, unit, run, run_id, commit_hash, value, version, who, at_seconds, reason "
                "FROM baselines ORDER BY at_seconds DESC, run, name",
                (),
            )
        ]

    def clear(self, run: int) -> int:
        """Lets go of what was pinned of a run; how many results that were."""
        cleared = [pinned.series for pinned in self.pinned() if pinned.run == run]
        for series in cleared:
            self._verdicts.keep(series, replace(self._verdicts.series(series), pinned=None))
        if cleared:
            self._change("DELETE FROM baselines WHERE run = ?", (run,))
        return len(cleared)
