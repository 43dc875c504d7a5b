"""Bodies of requests, received within limits of size, time and memory."""

import asyncio
import gzip
import io
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from benchmark_exporter.server.refusal import Refusal, Refused, unavailable

# All bodies being received at a time: the memory that uploads may take.
MAX_HELD_BYTES = 32 * 1024 * 1024


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


class Bodies:
    """Bodies held in memory while they are processed.

    Each is limited in size and time, all together in memory; one alone is always accepted.
    `size_limit` and `time_limit` name the two limits in answers.
    """

    def __init__(
        self, max_bytes: int, timeout_seconds: float, *, size_limit: str, time_limit: str
    ) -> None:
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._size_limit = size_limit
        self._time_limit = time_limit
        self._held_bytes = 0

    @asynccontextmanager
    async def received(self, request: web.Request) -> AsyncIterator[bytes]:
        """A request's body, released at the end of the block.

        Raises:
            Refused: it is too large, too slow, or ends early; or there are too many.
        """
        body = bytearray()
        try:
            await self._receive(request, body)
            yield bytes(body)
        finally:
            self._held_bytes -= len(body)

    def too_large(self) -> Refused:
        """The refusal of a body, or of what it unpacks to."""
        return Refused(413, Refusal("too_large", f"larger than the limit of {self._size_limit}"))

    async def _receive(self, request: web.Request, body: bytearray) -> None:
        if (request.content_length or 0) > self._max_bytes:
            raise self.too_large()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._held_bytes += len(chunk)
                    if len(body) > self._max_bytes:
                        raise self.too_large()
                    if self._held_bytes > max(MAX_HELD_BYTES, self._max_bytes):
                        raise unavailable("too many uploads at once")
        except TimeoutError as error:
            detail = f"the body was not complete within {self._time_limit}"
            raise Refused(408, Refusal("too_slow", detail), {"Connection": "close"}) from error
        except (ConnectionError, web.RequestPayloadError) as error:
            raise Refused(400, Refusal("incomplete", f"the body ended early: {error}")) from error
