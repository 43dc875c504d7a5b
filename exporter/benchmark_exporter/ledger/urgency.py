"""The order of received alerts: what matters most first."""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.model import SEVERITIES

_RANK: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}


def urgent_first(received: Iterable[ReceivedNotification]) -> list[ReceivedNotification]:
    """Firing alerts before others, the highest severity first, known before unknown names.

    Among equals, what has lasted longest comes first.
    """
    return sorted(
        received,
        key=lambda each: (
            not each.fires,
            _RANK.get(each.notification.severity, len(_RANK)),
            not each.known,
            each.since_seconds,
        ),
    )


def varied(
    received: Sequence[ReceivedNotification], of_one_name: int
) -> list[ReceivedNotification]:
    """The same order, but those of a name beyond `of_one_name` come last."""
    seen: Counter[str] = Counter()
    first: list[ReceivedNotification] = []
    beyond: list[ReceivedNotification] = []
    for each in received:
        name = each.notification.alertname
        seen[name] += 1
        (first if seen[name] <= of_one_name else beyond).append(each)
    return first + beyond
