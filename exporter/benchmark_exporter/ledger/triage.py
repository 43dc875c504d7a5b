"""The states of regressions: who said what of them, and what becomes of that.

There is one row for each result that ever had a regression, of its newest one. What a regression is
follows from the newest verdict of its result, whatever changed that: a run, a late run, a pin or a
deletion. So a transaction notes which results may differ, and compares them once, at its end.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from benchmark_exporter.counters import (
    ALERTS,
    ALERTS_CLOSE_SECONDS,
    ALERTS_CLOSED,
    ALERTS_NOISE,
    ALERTS_NOISE_WITHDRAWN,
    ALERTS_TRIAGE_SECONDS,
    ALERTS_TRIAGED,
)
from benchmark_exporter.ledger import totals
from benchmark_exporter.ledger.columns import Columns, Key
from benchmark_exporter.ledger.reports import Where
from benchmark_exporter.ledger.tables import COUNTERS, TRIAGE, TRIAGE_HISTORY
from benchmark_exporter.ledger.triage_rows import TriagedRegression, TriageEntry
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import REGRESSED, Scope, VerdictState
from benchmark_exporter.triage.rule import (
    ITSELF,
    NewestRun,
    Saying,
    TriageRow,
    expectation_ended,
    follow,
    passed_at_once,
    say,
)

# Of a result, and of all: the newest entries of the history that are kept.
HISTORY_OF_RESULT, HISTORY_OF_ALL = 100, 20_000

_KEY = "project, environment, machine_class, branch, name"
_OPEN = f"SELECT {_KEY} FROM triage WHERE ended_seconds IS NULL"  # noqa: S608  # names of the schema
_DUE = f"SELECT {_KEY} FROM triage WHERE until_seconds <= ?"  # noqa: S608  # likewise
_NEWEST = Columns(NewestRun).query(
    "FROM newest_verdicts n JOIN verdicts v ON v.run = n.run AND v.name = n.name "
    "JOIN runs ON runs.id = n.run WHERE (n.project, n.environment, n.machine_class, n.branch, "
    "n.name) = (?, ?, ?, ?, ?)",
    state="v.state",
    worsening_ratio="v.worsening_ratio",
    shifted="coalesce(v.shifted, 0)",
    run="n.run",
    rank_seconds="runs.rank_seconds",
    passed_commit="v.passed_commit",
    commit_hash="runs.commit_hash",
)
_LISTED = Columns(TriagedRegression).query("FROM triage ORDER BY began_seconds DESC, name")
_HISTORY = TRIAGE_HISTORY.columns.query(
    "FROM triage_history WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR project = ?2) "
    "ORDER BY id DESC LIMIT ?3"
)
_DELETE_OF_RESULT = f"""
    DELETE FROM triage_history WHERE id IN (SELECT id FROM triage_history
        WHERE ({_KEY}) = (?, ?, ?, ?, ?) ORDER BY id DESC LIMIT -1 OFFSET ?)
"""  # noqa: S608  # likewise
_DELETE_OF_ALL = """
    DELETE FROM triage_history WHERE id <= (
        SELECT id FROM triage_history ORDER BY id DESC LIMIT 1 OFFSET ?)
"""
_DELETE_OLD = """
    DELETE FROM triage_history WHERE id IN (
        SELECT id FROM triage_history WHERE at_seconds < ? LIMIT ?)
"""
_DELETE_ENDED = f"""
    DELETE FROM triage WHERE ({_KEY}) IN (
        SELECT {_KEY} FROM triage WHERE ended_seconds < ? AND until_seconds IS NULL LIMIT ?)
