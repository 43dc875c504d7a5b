"""Reads the newest verdicts of the state, with what is pinned and what drifts."""

import sqlite3

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.state import NewestBaseline, NewestDrift, NewestVerdict
from benchmark_exporter.ledger.triage_rows import NewestTriage
from benchmark_exporter.model import Better, Scope


class _Pinned(msgspec.Struct, frozen=True):
    """A pinned baseline and the newest result of its series; both in the unit of the series."""

    scope: Scope
    name: str
    better: Better
    value: float
    p50: float | None
    newest_p50: float | None
    p95: float | None
    newest_p95: float | None
    version: str
    run_id: str
    commit_hash: str
    at_seconds: float


class _Drifting(msgspec.Struct, frozen=True):
    """A series that drifts."""

    scope: Scope
    name: str
    unit: str
    drift: NewestDrift


class _Triaged(msgspec.Struct, frozen=True):
    """An open regression of a result."""

    scope: Scope
    name: str
    triage: NewestTriage


# Joins what is shown (s) with rows of its scope (n), and where the scope is read from.
IN_SCOPE = (
    "n.project = s.project AND n.environment = s.environment "
    "AND n.machine_class = s.machine_class AND n.branch = s.branch"
)
SCOPE = {
    "project": "s.project",
    "environment": "s.environment",
    "machine_class": "s.machine_class",
    "branch": "s.branch",
}
# Few results have a baseline, all have a verdict.
_PINNED = Columns(_Pinned)
_PINNED_COLUMNS = {
    **SCOPE,
    "name": "s.name",
    "value": "b.value",
    "p50": "b.p50",
    "newest_p50": "r.p50",
    "p95": "b.p95",
    "newest_p95": "r.p95",
    "version": "b.version",
    "run_id": "b.run_id",
    "commit_hash": "b.commit_hash",
    "at_seconds": "b.at_seconds",
}
_NEWEST = (
    f"CROSS JOIN newest_verdicts n ON {IN_SCOPE} AND n.name = s.name "
    "JOIN results r ON r.run = n.run AND r.name = n.name AND r.unit = b.unit"
)
_BASELINES = _PINNED.query(
    f"FROM baselines b {_NEWEST}".replace("s.", "b."),
    **{name: column.replace("s.", "b.") for name, column in _PINNED_COLUMNS.items()},
)
_BASELINES_OF_FEW = _PINNED.query(
    "FROM temp.shown s CROSS JOIN baselines b ON b.project = s.project "
    "AND b.environment = s.environment AND b.machine_class = s.machine_class "
    f"AND b.branch = s.branch AND b.name = s.name {_NEWEST}",
    **_PINNED_COLUMNS,
)
_VERDICTS = Columns(
    NewestVerdict, names={"limit": "limit_value"}, without=("baseline", "drift", "triage")
).query(
    f"FROM temp.shown s CROSS JOIN newest_verdicts n ON {IN_SCOPE} AND n.name = s.name "
    "JOIN verdicts v ON v.run = n.run AND v.name = n.name "
    "JOIN results r ON r.run = n.run AND r.name = n.name "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    **SCOPE,
    name="n.name",
    run="n.run",
)
_DRIFTS = Columns(_Drifting).query("FROM drifts")
_DRIFTS_OF_FEW = Columns(_Drifting).query(
    f"FROM temp.shown s CROSS JOIN drifts n ON {IN_SCOPE} AND n.name = s.name",
    **SCOPE,
    name="n.name",
)
_TRIAGED = Columns(_Triaged).query("FROM triage WHERE ended_seconds IS NULL")
_TRIAGED_OF_FEW = Columns(_Triaged).query(
    f"FROM temp.shown s CROSS JOIN triage n ON {IN_SCOPE} AND n.name = s.name "
    "WHERE n.ended_seconds IS NULL",
    **SCOPE,
    name="n.name",
)


def read_verdicts(connection: sqlite3.Connection, *, few: bool = False) -> list[NewestVerdict]:
    """The newest verdicts of the selected subjects, which `few` says are few.

    `visibility` has just selected them.
    """
    verdicts = list(_VERDICTS.rows(connection))
    pinned_rows = (_BASELINES_OF_FEW if few else _BASELINES).rows(connection)
    drifting = (_DRIFTS_OF_FEW if few else _DRIFTS).rows(connection)
    baselines = {
        (pinned.scope, pinned.name): NewestBaseline(
            value=pinned.value,
            version=pinned.version,
            run_id=pinned.run_id,
            commit_hash=pinned.commit_hash,
            pinned_seconds=pinned.at_seconds,
            speedup_p50_ratio=_speedup(pinned.better, pinned.p50, pinned.newest_p50),
            speedup_p95_ratio=_speedup(pinned.better, pinned.p95, pinned.newest_p95),
        )
        for pinned in pinned_rows
    }
    drifts = {(each.scope, each.name, each.unit): each.drift for each in drifting}
    triaged_rows = (_TRIAGED_OF_FEW if few else _TRIAGED).rows(connection)
    triaged = {(each.scope, each.name): each.triage for each in triaged_rows}
    if not baselines and not drifts and not triaged:
        return verdicts
    return [
        replace(
            verdict,
            baseline=baselines.get((verdict.scope, verdict.name)),
            drift=drifts.get((verdict.scope, verdict.name, verdict.unit)),
            triage=triaged.get((verdict.scope, verdict.name)),
        )
        for verdict in verdicts
    ]


def _speedup(better: Better, pinned: float | None, newest: float | None) -> float | None:
    """How many times better: the old over the new if lower is better, else the new over the old."""
    if pinned is None or newest is None or pinned <= 0 or newest <= 0:
        return None
    return pinned / newest if better == "lower" else newest / pinned
