"""Sends the weekly digest to Alertmanager, whose routes lead it to Slack and email.

There is one alert for each project. It lasts until a day after the digest was due, and its labels
name the week, so that Alertmanager, which remembers what it has sent, sends it once however
often it gets it: from an exporter that restarts, or after a restart of its own.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from urllib.parse import quote

import aiohttp

from benchmark_exporter.alert_texts.language import ENGLISH, Language
from benchmark_exporter.digest.schedule import Weekly
from benchmark_exporter.digest.weekly import Digest, digests_of, lines, summary
from benchmark_exporter.digest.words import WORDS
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.week import read_week
from benchmark_exporter.server.alertmanager_api import (
    ActiveAlert,
    AlertmanagerApi,
    AlertmanagerError,
)

log = logging.getLogger(__name__)

ALERTNAME = "WeeklyDigest"
# How late the digest is still sent, if the exporter or Alertmanager was down.
LASTING = timedelta(days=1)
CHECK_SECONDS = 20.0
# How soon it looks again whether all changes are found, and for how long.
SEARCHED_SECONDS, LONGEST_WAIT = 1.0, timedelta(minutes=10)
# An Alertmanager that restarts before it has sent the digest has forgotten it.
RESEND_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Digests:
    """When digests are due, of which ledger, in which language, and where people find more.

    `grafana_url` is without a trailing slash; None if it is unknown.
    """

    weekly: Weekly
    ledger: Path
    grafana_url: str | None
    zone: Callable[[], tzinfo]
    language: Callable[[], Language] = lambda: ENGLISH


class DigestLoop:
    """Sends digests when they are due.

    `urls` are the Alertmanagers' addresses without a trailing slash, `authorization` gives the
    headers that they ask for, and `is_ready` says whether everything is ingested.
    """

    def __init__(
        self,
        digests: Digests,
        urls: Sequence[str],
        authorization: Callable[[], Mapping[str, str]],
        is_ready: Callable[[], bool],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._digests = digests
        self._urls = urls
        self._authorization = authorization
        self._is_ready = is_ready
        self._clock = clock
        self._read_for: datetime | None = None
        self._waiting_since: datetime | None = None
        self._alerts: Sequence[ActiveAlert] = ()

    async def run(self) -> None:
        """Checks until cancelled."""
        async with aiohttp.ClientSession() as session:
            api = AlertmanagerApi(self._urls, session, self._authorization)
            wait_seconds = 0.0
            while True:
                await asyncio.sleep(wait_seconds)
                wait_seconds = await self.check(api)

    async def check(self, api: AlertmanagerApi) -> float:
        """Sends the digest if it is due; returns how long to wait before the next check."""
        now = self._clock()
        due = self._digests.weekly.latest(now, self._digests.zone())
        if now - due >= LASTING:
            return CHECK_SECONDS
        if not self._is_ready():
            return SEARCHED_SECONDS
        try:
            if self._read_for != due and not await self._read(due, now):
                return SEARCHED_SECONDS
            if self._alerts:
                await api.post(self._alerts)
        except (AlertmanagerError, LedgerError) as error:
            log.error(
                "the weekly digest was not sent, retrying", extra={"fields": {"reason": error}}
            )
            return CHECK_SECONDS
        return RESEND_SECONDS

    async def _read(self, due: datetime, now: datetime) -> bool:
        """Whether the digest could be made: not while series wait to be searched for changes.

        Where new results never end, that is only waited for some minutes.
        """
        since = self._digests.weekly.before(due)
        week = await asyncio.to_thread(
            read_week, self._digests.ledger, since.timestamp(), due.timestamp()
        )
        self._waiting_since = self._waiting_since or now
        if not week.searched and now - self._waiting_since < LONGEST_WAIT:
            return False
        self._waiting_since = None
        digests = digests_of(week)
        self._alerts = [self._alert(digest, due, now) for digest in digests]
        self._read_for = due
        log.info("the weekly digest is due", extra={"fields": {"projects": len(digests)}})
        return True

    def _alert(self, digest: Digest, due: datetime, now: datetime) -> ActiveAlert:
        """It begins now: of an older one, Alertmanager would not wait for those of its group."""
        day = due.strftime("%Y-%m-%d")
        labels = {
            "alertname": ALERTNAME,
            "severity": "info",
            "team": "performance-engineering",
            "week": day,
        }
        if digest.project:
            labels["project"] = digest.project
        words = WORDS[self._digests.language()]
        annotations = {
            "summary": words.week.format(summary=summary(digest, words), day=day),
            "description": "\n".join(lines(digest, due.timestamp(), words)),
        }
        if (url := self._digests.grafana_url) is not None:
            project = quote(digest.project, safe="")
            annotations["dashboard_url"] = f"{url}/d/overview?var-project={project}"
        return ActiveAlert(labels, annotations, now, due + LASTING)
