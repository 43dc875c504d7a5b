"""Does what has to be done at Alertmanager while Prometheus is away."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

import aiohttp

from benchmark_exporter.server.alertmanager_api import AlertmanagerApi, AlertmanagerError
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence

log = logging.getLogger(__name__)

# In after_seconds. When they are over, an alert has more than twice that left.
CHECKS = 5


class Duty(Protocol):
    """Something to be checked regularly."""

    async def check(self, api: AlertmanagerApi) -> None:
        """Raises AlertmanagerError."""


class AbsenceLoop:
    """Checks each duty.

    `url` is Alertmanager's address without a trailing slash, `authorization` gives the headers that
    it asks for.
    """

    def __init__(
        self,
        url: str,
        authorization: Callable[[], Mapping[str, str]],
        absence: PrometheusAbsence,
        after_seconds: float,
        *duties: Duty,
    ) -> None:
        self._url = url
        self._authorization = authorization
        self._absence = absence
        self._interval_seconds = after_seconds / CHECKS
        self._duties = duties
        self._has_failed = False

    async def run(self) -> None:
        """Checks until cancelled."""
        async with aiohttp.ClientSession() as session:
            api = AlertmanagerApi(self._url, session, self._authorization)
            while True:
                await asyncio.sleep(self._interval_seconds)
                try:
                    for duty in self._duties:
                        await duty.check(api)
                except AlertmanagerError as error:
                    self._log_failure(error)
                else:
                    self._has_failed = False

    def _log_failure(self, error: AlertmanagerError) -> None:
        """Logs the first failure of several in a row, and none while the stack starts."""
        if self._absence.has_been_scraped and not self._has_failed:
            self._has_failed = True
            log.error(
                "Prometheus is away, and Alertmanager cannot be reached; retrying",
                extra={"fields": {"alertmanager": self._url, "reason": error}},
            )
