"""Alertmanager's API, version 2: the alerts that it has, and new ones."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import aiohttp
import msgspec

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
    """One Alertmanager. `url` is its address without a trailing slash.

    `authorization` gives the headers that each request has to carry.
    """

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
        """The alerts that have not ended, silenced and inhibited ones among them.

        Raises:
            AlertmanagerError: it cannot be asked.
        """
        try:
            async with self._session.get(
                self._alerts_url, headers=self._authorization(), timeout=self._timeout
            ) as answer:
                answer.raise_for_status()
                return msgspec.json.decode(await answer.read(), type=list[ActiveAlert])
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise AlertmanagerError(_reason(error)) from error

    async def post(self, alerts: Sequence[ActiveAlert]) -> None:
        """Sends alerts, as Prometheus does.

        Raises:
            AlertmanagerError: it did not accept them.
        """
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


def _reason(error: Exception) -> str:
    return str(error) or f"no answer within {TIMEOUT_SECONDS:g} s"
