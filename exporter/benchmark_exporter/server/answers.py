"""Large answers, sent piece by piece, so that a client that does not read costs no copy of one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from benchmark_exporter.metrics.exposition import pieces

PIECE_BYTES = 64 * 1024
# What is being sent, and may have been replaced since, takes no more memory than this. Where it
# would, the clients that have not taken the oldest answers are cut off.
MOST_SENDING_BYTES = 32 * 1024 * 1024


class Answers:
    """The answers that are being sent."""

    def __init__(self, most_bytes: int = MOST_SENDING_BYTES) -> None:
        self._most_bytes = most_bytes
        self._sending: dict[object, tuple[web.Request, Sequence[bytes]]] = {}

    def of_parts(self, request: web.Request, parts: Sequence[bytes]) -> "PartsBody":
        """The body of an answer: parts of an exposition as one."""
        return PartsBody(self, request, parts)

    @contextmanager
    def sending(self, request: web.Request, parts: Sequence[bytes]) -> Iterator[None]:
        """While an answer is sent."""
        key = object()
        self._sending[key] = request, parts
        self._keep_to_limit()
        try:
            yield
        finally:
            self._sending.pop(key, None)

    def _keep_to_limit(self) -> None:
        while len(self._sending) > 1 and self._sending_bytes() > self._most_bytes:
            oldest, _ = self._sending.pop(next(iter(self._sending)))
            if oldest.transport is not None:
                oldest.transport.abort()

    def _sending_bytes(self) -> int:
        sizes = {id(part): len(part) for _, parts in self._sending.values() for part in parts}
        return sum(sizes.values())


class PartsBody(Payload):
    """Parts of an exposition, joined while they are sent."""

    def __init__(self, answers: Answers, request: web.Request, parts: Sequence[bytes]) -> None:
        super().__init__(parts)
        self._answers = answers
        self._request = request
        self._parts = parts
        self._pieces = pieces(parts)
        self._size = sum(map(len, self._pieces))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text."""
        return b"".join(self._pieces).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Sends the body; waits whenever the client does not read."""
        with self._answers.sending(self._request, self._parts):
            for piece in self._pieces:
                for start in range(0, len(piece), PIECE_BYTES):
                    await writer.write(piece[start : start + PIECE_BYTES])
