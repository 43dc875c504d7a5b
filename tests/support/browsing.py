"""What the tests of the pages have an exporter show."""

import json

from tests.support.process import Exporter


def drop(exporter: Exporter, name: str, document: object) -> None:
    """Writes a result file."""
    (exporter.results / name).write_text(json.dumps(document))


def notify(exporter: Exporter, status: str) -> None:
    """Delivers an alert as Alertmanager does."""
    labels = {
        "alertname": "CriticalPerformanceRegression",
        "benchmark_name": "orbit",
        "severity": "critical",
    }
    alert = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": "orbit is slow"},
        "fingerprint": "f1",
    }
    assert exporter.status_of("/api/v1/alerts", json.dumps({"alerts": [alert]}).encode())[0] == 200
