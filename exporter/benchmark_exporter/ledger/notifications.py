"""Alerts as they were last received from Alertmanager, and how often.

Whoever reaches the exporter without a credential can send alerts, of any name. So there is a limit
to the alerts that are kept and to the series of their counter; neither is reached by what a stack
sends. A *known* alert is one that the stack has a rule for.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from benchmark_exporter.counters import NOTIFICATIONS_RECEIVED
from benchmark_exporter.ledger import totals
from benchmark_exporter.ledger.notification_rows import ReceivedSeries
from benchmark_exporter.ledger.received import ReceivedNotification, Unheard
from benchmark_exporter.ledger.state import Labels
from benchmark_exporter.ledger.tables import COUNTERS, NOTIFICATION_SERIES, NOTIFICATIONS
from benchmark_exporter.ledger.urgency import urgent_first, varied
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import SEVERITIES, Notification

NOTIFICATIONS_KEPT = 200
# Of one name, as long as there are others to keep.
KEPT_OF_ONE_NAME = 25
# Alertmanager repeats a lasting alert after four days at the latest.
MAX_AGE_SECONDS = 7 * 86_400.0

# Series of alerts that are not known. What is beyond that shares one for each status.
SERIES_KEPT = 200
OTHER = "(other)"
# A series that was not counted for so long may lose its place to a new one.
SERIES_LEAST_SECONDS = 30 * 86_400.0
KNOWN_SEVERITIES = frozenset({*SEVERITIES, "none"})

_NAME = NOTIFICATIONS_RECEIVED.name
_ALL = NOTIFICATIONS.columns.query("FROM notifications")
_DELETE = "DELETE FROM notifications WHERE fingerprint = ?"
_DELETE_OLD = "DELETE FROM notifications WHERE received_seconds < ?"
_NOTE = (
    "UPDATE notifications SET missing_seconds = ? "
    "WHERE fingerprint = ? AND received_seconds = ? AND status = 'firing'"
)
_END = (
    "UPDATE notifications SET status = 'resolved', since_seconds = ?, missing_seconds = NULL "
    "WHERE fingerprint = ? AND received_seconds = ? AND status = 'firing'"
)
_SERIES = NOTIFICATION_SERIES.columns.query("FROM notification_series")


def is_known(labels: Labels, known: Collection[str]) -> bool:
    """Whether a series is of an alert that the stack has a rule for."""
    alertname, severity, _ = labels
    return alertname in known and severity in KNOWN_SEVERITIES


class Notifications:
    """The alerts of one transaction. Call `record` once with all that was received together."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer

    def record(
        self,
        received: Sequence[Notification],
        known: Collection[str],
        at: float,
        others: Counter[str],
    ) -> int:
        """Counts alerts and keeps the newest state of each; `at` is in seconds since 1970.

        `known` are the names that the stack has rules for, `others` how many more alerts of each
        status are only counted. Returns how many alerts were counted without their name.
        """
        if not received and not others:
            return 0
        self._buffer.changed = self._buffer.touched.notifications = True
        nameless = self._count(received, known, at) + others
        for status, number in nameless.items():
            self._add((OTHER, OTHER, status), at, number)
        self._keep(received, known, at)
        return nameless.total()

    def note(self, unheard: Iterable[Unheard], at: float) -> None:
        """Keeps what is known of alerts without a message, at a time in seconds since 1970.

        A message that has come meanwhile counts more.
        """
        for each in unheard:
            key = each.fingerprint, each.received_seconds
            if each.has_ended:
                changed = self._connection.execute(_END, (at, *key)).rowcount
            else:
                changed = self._connection.execute(_NOTE, (each.missing_seconds, *key)).rowcount
            if changed:
                self._buffer.changed = self._buffer.touched.notifications = True

    def _count(
        self, received: Iterable[Notification], known: Collection[str], at: float
    ) -> Counter[str]:
        """The number of alerts by status for which there was no series."""
        series = {
            each.labels: each.received_seconds
            for each in _SERIES.rows(self._connection)
            if not is_known(each.labels, known)
        }
        nameless: Counter[str] = Counter()
        counted: set[Labels] = set()
        for each in received:
            labels = (each.alertname, each.severity, each.status)
            if not is_known(labels, known):
                if labels not in series and not self._has_room(series, at):
                    nameless[each.status] += 1
                    continue
                series[labels] = at
                counted.add(labels)
            self._add(labels, at, 1)
        self._connection.executemany(
            NOTIFICATION_SERIES.replace,
            [NOTIFICATION_SERIES.bind((), ReceivedSeries(labels, at)) for labels in counted],
        )
        return nameless

    def _has_room(self, series: dict[Labels, float], at: float) -> bool:
        """Makes room in place of what was not counted for long. Its total goes to the others."""
        if len(series) < SERIES_KEPT:
            return True
        oldest = min(series, key=series.__getitem__)
        if series[oldest] > at - SERIES_LEAST_SECONDS:
            return False
        del series[oldest]
        self._connection.execute(
            NOTIFICATION_SERIES.delete, NOTIFICATION_SERIES.bind_key((oldest,))
        )
        row = self._buffer.get(COUNTERS, (_NAME, oldest))
        if row is not None:
            self._buffer.put(COUNTERS, (_NAME, oldest), None)
            self._add((OTHER, OTHER, oldest[2]), at, row.value)
        return True

    def _add(self, labels: Labels, at: float, number: int) -> None:
        self._buffer.change(COUNTERS, (_NAME, labels), totals.counted, number, at)

    def _keep(self, received: Iterable[Notification], known: Collection[str], at: float) -> None:
        prune_notifications(self._connection, at - MAX_AGE_SECONDS)
        kept = {each.notification.fingerprint: each for each in _ALL.rows(self._connection)}
        for each in received:
            before = kept.get(each.fingerprint)
            lasts = before is not None and before.notification.status == each.status
            since = before.since_seconds if before is not None and lasts else at
            kept[each.fingerprint] = ReceivedNotification(each, at, since, each.alertname in known)
        rows = [kept[fingerprint] for fingerprint in {each.fingerprint for each in received}]
        self._connection.executemany(
            NOTIFICATIONS.replace, [NOTIFICATIONS.bind((), row) for row in rows]
        )
        gone = kept.keys() - {each.notification.fingerprint for each in chosen(kept.values())}
        self._connection.executemany(_DELETE, [(fingerprint,) for fingerprint in gone])


def prune_notifications(connection: sqlite3.Connection, before_seconds: float) -> int:
    """Deletes what was received last before a time (seconds since 1970); returns how much."""
    return connection.execute(_DELETE_OLD, (before_seconds,)).rowcount


def chosen(received: Collection[ReceivedNotification]) -> Sequence[ReceivedNotification]:
    """Those to keep: all, or as many as are kept of those that matter most and of the newest.

    Nobody can push out all that others sent: what lasts longest comes first among what matters
    equally, and of no name there are more than KEPT_OF_ONE_NAME before those of other names.
    """
    if len(received) <= NOTIFICATIONS_KEPT:
        return list(received)
    # Known names come before severities, which anybody can forge, too.
    urgent = sorted(urgent_first(received), key=lambda each: (not each.fires, not each.known))
    lasting = varied(urgent, KEPT_OF_ONE_NAME)
    newest = sorted(received, key=lambda each: each.received_seconds, reverse=True)
    half = NOTIFICATIONS_KEPT // 2
    found = {
        each.notification.fingerprint: each
        for each in (*lasting[:half], *varied(newest, KEPT_OF_ONE_NAME), *lasting)
    }
    return list(found.values())[:NOTIFICATIONS_KEPT]
