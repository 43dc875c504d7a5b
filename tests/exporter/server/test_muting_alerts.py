"""Which alerts are kept while Prometheus is away: also those that only mute others."""

from datetime import UTC, datetime

import pytest

from benchmark_exporter.server.alert_keeper import is_kept
from benchmark_exporter.server.alertmanager_api import ActiveAlert

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "severity", "kept"),
    [
        ("PerformanceRegression", "critical", True),
        ("RegressionTriaged", "none", True),
        ("CommonRegressionTriaged", "none", True),
        ("Watchdog", "none", False),
    ],
)
def test_what_mutes_others_is_kept_with_them(name: str, severity: str, kept: bool) -> None:
    labels = {"alertname": name, "severity": severity}
    of_prometheus = "http://localhost:9090/graph?g0.expr=x&g0.tab=1"
    alert = ActiveAlert(
        labels=labels, annotations={}, starts_at=NOW, ends_at=NOW, generator_url=of_prometheus
    )
    assert is_kept(alert) == kept
    foreign = ActiveAlert(labels=labels, annotations={}, starts_at=NOW, ends_at=NOW)
    assert not is_kept(foreign)
