"""Alerts as they were last received from Alertmanager."""

import sqlite3

from benchmark_exporter.ledger.state import ReceivedNotification
from benchmark_exporter.ledger.tables import NOTIFICATIONS
from benchmark_exporter.model import Notification

NOTIFICATIONS_KEPT = 200

_DELETE_OLDER = """
    DELETE FROM notifications WHERE fingerprint IN (
        SELECT fingerprint FROM notifications ORDER BY received_seconds DESC LIMIT -1 OFFSET ?)
"""


def store_notification(
    connection: sqlite3.Connection, notification: Notification, at: float
) -> None:
    """Stores one; the newest NOTIFICATIONS_KEPT are kept. `at` is in seconds since 1970."""
    row = ReceivedNotification(notification, at)
    connection.execute(NOTIFICATIONS.replace, NOTIFICATIONS.bind((), row))
    connection.execute(_DELETE_OLDER, (NOTIFICATIONS_KEPT,))
