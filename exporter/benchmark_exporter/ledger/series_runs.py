"""The judged runs of a series, as a search for change points reads them."""

import sqlite3
from typing import NamedTuple

from benchmark_exporter.changes import MOST_RUNS
from benchmark_exporter.ledger.rows import SeriesKey
from benchmark_exporter.model import REGRESSED, Better, VerdictState

# Of a series that is rarely measured, no more runs of its scope than this are searched.
_SEARCHED_RUNS = 5_000
# A run that is dated in the future ranks by its arrival.
_RUNS = """
    SELECT at, measurements, id, run_id, commit_hash, ingested_seconds, value, state,
        passed_commit, r.better
    FROM (SELECT iif(ahead, ingested_seconds, timestamp_seconds) AS at, measurements, id, run_id,
            commit_hash, ingested_seconds
        FROM runs WHERE project = :project AND environment = :environment
        AND machine = :machine_class AND line = :branch AND tracked
        ORDER BY timestamp_seconds DESC LIMIT :searched) AS searched
    CROSS JOIN verdicts v ON v.run = searched.id AND v.name = :name
    JOIN results r ON r.run = searched.id AND r.name = :name AND r.unit = :unit
    LIMIT :limit
"""


class SeriesRun(NamedTuple):
    """A run of a series, in the order in which they are judged. `value` is in the series' unit."""

    at_seconds: float
    measurements: bytes
    row: int
    run_id: str
    commit_hash: str
    ingested_seconds: float
    value: float
    state: VerdictState
    passed_commit: str
    better: Better

    @property
    def regressed(self) -> bool:
        """Whether its verdict is a regression."""
        return self.state in REGRESSED


def read_series(connection: sqlite3.Connection, key: SeriesKey) -> list[SeriesRun]:
    """The newest MOST_RUNS runs of a series, oldest first."""
    values = {**key._asdict(), "searched": _SEARCHED_RUNS, "limit": MOST_RUNS}
    return sorted(SeriesRun(*row) for row in connection.execute(_RUNS, values))
