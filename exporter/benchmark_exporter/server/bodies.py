"""Bodies of requests, received within limits of size, time and memory."""

import asyncio
import gzip
import io
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from benchmark_exporter.server.connections import waiting_for_client
from benchmark_exporter.server.refusal import Refusal, Refused, unavailable

MEGABYTE = 1024 * 1024
# The memory that all bodies may take together. Each kind has a share of its own, so that none can
# displace another: those without a signature, yet, least of all. Unpacking is one share more, since
# a worker thread unpacks one body at a time.
UPLOADS_BYTES, ALERTS_BYTES, DELIVERIES_BYTES = 24 * MEGABYTE, 4 * MEGABYTE, 4 * MEGABYTE
TRIAGE_BYTES = MEGABYTE
# A body whose length is not stated takes its share in such steps.
STEP_BYTES = 256 * 1024


def gunzip(body: bytes, max_bytes: int) -> bytes:
    """What a gzip body holds, unpacked no further than one byte beyond the limit.

    Raises:
        Refused: it is not gzip.
    """
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(body)).read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(
            400,
            Refusal("malformed_gzip", f"Content-Encoding is gzip, but the body is not: {error}"),
        ) from error


class BodyShare:
    """A share of the memory for bodies. One body alone is always accepted."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._taken_bytes = 0

    def take(self, size_bytes: int, own_bytes: int) -> None:
        """Takes more memory for a body that has `own_bytes`, before it is received.

        Raises:
            Refused: there is not enough left.
        """
        is_alone = self._taken_bytes == own_bytes
        if not is_alone and self._taken_bytes + size_bytes > self._most_bytes:
            raise unavailable("too many bodies at once")
        self._taken_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Gives back what was taken."""
        self._taken_bytes -= size_bytes


class Bodies:
    """Bodies held in memory while they are processed.

    Each is limited in size and time, all of a share together in memory. `size_limit` and
    `time_limit` name the two limits in answers.
    """

    def __init__(
        self,
        share: BodyShare,
        max_bytes: int,
        timeout_seconds: float,
        *,
        size_limit: str,
        time_limit: str,
    ) -> None:
        self._share = share
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._size_limit = size_limit
        self._time_limit = time_limit

    @asynccontextmanager
    async def received(self, request: web.Request) -> AsyncIterator[bytes]:
        """A request's body, released at the end of the block.

        Raises:
            Refused: it is too large, too slow, or ends early; or there are too many.
        """
        taken_bytes = 0

        def take(size_bytes: int) -> None:
            nonlocal taken_bytes
            self._share.take(size_bytes - taken_bytes, taken_bytes)
            taken_bytes = size_bytes

        try:
            with waiting_for_client(request):
                body = await self._receive(request, take)
            yield body
        finally:
            self._share.give_back(taken_bytes)

    def too_large(self) -> Refused:
        """The refusal of a body, or of what it unpacks to."""
        return Refused(413, Refusal("too_large", f"larger than the limit of {self._size_limit}"))

    async def _receive(self, request: web.Request, take: Callable[[int], None]) -> bytes:
        stated_bytes = request.content_length or 0
        if stated_bytes > self._max_bytes:
            raise self.too_large()
        take(stated_bytes)
        body, taken_bytes = bytearray(), stated_bytes
        try:
            async with asyncio.timeout(self._timeout_seconds):
                async for chunk in request.content.iter_any():
                    if len(body) + len(chunk) > self._max_bytes:
                        raise self.too_large()
                    while len(body) + len(chunk) > taken_bytes:
                        taken_bytes += STEP_BYTES
                        take(taken_bytes)
                    body += chunk
        except TimeoutError as error:
            detail = f"the body was not complete within {self._time_limit}"
            raise Refused(408, Refusal("too_slow", detail), {"Connection": "close"}) from error
        except (ConnectionError, web.RequestPayloadError) as error:
            raise Refused(400, Refusal("incomplete", f"the body ended early: {error}")) from error
        else:
            return bytes(body)
        finally:
            body.clear()  # an exception refers to it, for as long as it is not collected
