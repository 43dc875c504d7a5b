"""Large answers, sent piece by piece, so that a client that does not read costs no copy of one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from benchmark_exporter.metrics.exposition import Piece

PIECE_BYTES = 64 * 1024
# What is being sent, and may have been replaced since, takes no more memory than this. Where it
# would, the clients that have not taken the oldest answers are cut off.
MOST_SENDING_BYTES = 32 * 1024 * 1024


class Answers:
    """The answers that are being sent."""

    def __init__(self, most_bytes: int = MOST_SENDING_BYTES) -> None:
        self._most_bytes = most_bytes
        self._sending: dict[object, tuple[web.Request, object, int]] = {}

    def of_pieces(
        self,
        request: web.Request,
        pieces: Sequence[Piece],
        version: object,
        *,
        keep: bool = False,
        is_measured: bool = True,
    ) -> "PiecesBody":
        """The body of an answer: pieces of an exposition, of which `version` is the moment.

        `keep` says whether the same will soon be asked for again, `is_measured` whether the pieces
        know their sizes. Otherwise the answer has no Content-Length.
        """
        return PiecesBody(self, request, pieces, version, keep=keep, is_measured=is_measured)

    @contextmanager
    def sending(self, request: web.Request, version: object, size_bytes: int) -> Iterator[None]:
        """While an answer is sent."""
        key = object()
        self._sending[key] = request, version, size_bytes
        self._keep_to_limit(version)
        try:
            yield
        finally:
            self._sending.pop(key, None)

    def _keep_to_limit(self, newest: object) -> None:
        while len(self._sending) > 1 and self._kept_bytes(newest) > self._most_bytes:
            oldest, _, _ = self._sending.pop(next(iter(self._sending)))
            if oldest.transport is not None:
                oldest.transport.abort()

    def _kept_bytes(self, newest: object) -> int:
        """What is kept only because it is being sent, at most: the newest is there anyway."""
        sizes: dict[int, int] = {}
        for _, version, size_bytes in self._sending.values():
            if version is not newest:
                sizes[id(version)] = max(size_bytes, sizes.get(id(version), 0))
        return sum(sizes.values())


class PiecesBody(Payload):
    """Pieces of an exposition, joined while they are sent."""

    def __init__(
        self,
        answers: Answers,
        request: web.Request,
        pieces: Sequence[Piece],
        version: object,
        *,
        keep: bool,
        is_measured: bool,
    ) -> None:
        super().__init__(pieces)
        self._answers = answers
        self._request = request
        self._pieces = pieces
        self._version = version
        self._keep = keep
        self._about_bytes = sum(map(len, pieces))
        self._size = self._about_bytes if is_measured else None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text."""
        whole = b"".join(piece.text(keep=self._keep) for piece in self._pieces)
        return whole.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Sends the body; waits whenever the client does not read.

        It can be sent once: a connection keeps its last answer, which must not keep the pieces.
        """
        pieces, self._pieces, self._value = self._pieces, (), ()
        with self._answers.sending(self._request, self._version, self._about_bytes):
            texts: list[bytes] = []
            gathered_bytes = 0
            for piece in pieces:
                texts.append(piece.text(keep=self._keep))
                gathered_bytes += len(texts[-1])
                if gathered_bytes >= PIECE_BYTES:
                    await self._send(writer, texts)
                    texts, gathered_bytes = [], 0
            await self._send(writer, texts)

    async def _send(self, writer: AbstractStreamWriter, texts: Sequence[bytes]) -> None:
        whole = memoryview(b"".join(texts))
        for start in range(0, len(whole), PIECE_BYTES):
            await writer.write(whole[start : start + PIECE_BYTES])
