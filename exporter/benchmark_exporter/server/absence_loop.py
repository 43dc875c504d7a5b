"""Does what has to be done at Alertmanager while Prometheus is away."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import aiohttp

from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.server.alertmanager_api import AlertmanagerApi, AlertmanagerError
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence

log = logging.getLogger(__name__)

# In after_seconds. When they are over, an alert has more than twice that left.
CHECKS = 5


class Duty(Protocol):
    """Something to be checked regularly."""

    def configure(self, keeping: AlertKeeping) -> None:
        """Works by other times from now on."""

    async def check(self, api: AlertmanagerApi) -> None:
        """Raises AlertmanagerError."""


class AbsenceLoop:
    """Checks each duty.

    `urls` are the Alertmanagers' addresses without a trailing slash, `authorization` gives the
    headers that they ask for.
    """

    def __init__(
        self,
        urls: Sequence[str],
        authorization: Callable[[], Mapping[str, str]],
        absence: PrometheusAbsence,
        keeping: AlertKeeping,
        *duties: Duty,
    ) -> None:
        self._urls = urls
        self._authorization = authorization
        self._absence = absence
        self._duties = duties
        self._reconfigured = asyncio.Event()
        self.configure(keeping)
        self._has_failed = False

    def configure(self, keeping: AlertKeeping) -> None:
        """Works by other times from now on."""
        self._absence.configure(keeping.after_seconds, keeping.limit_seconds)
        self._interval_seconds = keeping.after_seconds / CHECKS
        for duty in self._duties:
            duty.configure(keeping)
        self._reconfigured.set()

    async def run(self) -> None:
        """Checks until cancelled."""
        async with aiohttp.ClientSession() as session:
            api = AlertmanagerApi(self._urls, session, self._authorization)
            while True:
                self._reconfigured.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._interval_seconds):
                        await self._reconfigured.wait()
                # A scrape may come while a check waits for an answer.
                is_starting = not self._absence.has_been_scraped
                try:
                    for duty in self._duties:
                        await duty.check(api)
                except AlertmanagerError as error:
                    if not is_starting:
                        self._log_failure(error)
                else:
                    self._has_failed = False

    def _log_failure(self, error: AlertmanagerError) -> None:
        """Logs the first failure of several in a row."""
        if not self._has_failed:
            self._has_failed = True
            log.error(
                "Prometheus is away, and Alertmanager cannot be reached; retrying",
                extra={"fields": {"alertmanager": ", ".join(self._urls), "reason": error}},
            )
