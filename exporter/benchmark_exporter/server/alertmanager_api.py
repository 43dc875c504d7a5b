"""Alertmanager's API, version 2: the alerts that it has, and new ones."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import aiohttp
import msgspec

T = TypeVar("T")

TIMEOUT_SECONDS = 5.0


class AlertmanagerError(Exception):
    """Alertmanager does not answer, or not as its API does; the message says which."""


class ActiveAlert(msgspec.Struct, frozen=True):
    """An alert as Alertmanager lists and accepts it.

    `generator_url` is where its expression can be seen, empty if its sender gave none. A time of
    None is left to Alertmanager.
    """

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime | None = msgspec.field(name="startsAt", default=None)
    ends_at: datetime | None = msgspec.field(name="endsAt", default=None)
    generator_url: str = msgspec.field(name="generatorURL", default="")


class AlertmanagerApi:
    """The members of a cluster of Alertmanagers, or one alone, as if they were one.

    Members share silences and what was sent, but not alerts, so alerts are sent to each of them.
    `urls` are their addresses without a trailing slash. `authorization` gives the headers that each
    request has to carry.
    """

    def __init__(
        self,
        urls: Sequence[str],
        session: aiohttp.ClientSession,
        authorization: Callable[[], Mapping[str, str]],
    ) -> None:
        self._members = [_Member(url, session, authorization) for url in urls]

    async def active(self) -> Sequence[ActiveAlert]:
        """The alerts that have not ended, silenced and inhibited ones among them.

        Of an alert that several members have, the one that ends last. A member that has restarted
        may lack alerts that others have.

        Raises:
            AlertmanagerError: no member can be asked.
        """
        found: dict[frozenset[tuple[str, str]], ActiveAlert] = {}
        for alerts in await self._all(member.active() for member in self._members):
            for alert in alerts:
                key = frozenset(alert.labels.items())
                if key not in found or _end(alert) > _end(found[key]):
                    found[key] = alert
        return list(found.values())

    async def post(self, alerts: Sequence[ActiveAlert]) -> None:
        """Sends alerts, as Prometheus does.

        Raises:
            AlertmanagerError: no member accepted them.
        """
        await self._all(member.post(alerts) for member in self._members)

    async def _all(self, requests: Iterable[Awaitable[T]]) -> list[T]:
        """What the members answer that do; raises the first one's error if none does."""
        answers = await asyncio.gather(*requests, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        for error in errors:
            if len(errors) == len(answers) or not isinstance(error, AlertmanagerError):
                raise error
        return [answer for answer in answers if not isinstance(answer, BaseException)]


class _Member:
    """One Alertmanager."""

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        authorization: Callable[[], Mapping[str, str]],
    ) -> None:
        self._alerts_url = f"{url}/api/v2/alerts"
        self._session = session
        self._authorization = authorization
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)

    async def active(self) -> Sequence[ActiveAlert]:
        """Raises AlertmanagerError."""
        try:
            async with self._session.get(
                self._alerts_url, headers=self._authorization(), timeout=self._timeout
            ) as answer:
                answer.raise_for_status()
                return msgspec.json.decode(await answer.read(), type=list[ActiveAlert])
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise AlertmanagerError(_reason(error)) from error

    async def post(self, alerts: Sequence[ActiveAlert]) -> None:
        """Raises AlertmanagerError."""
        try:
            async with self._session.post(
                self._alerts_url,
                data=msgspec.json.encode(alerts),
                headers={"Content-Type": "application/json", **self._authorization()},
                timeout=self._timeout,
            ) as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AlertmanagerError(_reason(error)) from error


def _end(alert: ActiveAlert) -> float:
    return math.inf if alert.ends_at is None else alert.ends_at.timestamp()


def _reason(error: Exception) -> str:
    return str(error) or f"no answer within {TIMEOUT_SECONDS:g} s"