"""  # noqa: S608  # likewise


class Triage:
    """The states of regressions in one transaction."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer
        self._due: dict[Where, float] = {}
        self._reported: set[Where] = set()
        # Few results have an open regression, so the others need not be searched for.
        self._open: set[Key] | None = None

    def note(self, where: Where, state: VerdictState, at: float, *, reported: bool = False) -> None:
        """Notes that a run's verdict was stored at a time (seconds since 1970).

        `reported` says that it is notified, even if a later run of the transaction ends it.
        """
        if self._open is None:
            self._open = set(self._connection.execute(_OPEN))
        if state in REGRESSED or where in self._open:
            self._due[where] = at
        if reported:
            self._reported.add(where)

    def finish(self) -> None:
        """Compares the results that were noted with their newest verdicts.

        These are all with an open regression, if runs or names were deleted or renamed.
        """
        if self._buffer.touched.everything:
            (at,) = self._connection.execute("SELECT last_ingest_seconds FROM totals").fetchone()
            self._due = dict.fromkeys(self._connection.execute(_OPEN), at) | self._due
        if not self._due:
            return
        self._buffer.flush()
        for where, at in self._due.items():
            before = self.get(where)
            after = follow(before, self.newest(where), at)
            if after is before and where in self._reported and not (before and before.is_open):
                after = passed_at_once(at)
            self._put(where, before, after, at)
        self._due.clear()
        self._reported.clear()

    def get(self, where: Where) -> TriageRow | None:
        """The newest regression of a result, None if it never had one."""
        return self._buffer.get(TRIAGE, where)

    def newest(self, where: Where) -> NewestRun | None:
        """What the newest run says of a result, as it is in the database."""
        return next(iter(_NEWEST.rows(self._connection, where)), None)

    def say(self, where: Where, saying: Saying, expectation: str | None = None) -> TriageRow | None:
        """Stores what a person says of the newest regression of a result; the row before it.

        `expectation` is what is needed to end an expected level.
        """
        self._buffer.flush()
        before, newest = self.get(where), self.newest(where)
        if before is None:
            return None
        after = say(before, saying, newest)
        if saying.until_seconds is not None:
            after = replace(after, until_seconds=saying.until_seconds, expectation=expectation)
        self._put(where, before, after, saying.at_seconds, always=True)
        return before

    def expectations_due(self, now: float) -> Sequence[Where]:
        """The results whose level is expected no longer."""
        return [tuple(row) for row in self._connection.execute(_DUE, (now,))]

    def end_expectation(self, where: Where, why: str, now: float) -> None:
        """Stores that a level is expected no longer."""
        before = self.get(where)
        if before is not None:
            self._put(where, before, expectation_ended(before, now, why), now)

    def listed(self) -> Sequence[TriagedRegression]:
        """The newest regression of each result, the one that began last first."""
        self._buffer.flush()
        return list(_LISTED.rows(self._connection))

    def history(self, name: str | None, project: str | None, limit: int) -> Sequence[TriageEntry]:
        """The newest entries of the history, the last one first; None: of any."""
        self._buffer.flush()
        return list(_HISTORY.rows(self._connection, (name, project, limit)))

    def _put(
        self,
        where: Where,
        before: TriageRow | None,
        after: TriageRow | None,
        at: float,
        *,
        always: bool = False,
    ) -> None:
        if after is None or (after is before and not always):
            return
        self._buffer.put(TRIAGE, where, after)
        self._count(where, before, after, at)
        if always or before is None or _shown(before) != _shown(after):
            ended = not after.is_open and (before is None or before.is_open)
            self._add_entry(where, after, at, ended=ended)

    def _add_entry(self, where: Where, row: TriageRow, at: float, *, ended: bool) -> None:
        entry = TriageEntry(
            Scope(*where[:4]),
            where[4],
            row.began_seconds,
            at,
            "ended" if ended else row.state,
            ITSELF if ended else row.who,
            "" if ended else row.why,
            row.ticket,
            row.until_seconds,
        )
        self._buffer.insert(TRIAGE_HISTORY, entry)
        self._connection.execute(_DELETE_OF_RESULT, (*where, HISTORY_OF_RESULT))
        self._connection.execute(_DELETE_OF_ALL, (HISTORY_OF_ALL,))

    def _count(self, where: Where, before: TriageRow | None, after: TriageRow, at: float) -> None:
        """Counts what changed. All counters of a result begin with its first alert, at 0."""
        begins = before is None or before.began_seconds != after.began_seconds
        known = None if begins else before
        age = max(round(at - after.began_seconds), 0)
        triaged = after.triaged and not (known is not None and known.triaged)
        noise = int(after.noise) - int(known is not None and known.noise)
        closed = _is_closed(after) and not (known is not None and _is_closed(known))
        for counter, by in (
            (ALERTS, int(begins)),
            (ALERTS_TRIAGED, int(triaged)),
            (ALERTS_TRIAGE_SECONDS, age if triaged else 0),
            (ALERTS_NOISE, max(noise, 0)),
            (ALERTS_NOISE_WITHDRAWN, max(-noise, 0)),
            (ALERTS_CLOSED, int(closed)),
            (ALERTS_CLOSE_SECONDS, age if closed else 0),
        ):
            if begins or by:
                self._buffer.change(COUNTERS, (counter.name, where), totals.counted, by, at)


def prune_triage(
    connection: sqlite3.Connection, before_seconds: float, step_rows: int
) -> Iterator[int]:
    """Deletes regressions that ended before a time (seconds since 1970), and older history.

    Each step is for a transaction of its own and yields how many rows it deleted.
    """
    for statement in (_DELETE_OLD, _DELETE_ENDED):
        while deleted := connection.execute(statement, (before_seconds, step_rows)).rowcount:
            yield deleted


def _is_closed(row: TriageRow) -> bool:
    return not row.is_open or row.state == "expected"


def _shown(row: TriageRow) -> tuple[object, ...]:
    """What the history tells apart."""
    return row.state, row.since_seconds, row.ended_seconds, row.began_seconds
