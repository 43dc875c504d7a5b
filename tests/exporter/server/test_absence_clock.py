"""A clock that is set back while Prometheus is away.

Alertmanager takes no alert that ends before it began; what is sent then must still last, and end.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.server.absence_report import ALERTNAME, AbsenceReport
from benchmark_exporter.server.alert_keeper import AlertKeeper
from benchmark_exporter.server.alertmanager_api import ActiveAlert, AlertmanagerApi
from benchmark_exporter.server.prometheus_absence import absence_by

KEEPING = AlertKeeping()
BEFORE = datetime(2026, 11, 28, 12, tzinfo=UTC)
SET_BACK = BEFORE - timedelta(hours=1)
FROM_PROMETHEUS = "http://localhost:9090/graph?g0.expr=up"


class _Api(AlertmanagerApi):
    """An Alertmanager with these alerts, which refuses what the real one refuses."""

    def __init__(self, *active: ActiveAlert) -> None:
        self._active = active
        self.sent: list[ActiveAlert] = []

    async def active(self) -> Sequence[ActiveAlert]:
        return self._active

    async def post(self, alerts: Sequence[ActiveAlert]) -> None:
        for alert in alerts:
            assert alert.starts_at is not None
            assert alert.ends_at is not None
            assert alert.starts_at <= alert.ends_at, "start time must be before end time"
        self.sent += alerts


class _Clocks:
    """The time, and the monotonic clock; the absence begins at its start."""

    def __init__(self) -> None:
        self.now = BEFORE
        self.monotonic = 0.0
        self.absence = absence_by(KEEPING, lambda: self.monotonic)


def test_alerts_that_began_before_the_clock_was_set_back_are_kept() -> None:
    clocks = _Clocks()
    keeper = AlertKeeper(clocks.absence, KEEPING, lambda: clocks.now)
    api = _Api(
        ActiveAlert({"alertname": "A"}, {}, BEFORE, BEFORE, FROM_PROMETHEUS),
        ActiveAlert({"alertname": "B"}, {}, SET_BACK - timedelta(hours=1), None, FROM_PROMETHEUS),
    )
    clocks.now, clocks.monotonic = SET_BACK, KEEPING.after_seconds + 1
    asyncio.run(keeper.check(api))
    assert [alert.starts_at for alert in api.sent] == [SET_BACK, SET_BACK - timedelta(hours=1)]
    assert {alert.ends_at for alert in api.sent} == {
        SET_BACK + timedelta(seconds=KEEPING.extend_seconds)
    }


def test_prometheus_down_lasts_and_ends_after_the_clock_was_set_back() -> None:
    clocks, api = _Clocks(), _Api()
    report = AbsenceReport(clocks.absence, KEEPING, None, lambda: clocks.now)
    clocks.monotonic = KEEPING.report_after_seconds + 1
    asyncio.run(report.check(api))
    clocks.now = SET_BACK
    asyncio.run(report.check(api))
    clocks.absence.note_scrape("one", "", "Prometheus/3.5.3")
    asyncio.run(report.check(api))
    assert {alert.labels["alertname"] for alert in api.sent} == {ALERTNAME}
    assert [alert.starts_at for alert in api.sent] == [BEFORE, SET_BACK, SET_BACK]
    assert api.sent[-1].ends_at == SET_BACK
