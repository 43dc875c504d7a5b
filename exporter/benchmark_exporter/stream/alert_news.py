"""Messages about alerts: those that fire, and what changes of them."""

from collections.abc import Iterable, Iterator, Sequence

from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.ledger.urgency import urgent_first, varied
from benchmark_exporter.model import SEVERITIES
from benchmark_exporter.stream.message_filter import MessageFilter
from benchmark_exporter.stream.messages import AlertNews
from benchmark_exporter.stream.moment import moment

# A snapshot has the most urgent, and of one name no more as long as there are others.
MAX_ALERTS, OF_ONE_NAME = 100, 25


def firing_alerts(
    received: Iterable[ReceivedNotification], wanted: MessageFilter
) -> Sequence[AlertNews]:
    """Those that fire, those that may have ended among them."""
    firing = [
        _news(each)
        for each in varied(urgent_first(received), OF_ONE_NAME)
        # Watchdog, which always fires, has another severity.
        if each.fires and each.notification.severity in SEVERITIES
    ]
    return [alert for alert in firing if wanted(alert.project, alert.benchmark, alert.branch)][
        :MAX_ALERTS
    ]


def changed_alerts(
    received: Iterable[ReceivedNotification], before: Iterable[ReceivedNotification]
) -> Iterator[AlertNews]:
    """Those that are not as they were before."""
    known = {each.notification.fingerprint: (each.notification, each.status) for each in before}
    for each in received:
        alert = each.notification
        is_new = known.get(alert.fingerprint) != (alert, each.status)
        if is_new and alert.severity in SEVERITIES:
            yield _news(each)


def _news(received: ReceivedNotification) -> AlertNews:
    notification = received.notification
    return AlertNews(
        fingerprint=notification.fingerprint,
        alertname=notification.alertname,
        benchmark=notification.benchmark,
        project=notification.project,
        environment=notification.environment,
        machine_class=notification.machine_class,
        branch=notification.branch,
        severity=notification.severity,
        status=received.status,
        summary=notification.summary,
        received=moment(received.received_seconds),
    )
