"""Keeps Prometheus' alerts from ending while Prometheus is away.

An alert that Prometheus sends ends four resend delays later unless it is sent again, so a
Prometheus that restarts would end all of them: "resolved" for what still lasts. A longer resend
delay would avoid this, but then an Alertmanager that restarts, and has forgotten its alerts, waits
as long for them.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import msgspec

from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.server.alertmanager_api import ActiveAlert, AlertmanagerApi
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence

log = logging.getLogger(__name__)

# In extend_seconds.
EXTENSIONS = 4
# The severity of alerts whose absence is the alarm, such as Watchdog.
ALWAYS_FIRING = "none"
# These have it too, since nobody is notified of them. What they mute would be sent without them.
MUTING = frozenset({"RegressionTriaged", "CommonRegressionTriaged"})


class AlertKeeper:
    """Sends the alerts of a Prometheus that is away again, until it is back or has been away long.

    Alertmanager merges alerts with equal labels, and what a Prometheus says counts more: an alert
    that it ends, ends. So another Prometheus with the same rules is not disturbed.
    """

    def __init__(
        self,
        absence: PrometheusAbsence,
        keeping: AlertKeeping,
        clock: Callable[[], datetime],
    ) -> None:
        self._absence = absence
        self._keeping = keeping
        self._clock = clock
        # How long Prometheus had been away when the alerts were extended last.
        self._extended_after_seconds: float | None = None

    def configure(self, keeping: AlertKeeping) -> None:
        """Works by other times from now on."""
        self._keeping = keeping

    async def check(self, api: AlertmanagerApi) -> None:
        """Extends the alerts if a Prometheus is away.

        Raises:
            AlertmanagerError: Alertmanager does not list or accept them.
        """
        away_seconds = self._absence.seconds()
        if away_seconds is None:
            self._log_end()
            return
        if not self._is_due(away_seconds):
            return
        kept = [alert for alert in await api.active() if is_kept(alert)]
        # Asked again, since Prometheus may have come back and ended one meanwhile.
        away_seconds = self._absence.seconds()
        if away_seconds is None or not kept:
            return
        await api.post(self._extended(kept, away_seconds))
        if self._extended_after_seconds is None:
            log.warning(
                "Prometheus has stopped scraping; its alerts are kept from ending",
                extra={"fields": {"alerts": len(kept), "away_seconds": round(away_seconds, 1)}},
            )
        self._extended_after_seconds = away_seconds

    def _is_due(self, away_seconds: float) -> bool:
        """Whether the last extension was some time ago, or another Prometheus is away too."""
        last = self._extended_after_seconds
        pause_seconds = self._keeping.extend_seconds / EXTENSIONS
        return last is None or not last <= away_seconds < last + pause_seconds

    def _extended(self, alerts: Sequence[ActiveAlert], away_seconds: float) -> list[ActiveAlert]:
        left = min(self._keeping.extend_seconds, self._keeping.limit_seconds - away_seconds)
        now = self._clock()
        ends_at = now + timedelta(seconds=left)
        # One that began in the future, before the clock was set back, would end before that.
        return [
            msgspec.structs.replace(
                alert, starts_at=min(alert.starts_at or now, now), ends_at=ends_at
            )
            for alert in alerts
        ]

    def _log_end(self) -> None:
        if self._extended_after_seconds is None:
            return
        self._extended_after_seconds = None
        if self._absence.unscraped_seconds() <= self._keeping.after_seconds:
            log.info("Prometheus scrapes again")
        else:
            log.warning("Prometheus has been away for limit_seconds; its alerts end now")


def is_kept(alert: ActiveAlert) -> bool:
    """Whether a Prometheus sent an alert, and its absence is not itself the alarm."""
    # Prometheus links to its expression browser.
    from_prometheus = "g0.expr" in parse_qs(urlsplit(alert.generator_url).query)
    if alert.labels.get("alertname") in MUTING:
        return from_prometheus
    return from_prometheus and alert.labels.get("severity") != ALWAYS_FIRING
