"""Finds alerts that ended while nobody could say so, and reports their end.

Alertmanager forgets its alerts when it ends, and remembers only what it has sent. Prometheus
forgets those whose cause is gone when it is started again. So if both are stopped while an alert
fires and its cause ends meanwhile, neither ever sends "resolved": an incident stays open, and the
exporter's pages show an alert that nobody has any more. But Alertmanager, sent such an alert with
an end in the past, tells those to whom it had reported the beginning, and nobody else.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime

import aiohttp

from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.received import ReceivedNotification, Unheard
from benchmark_exporter.model import SEVERITIES, Notification
from benchmark_exporter.server.alertmanager_api import (
    ActiveAlert,
    AlertmanagerApi,
    AlertmanagerError,
)
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence

log = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
# An end is delivered within group_interval, 10 s; a Prometheus sends its alerts again every 10 s.
MISSING_SECONDS = 25.0
# It fires always, so whoever has it gets what Prometheus sends.
ALWAYS_FIRES = "Watchdog"


class LostEnds:
    """Compares the alerts that were received with those that Alertmanager has.

    `received` gives the former. `note` stores what was found. What the latter lacks may have ended
    after MISSING_SECONDS, and has ended after `lost_after_seconds` of steady evidence: no
    Prometheus is away, and what it sends arrives.
    """

    def __init__(
        self,
        received: Callable[[], Sequence[ReceivedNotification]],
        note: Callable[[Sequence[Unheard]], Awaitable[None]],
        absence: PrometheusAbsence,
        keeping: AlertKeeping,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._received = received
        self._note = note
        self._absence = absence
        self.configure(keeping)
        self._clock = clock
        self._monotonic = monotonic
        # When each message's alert was first found to be missing, and when evidence became steady,
        # by the monotonic clock.
        self._missing: dict[tuple[str, float], float] = {}
        self._steady_since = math.inf

    def configure(self, keeping: AlertKeeping) -> None:
        """Works by other times from now on."""
        self._keeping = keeping

    async def check(self, api: AlertmanagerApi) -> None:
        """Notes what is missing, or has come back, and ends what has been missing for long.

        Raises:
            AlertmanagerError: Alertmanager does not list or accept alerts.
            LedgerError: the ledger cannot be written.
        """
        firing = [
            each
            for each in self._received()
            if each.fires and each.notification.severity in SEVERITIES
        ]
        if not firing:
            self._missing, self._steady_since = {}, math.inf
            return
        active = await api.active()
        now, moment = self._monotonic(), self._clock()
        self._steady_since = min(self._steady_since, now) if self._is_steady(active) else math.inf
        labels = {frozenset(alert.labels.items()) for alert in active}
        missing = {}
        for each in firing:
            if not _is_among(each.notification, labels):
                key = _key(each)
                missing[key] = self._missing.get(key, now)
        self._missing = missing
        ended = [each for each in firing if self._has_ended(each, now)]
        lasting = [each for each in firing if not self._has_ended(each, now)]
        if whole := [each.notification for each in ended if each.notification.labels]:
            await api.post([_end_of(notification, moment) for notification in whole])
        unheard = [Unheard(*_key(each), None, has_ended=True) for each in ended]
        unheard += self._changed(lasting, now, moment.timestamp())
        if unheard:
            await self._note(unheard)
        if ended:
            names = ", ".join(sorted({each.notification.alertname for each in ended}))
            log.warning(
                "alerts have ended unheard; they are reported as resolved now",
                extra={"fields": {"alerts": len(ended), "names": names}},
            )

    def _is_steady(self, active: Collection[ActiveAlert]) -> bool:
        return (
            self._absence.has_been_scraped
            and self._absence.seconds() is None
            and self._absence.unscraped_seconds() <= self._keeping.after_seconds
            and any(alert.labels.get("alertname") == ALWAYS_FIRES for alert in active)
        )

    def _has_ended(self, each: ReceivedNotification, now: float) -> bool:
        since = max(self._missing.get(_key(each), math.inf), self._steady_since)
        return now - since >= self._keeping.lost_after_seconds

    def _changed(
        self, firing: Collection[ReceivedNotification], now: float, at_seconds: float
    ) -> list[Unheard]:
        """Those that may have ended now and did not before, or the other way round."""
        changed = []
        for each in firing:
            waited = now - self._missing.get(_key(each), math.inf)
            if each.missing_seconds is not None:
                if waited < 0:
                    changed.append(Unheard(*_key(each), None))
            elif waited >= MISSING_SECONDS:
                changed.append(Unheard(*_key(each), at_seconds - waited))
        return changed


class LostEndsLoop:
    """Has that checked every CHECK_SECONDS while `is_ready`.

    `urls` are the Alertmanagers' addresses without a trailing slash, `authorization` gives the
    headers that they ask for. `note_error` gets what the ledger cannot store.
    """

    def __init__(
        self,
        lost_ends: LostEnds,
        urls: Sequence[str],
        authorization: Callable[[], Mapping[str, str]],
        is_ready: Callable[[], bool],
        note_error: Callable[[Exception], None],
    ) -> None:
        self._lost_ends = lost_ends
        self._urls = urls
        self._authorization = authorization
        self._is_ready = is_ready
        self._note_error = note_error

    async def run(self) -> None:
        """Checks until cancelled."""
        async with aiohttp.ClientSession() as session:
            api = AlertmanagerApi(self._urls, session, self._authorization)
            while True:
                await asyncio.sleep(CHECK_SECONDS)
                if not self._is_ready():
                    continue
                try:
                    await self._lost_ends.check(api)
                except AlertmanagerError as error:
                    log.debug("%s", error)  # Prometheus reports that
                except (LedgerError, OSError) as error:
                    self._note_error(error)
                    log.error(
                        "the ends of alerts cannot be stored, retrying",
                        extra={"repeats": "lost ends", "fields": {"reason": error}},
                    )


def _key(received: ReceivedNotification) -> tuple[str, float]:
    return received.notification.fingerprint, received.received_seconds


def _is_among(alert: Notification, active: Collection[frozenset[tuple[str, str]]]) -> bool:
    """Whether Alertmanager has it. What was not kept whole is known by some of its labels."""
    if alert.labels:
        return frozenset(alert.labels.items()) in active
    known = {
        "alertname": alert.alertname,
        "benchmark_name": alert.benchmark,
        "project": alert.project,
        "environment": alert.environment,
        "machine_class": alert.machine_class,
        "branch": alert.branch,
        "severity": alert.severity,
    }
    wanted = {(name, text) for name, text in known.items() if text}
    return any(wanted <= labels for labels in active)


def _end_of(alert: Notification, moment: datetime) -> ActiveAlert:
    return ActiveAlert(dict(alert.labels), dict(alert.annotations), ends_at=moment)
