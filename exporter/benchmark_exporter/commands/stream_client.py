"""Follows an exporter's stream over as many connections as it takes."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

import aiohttp
import msgspec

from benchmark_exporter.stream.messages import METRICS, Hello, Metrics

STREAM_RETRY_SECONDS, MAX_STREAM_RETRY_SECONDS = 0.5, 10.0
CONNECT_SECONDS, HEARTBEAT_SECONDS = 10.0, 50.0
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
# Answers of a proxy or an exporter that will be there soon.
_TEMPORARY = {
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
}


class WatchError(Exception):
    """The stream cannot be followed, and trying again would not help; the message says why."""


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """Which stream to follow, and what of it. `token` is empty where none is needed.

    `headers` are sent besides the token.
    """

    url: str
    projects: Sequence[str] = ()
    benchmarks: Sequence[str] = ()
    branches: Sequence[str] = ()
    token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def stream_url(self) -> str:
        """Address of the WebSocket."""
        return f"{self.url.rstrip('/')}/stream"

    @property
    def page_url(self) -> str:
        """Address of the live page."""
        return f"http{self.url.removeprefix('ws').rstrip('/')}/live"


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no connection; the next attempt is after `retry_seconds`."""

    reason: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class Received:
    """One message of the stream."""

    timestamp: datetime
    metrics: Metrics


class _Envelope(msgspec.Struct, frozen=True):
    seq: int
    type: str
    timestamp: datetime
    metrics: msgspec.Raw


async def follow(target: StreamTarget) -> AsyncIterator[Received | Lost]:
    """All messages of the stream; each connection resumes where the one before ended.

    Raises:
        WatchError: the exporter refuses, or the address is not a stream's.
    """
    position: dict[str, str] = {}
    retry_seconds = STREAM_RETRY_SECONDS
    authorization = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    filters = [
        *(("project", glob) for glob in target.projects),
        *(("benchmark", glob) for glob in target.benchmarks),
        *(("branch", glob) for glob in target.branches),
    ]
    async with aiohttp.ClientSession(
        headers={**target.headers, **authorization},
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
    ) as session:
        while True:
            try:
                async with session.ws_connect(
                    target.stream_url,
                    params=[*filters, *position.items()],
                    heartbeat=HEARTBEAT_SECONDS,
                    max_msg_size=MAX_MESSAGE_BYTES,
                ) as socket:
                    retry_seconds = STREAM_RETRY_SECONDS
                    async for frame in socket:
                        if (
                            frame.type is aiohttp.WSMsgType.TEXT
                            and (received := _read(frame.data, position)) is not None
                        ):
                            yield received
                    reason = (
                        "the exporter is stopping"
                        if socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
                        else "the connection was lost"
                    )
            except aiohttp.WSServerHandshakeError as error:
                if error.status not in _TEMPORARY:
                    raise WatchError(_refusal(target, error)) from error
                reason = f"the exporter answers {error.status}"
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
                raise WatchError(
                    f"{target.url}: is not an address like ws://localhost:8765"
                ) from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = str(error) or "no answer"
            # Spread, so that not all clients of a restarted exporter come back at once.
            pause_seconds = retry_seconds * random.uniform(0.75, 1.25)  # noqa: S311  # not a secret
            retry_seconds = min(2 * retry_seconds, MAX_STREAM_RETRY_SECONDS)
            yield Lost(reason, pause_seconds)
            await asyncio.sleep(pause_seconds)


def _read(data: str, position: dict[str, str]) -> Received | None:
    """A message; records the position in the stream after it.

    None for a message of a type, or of a shape, that only a later version knows.
    """
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        position["since"] = str(envelope.seq)
        kind = next((metrics for name, metrics in METRICS.items() if name == envelope.type), None)
        metrics = None if kind is None else msgspec.json.decode(envelope.metrics, type=kind)
    except msgspec.DecodeError:
        return None
    if isinstance(metrics, Hello):
        position["stream"] = metrics.stream
    return None if metrics is None else Received(envelope.timestamp, metrics)


def _refusal(target: StreamTarget, error: aiohttp.WSServerHandshakeError) -> str:
    if error.status == HTTPStatus.UNAUTHORIZED:
        return (
            f"{target.stream_url}: needs a token; "
            "name its file with --token-file, or set BENCHMARK_EXPORTER_STREAM_TOKEN"
        )
    if error.status == HTTPStatus.BAD_REQUEST:
        return f"{target.stream_url}: too many filters, or too long ones"
    return (
        f"{target.stream_url}: refused with {error.status}; "
        "is this the exporter's stream, which has a port of its own (8765)?"
    )
