"""Which data source a dashboard asks.

All ask Prometheus. History asks `history`, which is the long-term store where there is one, and
else Prometheus: Grafana's provisioning decides, the dashboard is the same.
"""

from typing import Any

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
LONG_TERM = {"type": "prometheus", "uid": "history"}


def of_long_term(document: Any) -> Any:
    """Return a dashboard's JSON, or a part of it, that asks `history` instead of Prometheus."""
    if document == PROMETHEUS:
        return LONG_TERM
    if isinstance(document, dict):
        return {name: of_long_term(value) for name, value in document.items()}
    if isinstance(document, list):
        return [of_long_term(value) for value in document]
    return document
