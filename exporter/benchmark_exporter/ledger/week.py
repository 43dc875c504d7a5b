"""Reads what a weekly digest is made of: changes of a time, and regressions that are open."""

import math
from contextlib import closing
from pathlib import Path

import msgspec

from benchmark_exporter.ledger.change_history import read_changes
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.connection import (
    Connect,
    connect_to_read,
    open_to_read,
    reading_errors_named,
)
from benchmark_exporter.ledger.selection import ChangeSelection
from benchmark_exporter.model import Scope, VerdictState

# More than these are not read; the digest shows the largest of each project.
MOST_CHANGES, MOST_OPEN = 20_000, 5_000
# The runs of a result by their place. The last one that was not a regression is looked for from the
# newest backwards, so an open regression costs by the runs that it has lasted.
_RUNS_OF = """
    runs p JOIN verdicts q ON q.run = p.id AND q.name = n.name
    WHERE p.project = n.project AND p.environment = n.environment
    AND p.machine = n.machine_class AND p.line = n.branch AND p.tracked
"""
_LAST_GOOD = f"""
    SELECT {{0}} FROM {_RUNS_OF} AND q.state NOT IN ('warning', 'critical')
    ORDER BY p.rank_seconds DESC, p.tie DESC LIMIT 1
"""  # noqa: S608  # constants
_OPEN = f"""
    SELECT n.project, n.environment, n.machine_class, n.branch, n.name, v.state,
        v.worsening_ratio, v.passed_commit, (
            SELECT min(p.rank_seconds) FROM {_RUNS_OF}
            AND (p.rank_seconds, p.tie) > (
                coalesce(({_LAST_GOOD.format("p.rank_seconds")}), -1e300),
                coalesce(({_LAST_GOOD.format("p.tie")}), -1e300)
            )
        ) AS since
    FROM newest_verdicts n JOIN verdicts v ON v.run = n.run AND v.name = n.name
    WHERE v.state IN ('warning', 'critical') AND v.shifted IS NOT 1
    ORDER BY since, n.project, n.name LIMIT ?
"""  # noqa: S608  # constants
_UNSEARCHED = """
    SELECT EXISTS (SELECT 1 FROM change_searches_due)
    OR EXISTS (SELECT 1 FROM runs WHERE id > (SELECT through_run FROM change_search))
"""


class OpenRegression(msgspec.Struct, frozen=True):
    """A result whose newest verdict is a regression.

    `worsening_ratio` is that of the newest run, 0.2 for 20 % worse. `passed_commit` is that of the
    last run that was not one; `since_seconds` is the time of the first one that was, or of the
    oldest that is known.
    """

    scope: Scope
    name: str
    state: VerdictState
    worsening_ratio: float | None
    passed_commit: str
    since_seconds: float


class WeekRows(msgspec.Struct, frozen=True):
    """The changes of a time, the newest first; what is open, the longest first.

    `searched` says that no series waits to be searched for changes.
    """

    changes: list[ChangePoint]
    open_regressions: list[OpenRegression]
    searched: bool


def read_week(
    path: Path,
    since_seconds: float,
    until_seconds: float = math.inf,
    project: str | None = None,
    *,
    connect: Connect = connect_to_read,
) -> WeekRows:
    """The ledger at a path, which its exporter may be writing. `project` is the only one meant.

    Raises:
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    selection = ChangeSelection(
        project=project, since_seconds=since_seconds, until_seconds=until_seconds
    )
    with closing(open_to_read(path, connect)) as connection, reading_errors_named(path):
        changes = read_changes(connection, selection, MOST_CHANGES)
        rows = connection.execute(_OPEN, (MOST_OPEN,)).fetchall()
        (unsearched,) = connection.execute(_UNSEARCHED).fetchone()
    regressions = [
        OpenRegression(Scope(*row[:4]), *row[4:]) for row in rows if project in (None, row[0])
    ]
    return WeekRows(changes, regressions, not unsearched)
