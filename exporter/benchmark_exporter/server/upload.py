"""`POST /api/v1/results`: documents from machines that share no disk with this one.

An upload is answered 201 when it is on the disk; from there it takes the path of any other file. Nothing is written before a document is
known to be good, and a body is held in memory until then: one that comes slowly, or half, leaves nothing behind.
"""

import asyncio
import gzip
import io
import logging
import math
import re
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import msgspec
from aiohttp import web

from benchmark_exporter.formats import Origin, Sidecar, parse_sidecar
from benchmark_exporter.formats.fields import MachinePart
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX
from benchmark_exporter.ingest.upload_folder import UploadFolder
from benchmark_exporter.model import Baseline, Rejected
from benchmark_exporter.tokens import TokenFile, bearer

log = logging.getLogger(__name__)

# All that an upload, or a delivery of GitHub's, may be answered; each is a series of a counter from the start.
CODES = (200, 201, 202, 400, 401, 403, 408, 413, 415, 429, 500, 503)
# Of bodies that are being received, all together: the memory that uploads may take. One is always taken.
MAX_HELD_BYTES = 32 * 1024 * 1024
RETRY_AFTER_SECONDS = 5
# What can be said of a document: the keys of a side file, and for its machine those of that.
_OF_MACHINE = "machine_"
PARAMETERS = (
    *(name for name in Sidecar.__struct_fields__ if name != "machine"),
    *(_OF_MACHINE + name for name in MachinePart.__struct_fields__),
)
# Who a request is from, by whose token or secret; there once that is proved.
SENDER = web.RequestKey("sender", str)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to an accepted upload. `run_id` is None for what is no run."""

    id: str
    format: str
    run_id: str | None = None


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to any other. `place` is a JSON path, where the reason is in the document."""

    reason: str
    detail: str
    place: str = ""


