"""The one alert that Prometheus cannot send: that it is down."""

from collections.abc import Callable
from datetime import datetime, timedelta

from benchmark_exporter.alert_texts.absence import annotations
from benchmark_exporter.alert_texts.language import ENGLISH, Language
from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.server.alertmanager_api import ActiveAlert, AlertmanagerApi
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence

ALERTNAME = "PrometheusDown"
LABELS = {"alertname": ALERTNAME, "severity": "critical", "team": "devops"}


class AbsenceReport:
    """Sends PrometheusDown while no Prometheus scrapes, and its end.

    `exporter_url` is where people reach the exporter and its runbooks; None if that is unknown.
    `language` is asked each time.
    """

    def __init__(
        self,
        absence: PrometheusAbsence,
        keeping: AlertKeeping,
        exporter_url: str | None,
        clock: Callable[[], datetime],
        language: Callable[[], Language] = lambda: ENGLISH,
    ) -> None:
        self._absence = absence
        self._keeping = keeping
        self._exporter_url = exporter_url
        self._clock = clock
        self._language = language
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
        if self._starts_at is not None:  # unless the clock was set back
            self._starts_at = min(self._starts_at, now)
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
        texts = annotations(
            keeping.report_after_seconds,
            keeping.limit_seconds,
            self._exporter_url,
            ALERTNAME,
            self._language(),
        )
        return ActiveAlert(LABELS, texts, starts_at, ends_at, self._exporter_url or "")
