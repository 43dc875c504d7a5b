"""Alerts that may have ended, on the start page."""

from collections import Counter
from collections.abc import Iterable
from html import escape

from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.ledger.urgency import urgent_first
from benchmark_exporter.model import SEVERITIES
from benchmark_exporter.texts.say import Say

SHOWN = 10


def missing_alerts(received: Iterable[ReceivedNotification], say: Say) -> str:
    """A paragraph of HTML that names them; empty if there are none."""
    counts = Counter(
        (each.notification.alertname, each.notification.project)
        for each in urgent_first(received)
        if each.status == "missing" and each.notification.severity in SEVERITIES
    )
    if not counts:
        return ""
    named = [
        f"{f'{project}: ' if project else ''}{name}{f' × {count}' if count > 1 else ''}"
        for (name, project), count in list(counts.items())[:SHOWN]
    ]
    if (more := len(counts) - SHOWN) > 0:
        named.append(say("{count} more", count=more))
    about = say(
        "May have ended: {alerts}. Alertmanager does not have them any more, as after a restart. "
        "What lasts fires again; what has ended is reported as resolved within minutes.",
        alerts=escape(say(", ").join(named)),
    )
    return f'<p id="missing">{about}</p>'