class Refused(Exception):
    """An upload that is not accepted: the status and headers of the answer, and what it says."""

    def __init__(
        self, status: int, refusal: Refusal, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{refusal.reason}: {refusal.detail}")
        self.status = status
        self.refusal = refusal
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one upload may have, uncompressed, how long its body may take, and how many the bearers of one name may send."""

    document_bytes: int
    timeout_seconds: float
    rate_per_second: float
    burst: int


class TokenBuckets:
    """A token bucket per name: `burst` at once, and from then on `rate_per_second`."""

    def __init__(self, rate_per_second: float, burst: int) -> None:
        self._rate = rate_per_second
        self._burst = burst
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str, now: float) -> float:
        """0 where there was one to take; else the seconds until there is."""
        level, at = self._levels.get(name, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._rate)
        taken = level >= 1
        self._levels[name] = (level - taken, now)
        return 0.0 if taken else (1 - level) / self._rate


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    """What a gzip body holds, unpacked no further than one byte beyond what is allowed."""
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(body)).read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(
            400,
            Refusal("malformed_gzip", f"Content-Encoding is gzip, but the body is not: {error}"),
        ) from error


class Bodies:
    """Bodies of requests, held in memory until they have been dealt with: each is bounded in size and time, and all of them together.

    One is always taken. `size_limit` and `time_limit` are what a sender is told of the two bounds.
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
        """A request's body, which is let go of at the end.

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
        return Refused(413, Refusal("too_large", f"it may have {self._size_limit}"))

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
                        raise _later("too many uploads at once")
        except TimeoutError as error:
            detail = f"the body was not there within {self._time_limit}"
            raise Refused(408, Refusal("too_slow", detail), {"Connection": "close"}) from error
        except (ConnectionError, web.RequestPayloadError) as error:
            raise Refused(400, Refusal("incomplete", f"the body ended early: {error}")) from error


class Uploads:
    """Answers uploads. `closed` says why none can be taken now, None where one can; `stored` is told of each new file.

    `counts` has the number of answers since the start, by status code.
    """

    def __init__(
        self,
        folder: UploadFolder,
        tokens: TokenFile | None,
        limits: Limits,
        worker: ThreadPoolExecutor,
        *,
        closed: Callable[[], str | None],
        stored: Callable[[Path], None],
    ) -> None:
        self._folder = folder
        self._tokens = tokens
        self._limits = limits
        self._worker = worker
        self._closed = closed
        self._stored = stored
        self._buckets = TokenBuckets(limits.rate_per_second, limits.burst)
        self._bodies = Bodies(
            limits.document_bytes,
            limits.timeout_seconds,
            size_limit=f"max_file_bytes, {limits.document_bytes}",
            time_limit=f"upload_timeout_seconds, {limits.timeout_seconds:g}",
        )
        self.counts = dict.fromkeys(CODES, 0)

    async def handle(self, request: web.Request) -> web.Response:
        """The answer to one upload, always JSON."""
        return await self.answer(request, self._take)

    async def answer(
        self,
        request: web.Request,
        take: Callable[[web.Request], Awaitable[tuple[int, msgspec.Struct]]],
    ) -> web.Response:
        """What `take` makes of a request, status and body, or why it refuses it; counted, and logged where it is known who sent it."""
        try:
            if (why := self._closed()) is not None:
                raise _later(why)
            status, answer = await take(request)
            response = web.json_response(body=msgspec.json.encode(answer), status=status)
        except Refused as refused:
            if SENDER in request:
                level = logging.ERROR if refused.status >= 500 else logging.WARNING
                trace = refused.__cause__ if refused.status == 500 else None
                log.log(
                    level,
                    f"an upload was refused: {refused}",
                    exc_info=trace,
                    extra={"fields": {"by": request[SENDER]}},
                )
            body = msgspec.json.encode(refused.refusal)
            response = web.json_response(body=body, status=refused.status, headers=refused.headers)
        self.counts[response.status] += 1
        return response

    async def keep(
        self,
        request: web.Request,
        body: bytes,
        side: bytes = b"",
        *,
        is_gzip: bool = False,
        key: bytes = b"",
    ) -> tuple[int, Receipt]:
        """Stores a document of a known sender, and answers when it is on the disk; what has a `key` is known by that again.

        Raises:
            Refused: it is no document, or cannot be written.
        """
        status, receipt, file = await self._in_worker(
            self._keep_by_worker, body, is_gzip, side, key
        )
        what = "received an upload" if status == 201 else "received an upload again"
        log.info(
            what, extra={"fields": {"by": request[SENDER], "file": UPLOADS_PREFIX + file.name}}
        )
        self._stored(file)
        return status, receipt

    async def _take(self, request: web.Request) -> tuple[int, Receipt]:
        request[SENDER] = await self._authorize(request)
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            detail = f"Content-Encoding {encoding} is not read; gzip is, and no encoding at all"
            raise Refused(415, Refusal("unsupported_encoding", detail), {"Accept-Encoding": "gzip"})
        side = _side_file(request)
        async with self._bodies.received(request) as body:
            return await self.keep(request, body, side, is_gzip=encoding != "identity")

    async def _authorize(self, request: web.Request) -> str:
        """The name of the token's bearer."""
        tokens = await self._in_worker(self._tokens.read) if self._tokens is not None else ()
        if not tokens:
            way = (
                "start the exporter with --upload-tokens FILE"
                if self._tokens is None
                else f"write one into {self._tokens.path}, for the exporter to read"
            )
            raise Refused(
                403,
                Refusal(
                    "uploads_off",
                    f"uploads are off, since there is no token; to turn them on, {way}",
                ),
            )
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        challenge = 'Bearer realm="benchmark-exporter"'
        if scheme.lower() != "bearer":
            raise Refused(
                401,
                Refusal("no_token", "send a header Authorization: Bearer TOKEN"),
                {"WWW-Authenticate": challenge},
            )
        token = bearer(tokens, secret.strip())
        if token is None:
            challenge += ', error="invalid_token"'
            raise Refused(
                401,
                Refusal("wrong_token", "this token is not known here"),
                {"WWW-Authenticate": challenge},
            )
        wait = self._buckets.take(token.name, time.monotonic())
        if wait:
            detail = f"{token.name} may upload {self._limits.burst} at once and {self._limits.rate_per_second:g} a second from then on"
            raise Refused(429, Refusal("too_many", detail), {"Retry-After": str(math.ceil(wait))})
        return token.name

    def _keep_by_worker(
        self, body: bytes, is_gzip: bool, side: bytes, key: bytes
    ) -> tuple[int, Receipt, Path]:
        try:
            data = _gunzip(body, self._limits.document_bytes) if is_gzip else body
            if len(data) > self._limits.document_bytes:
                raise self._bodies.too_large()
            new, file, document = self._folder.keep(data, side, time.time_ns(), key)
        except Rejected as rejected:
            raise Refused(
                400, Refusal(rejected.reason, rejected.detail, rejected.json_path)
            ) from rejected
        except OSError as error:
            raise _later(f"it could not be written: {error.strerror or error}") from error
        except Refused:
            raise
        except (
            Exception
        ) as error:  # whatever a format failed to foresee is this one document's trouble
            detail = (
                f"a mistake in the exporter, not in the upload: {type(error).__name__}: {error}"
            )
            raise Refused(500, Refusal("internal_error", detail)) from error
        run_id = None if isinstance(document, Baseline) else document.run_id
        return 201 if new else 200, Receipt(file.stem, document.format, run_id), file

    async def _in_worker(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *args)


def _later(why: str) -> Refused:
    return Refused(
        503,
        Refusal("unavailable", f"{why}; send it again"),
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _side_file(request: web.Request) -> bytes:
    """What the query says of the document, as a side file's bytes, the same for the same in other words; none where it says nothing.

    An empty parameter says nothing: it is what an unset variable makes of a command.
    """
    for name in request.query:
        if name not in PARAMETERS:
            raise Refused(
                400,
                Refusal(
                    "invalid_parameter",
                    f"{name} is no parameter; there are {', '.join(PARAMETERS)}",
                ),
            )
        if len(request.query.getall(name)) > 1:
            raise Refused(400, Refusal("invalid_parameter", f"{name} is given more than once"))
    said = {name: value for name, value in request.query.items() if value}
    if not said:
        return b""
    try:
        side = parse_sidecar(msgspec.json.encode(_nested(said)), Origin()).sidecar
    except Rejected as rejected:
        name = rejected.json_path.removeprefix("$.").replace(".", "_")
        raise Refused(400, Refusal("invalid_parameter", f"{name}: {rejected.detail}")) from rejected
    if side.timestamp is not None:
        side = msgspec.structs.replace(side, timestamp=side.timestamp.astimezone(UTC))
    return msgspec.json.encode(
        {
            name: value
            for name in Sidecar.__struct_fields__
            if (value := getattr(side, name)) is not None
        }
    )


def _nested(said: Mapping[str, str]) -> dict[str, object]:
    """Parameters as a side file has them."""
    machine: dict[str, object] = {
        name.removeprefix(_OF_MACHINE): int(value)
        if name == "machine_cpu_count" and re.fullmatch("[0-9]{1,15}", value)
        else value
        for name, value in said.items()
        if name.startswith(_OF_MACHINE)
    }
    others = {name: value for name, value in said.items() if not name.startswith(_OF_MACHINE)}
    return {**others, "machine": machine} if machine else {**others}
