"""Notifications as Alertmanager delivers them."""

from benchmark_exporter.model import Notification

WATCHDOG = Notification(
    "f00d", "Watchdog", benchmark="", severity="none", status="firing", summary="always on"
)
