"""Recording runs that were made, and are known elsewhere, since long before they come in.

They are judged, stored and shown as any others. But they are no events of today: nothing is
counted, since a counter would rise at the time of the import; no confirmed regression is reported
that a later run has ended; and a benchmark is shown only as long after its own last run as others
are.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from benchmark_exporter.ledger.reports import Reports
from benchmark_exporter.ledger.rows import SeriesKey, SubjectRow
from benchmark_exporter.ledger.state import Labels, Subject
from benchmark_exporter.ledger.tables import SUBJECTS
from benchmark_exporter.ledger.transaction import Transaction
from benchmark_exporter.ledger.visibility import next_position, prefix_of
from benchmark_exporter.model import Scope, Severity, Verdict

_HAS_DOCUMENT = "SELECT 1 FROM documents WHERE digest = ?"


class PastReports(Reports):
    """Reports nothing for the first time. What it ends, or takes back, it does as always."""

    def follow(
        self,
        run: int,
        key: SeriesKey,
        verdict: Verdict,
        commit_hash: str,
        rank_seconds: float,
        at_seconds: float,
        *,
        confirmed: bool,  # noqa: ARG002  # whether it is, nobody is to be told
    ) -> None:
        """See `Reports.follow`."""
        super().follow(run, key, verdict, commit_hash, rank_seconds, at_seconds, confirmed=False)


class PastTransaction(Transaction):
    """A transaction of past runs, made by `Ledger.past_transaction`.

    `made_seconds` is when the run was made that is recorded next, in seconds since 1970. `recorded`
    is how many runs were new.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        errors_named: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(connection, errors_named)
        self.reports = PastReports(connection, self._buffer)
        self._runs.keeps_durations = False
        self._later: dict[Subject, float] = {}
        self.made_seconds = 0.0
        self.recorded = 0

    def has_document(self, digest: bytes) -> bool:
        """Whether a document is known by this digest."""
        self._buffer.flush()
        return self._connection.execute(_HAS_DOCUMENT, (digest,)).fetchone() is not None

    def record_ingest(self, at: float) -> None:  # noqa: ARG002  # nothing has just come in
        """Notes that the run was new."""
        self.recorded += 1
        self._buffer.changed = True

    def see(self, subject: Subject, at: float, max_age_seconds: float) -> None:  # noqa: ARG002
        """Stores that a subject had a run when that was made, unless it had a later one.

        A subject is stored with its first run in a transaction, and again, if need be, by `finish`.
        """
        known = self._seen.get(subject)
        if known is None:
            self._buffer.changed = True
            self.touched.note_subject(subject)
            self._seen[subject] = self._store(subject, self.made_seconds)
        elif self.made_seconds > known:
            self._seen[subject] = self._later[subject] = self.made_seconds

    def finish(self) -> None:
        """See `Transaction.finish`."""
        for subject, seconds in self._later.items():
            self._store(subject, seconds)
        super().finish()

    def _store(self, subject: Subject, seconds: float) -> float:
        """Stores that a subject had a run at a time; when it had its last one."""
        key = tuple(subject)
        found = self._connection.execute(SUBJECTS.select, key).fetchone()
        if found is None:
            row = SubjectRow(prefix_of(subject), next_position(self._connection), seconds)
        else:
            known = SUBJECTS.columns.read(found)
            if known.seen_seconds >= seconds:
                return known.seen_seconds
            row = SubjectRow(known.prefix, known.position, seconds)
        self._connection.execute(SUBJECTS.replace, SUBJECTS.bind(key, row))
        return seconds

    def count(self, name: str, labels: Labels, at: float, by: int = 1) -> None:  # noqa: ARG002
        """Makes the counter's series known, and adds nothing."""
        super().count(name, labels, at, by=0)

    def count_commit(
        self,
        scope: Scope,
        name: str,
        severity: Severity,
        commit_hash: str,
        run_seconds: float,
        at: float,
    ) -> None:
        """Counts nothing."""

    def observe(
        self,
        name: str,
        labels: Labels,
        values: Sequence[float],
        bounds: tuple[float, ...],
        at: float,
    ) -> None:
        """Adds nothing."""
