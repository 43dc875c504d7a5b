"""Who scrapes the exporter, what was reported to them, and which counters they have seen."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from benchmark_exporter.ledger.report_rows import HoldRow, ScraperRow
from benchmark_exporter.ledger.reports import Alarm
from benchmark_exporter.ledger.tables import HOLDS, SCRAPERS
from benchmark_exporter.ledger.transaction import Transaction

# How long a regression that has passed is shown at most, and how long a Prometheus is awaited after
# its last scrape.
DELIVERY_MAX_AGE_SECONDS = 86_400.0

_SCRAPERS = "SELECT address, seen_seconds FROM scrapers"
_DELETE_SCRAPERS = "DELETE FROM scrapers WHERE seen_seconds < ?"
_RELEASED = "SELECT part, released_seconds FROM holds"
_SET_BACK = tuple(
    f"UPDATE {table} SET {column} = :now WHERE {column} > :now"  # noqa: S608  # names of the schema
    for table, column in (
        ("counters", "born_seconds"),
        ("commit_regressions", "born_seconds"),
        ("histograms", "born_seconds"),
        ("returned", "at_seconds"),
    )
)


class Delivery:
    """What a ledger knows of its delivery; made by `Ledger.delivery`.

    Every method raises LedgerError if the database cannot be read or written.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        transaction: Callable[[], AbstractContextManager[Transaction]],
        errors_named: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        self._errors_named = errors_named

    def scrapers(self) -> Mapping[str, float]:
        """When each Prometheus was last seen (seconds since 1970), by its address."""
        with self._errors_named():
            return dict(self._connection.execute(_SCRAPERS).fetchall())

    def note_scrapers(self, seen: Mapping[str, float], before_seconds: float) -> None:
        """Stores when Prometheus servers were last seen.

        Those that were not seen since `before_seconds` are deleted, and so are regressions that
        passed before then without being reported.
        """
        with self._transaction() as transaction:
            rows = [SCRAPERS.bind((address,), ScraperRow(at)) for address, at in seen.items()]
            self._connection.executemany(SCRAPERS.replace, rows)
            self._connection.execute(_DELETE_SCRAPERS, (before_seconds,))
            transaction.reports.delete_passed(before_seconds)

    def mark_reported(self, alarms: Iterable[Alarm]) -> None:
        """Stores that regressions were reported to each Prometheus."""
        with self._transaction() as transaction:
            transaction.reports.mark_reported(alarms)

    def released(self) -> Mapping[str, float]:
        """By part, up to which birth (seconds since 1970) counters are no longer held."""
        with self._errors_named():
            return dict(self._connection.execute(_RELEASED).fetchall())

    def release(self, released: Mapping[str, float]) -> None:
        """Stores that, before counters that were born so are shown with their values."""
        with self._transaction():
            self._release(released)

    def set_births_back(self, now: float, released: Mapping[str, float]) -> None:
        """After the clock was set back: what was born later than `now` was born now."""
        with self._transaction() as transaction:
            transaction.touched.everything = True
            for statement in _SET_BACK:
                self._connection.execute(statement, {"now": now})
            self._release(released)

    def _release(self, released: Mapping[str, float]) -> None:
        rows = [HOLDS.bind((part,), HoldRow(at)) for part, at in released.items()]
        self._connection.executemany(HOLDS.replace, rows)
