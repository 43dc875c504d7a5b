"""Which confirmed regressions have been reported, and which Prometheus servers have to see them.

A regression may end before any Prometheus has scraped it: a good run follows within a second, or
several runs were waiting while the exporter was down. So each one is stored from the transaction
that confirms it until it is reported, and is shown until then even if it has passed.

There is one row for each result. A regression that is confirmed while an earlier one is not
reported yet takes its place, and counts it.
"""

import sqlite3
from collections.abc import Iterable
from math import copysign

from msgspec.structs import replace

from benchmark_exporter.ledger.columns import Columns, Key
from benchmark_exporter.ledger.report_rows import ReportRow
from benchmark_exporter.ledger.rows import SeriesKey
from benchmark_exporter.ledger.state import PendingReport
from benchmark_exporter.ledger.tables import REGRESSION_REPORTS
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import REGRESSED, Verdict

Where = tuple[str, str, str, str, str]  # the key of a scope, and the name of a result
# The result of a confirmed regression, and the run that first confirmed it.
Alarm = tuple[Where, int]

_WHERE = ("project", "environment", "machine_class", "branch", "name")
_KEYS = f"SELECT {', '.join(_WHERE)} FROM regression_reports"  # noqa: S608  # names of the schema
_IN_SCOPE = " AND ".join(f"{{0}}.{column} = {{1}}.{column}" for column in _WHERE)
_PENDING = Columns(
    PendingReport,
    names={"limit": "limit_value"},
    without=("shifted", "baseline", "drift", "triage", "run"),
).query(
    "FROM temp.shown s CROSS JOIN regression_reports p "
    f"ON {_IN_SCOPE.format('p', 's')} JOIN verdicts v ON v.run = p.run AND v.name = p.name "
    "JOIN results r ON r.run = p.run AND r.name = p.name JOIN runs ON runs.id = p.run "
    "WHERE s.kind = 'benchmark' AND NOT p.reported "
    "AND v.state = 'critical' AND v.shifted IS NOT 1 "
    "AND coalesce(p.ended_seconds, p.confirmed_seconds) > ?",
    project="p.project",
    environment="p.environment",
    machine_class="p.machine_class",
    branch="p.branch",
    name="p.name",
)
_ANY_PENDING = "SELECT 1 FROM regression_reports WHERE NOT reported LIMIT 1"
_NEWEST = _IN_SCOPE.format("n", "regression_reports")
_HAS_ENDED = f"""
    (ended_seconds IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM newest_verdicts n JOIN verdicts v ON v.run = n.run AND v.name = n.name
        WHERE {_NEWEST} AND v.state IN ('warning', 'critical')))
"""  # noqa: S608  # names of the schema
_OF_ALARM = f"({', '.join(_WHERE)}, alarm) = (?, ?, ?, ?, ?, ?)"
_DELETE_ENDED = f"DELETE FROM regression_reports WHERE {_OF_ALARM} AND {_HAS_ENDED}"  # noqa: S608  # constants
_MARK = f"UPDATE regression_reports SET reported = 1, merged = 1 WHERE {_OF_ALARM}"  # noqa: S608  # constants
_DELETE_OLD = "DELETE FROM regression_reports WHERE ended_seconds < ?"


class Reports:
    """The confirmed regressions of one transaction."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer
        # Few results have a row, so the others need not be searched for.
        self._keys: set[Key] | None = None

    def follow(
        self,
        run: int,
        key: SeriesKey,
        verdict: Verdict,
        commit_hash: str,
        rank_seconds: float,
        at_seconds: float,
        *,
        confirmed: bool,
    ) -> None:
        """Stores what a run's verdict says of the confirmed regression of its result.

        `rank_seconds` is where the run stands in its series, `at_seconds` is now; both are in
        seconds since 1970. `confirmed` says that the verdict is to be reported. Any other verdict
        that is not a regression ends the one before it.

        A late run and those after it may be judged again, in their order, with `confirmed` only
        for what was not counted before: they end no regression that came after them. A regression
        that is none any longer is not reported.
        """
        where = key[:-1]
        if self._keys is None:
            self._keys = set(self._connection.execute(_KEYS))
        if not confirmed and where not in self._keys:
            return
        known = self._buffer.get(REGRESSION_REPORTS, where)
        if known is not None and run in (known.alarm, known.run) and verdict.state != "critical":
            known = _taken_back(known, run)
            self._buffer.put(REGRESSION_REPORTS, where, known)
        # A rank after now was given by a clock that has been set back since.
        is_late = known is not None and rank_seconds < known.rank_seconds <= at_seconds
        if confirmed:
            self._keys.add(where)
            row = ReportRow(run, run, rank_seconds, at_seconds)
            if known is not None:
                row = _before(known, row) if is_late else _after(known, row, verdict)
            self._buffer.put(REGRESSION_REPORTS, where, row)
        elif (
            known is not None
            and known.ended_seconds is None
            and verdict.state not in REGRESSED
            and not is_late
        ):
            ended = replace(known, ended_commit=commit_hash, ended_seconds=at_seconds)
            self._buffer.put(REGRESSION_REPORTS, where, None if known.reported else ended)

    def mark_reported(self, alarms: Iterable[Alarm]) -> None:
        """Stores that regressions were reported. Those that have passed are no longer needed."""
        self._buffer.flush()
        self._buffer.changed = True
        for where, alarm in alarms:
            self._buffer.touched.benchmarks.add(where)
            self._connection.execute(_DELETE_ENDED, (*where, alarm))
            self._connection.execute(_MARK, (*where, alarm))

    def delete_passed(self, before_seconds: float) -> None:
        """Deletes regressions that passed before a time and are no longer shown."""
        self._connection.execute(_DELETE_OLD, (before_seconds,))


def _taken_back(known: ReportRow, run: int) -> ReportRow | None:
    """The row without a run that is no longer critical; None if that was the only one."""
    if known.alarm == known.run:
        return None
    other = known.run if run == known.alarm else known.alarm
    return replace(known, alarm=other, run=other)


def _after(known: ReportRow, row: ReportRow, verdict: Verdict) -> ReportRow:
    """The row for a regression that was confirmed after the one that is known."""
    if known.ended_seconds is None and verdict.alarm_runs != 1:  # it is the same one
        return replace(
            known,
            run=known.run if _is_good(verdict) else row.run,
            rank_seconds=row.rank_seconds,
            confirmed_seconds=row.confirmed_seconds,
        )
    return row if known.reported else replace(row, merged=known.merged + 1)


def _is_good(verdict: Verdict) -> bool:
    """Whether the run itself is within its limit, and regressed only by those before it."""
    if verdict.reference is None or verdict.limit is None:
        return False
    room = verdict.limit - verdict.reference
    return (verdict.value - verdict.reference) * copysign(1, room) < abs(room)


def _before(known: ReportRow, row: ReportRow) -> ReportRow:
    """The row for one that a late run confirmed, before the one that is known.

    While an alert of the result fires, it is not a reason for another.
    """
    return known if known.reported else replace(known, merged=known.merged + row.merged)


def read_pending(connection: sqlite3.Connection, after_seconds: float) -> list[PendingReport]:
    """The regressions of the selected subjects that are not reported yet.

    Those that passed up to `after_seconds` (seconds since 1970) are left out. `visibility.select`
    has just selected the subjects.
    """
    if connection.execute(_ANY_PENDING).fetchone() is None:  # as most of the time
        return []
    return list(_PENDING.rows(connection, (after_seconds,)))
