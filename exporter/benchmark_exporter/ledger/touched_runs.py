"""To which scopes the runs belong of which only the row was noted."""

import sqlite3

from benchmark_exporter.ledger.touched import Touched

_SCOPE = "SELECT tracked, project, environment, machine, line FROM runs WHERE id = ?"


def resolve_runs(connection: sqlite3.Connection, touched: Touched) -> None:
    """Notes the subjects, scopes and branches of the runs that were noted."""
    scopes = {}
    for run in {*touched.shift_runs, *(run for run, _ in touched.runs)}:
        row = connection.execute(_SCOPE, (run,)).fetchone()
        if row is not None:
            tracked, *scope = row
            scopes[run] = tuple(scope)
            touched.branch_runs |= not tracked
    touched.benchmarks.update((*scopes[run], name) for run, name in touched.runs if run in scopes)
    touched.scopes.update(scopes[run] for run in touched.shift_runs if run in scopes)
    touched.runs.clear()
