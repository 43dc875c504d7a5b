"""The one alert that Prometheus cannot send: that it is down."""

from collections.abc import Callable
from datetime import datetime, timedelta

from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.server.alertmanager_api import ActiveAlert, AlertmanagerApi
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence

ALERTNAME = "PrometheusDown"
LABELS = {"alertname": ALERTNAME, "severity": "critical", "team": "devops"}


class AbsenceReport:
    """Sends PrometheusDown while no Prometheus scrapes, and its end.

    `exporter_url` is where people reach the exporter and its runbooks; None if that is unknown.
    """

    def __init__(
        self,
        absence: PrometheusAbsence,
        keeping: AlertKeeping,
        exporter_url: str | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._absence = absence
        self._keeping = keeping
        self._exporter_url = exporter_url
        self._clock = clock
        self._starts_at: datetime | None = None

    def configure(self, keeping: AlertKeeping) -> None:
        """Works by other times from now on."""
        self._keeping = keeping

    async def check(self, api: AlertmanagerApi) -> None:
        """Sends the alert if it is due, or has to end.

        Raises:
            AlertmanagerError: Alertmanager does not accept it.
        """
        now = self._clock()
        is_down = self._absence.unscraped_seconds() > self._keeping.report_after_seconds
        if is_down:
            self._starts_at = self._starts_at or now
            await api.post([self._alert(self._starts_at, now + self._lasting)])
        elif self._starts_at is not None:
            await api.post([self._alert(self._starts_at, now)])
            self._starts_at = None

    @property
    def _lasting(self) -> timedelta:
        """How long the alert lasts if this exporter dies too."""
        return timedelta(seconds=self._keeping.extend_seconds)

    def _alert(self, starts_at: datetime, ends_at: datetime) -> ActiveAlert:
        keeping = self._keeping
        annotations = {
            "summary": "Prometheus does not scrape the benchmark exporter",
            "description": (
                f"No Prometheus has scraped the exporter for {keeping.report_after_seconds:g} "
                "seconds. It is down, or cannot reach the exporter. No rule is evaluated, so no "
                "other alert begins. Those that were firing are kept until "
                f"{keeping.limit_seconds:g} seconds after the last scrape. Then they are reported "
                "as resolved, which does not mean recovery."
            ),
        }
        if self._exporter_url is not None:
            annotations["runbook_url"] = f"{self._exporter_url}/runbooks/{ALERTNAME}"
        return ActiveAlert(LABELS, annotations, starts_at, ends_at, self._exporter_url or "")
