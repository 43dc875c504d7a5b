"""`POST /api/v1/results`: documents from machines that share no disk with this one.

An upload is answered with 201 once it is on the disk; from there it is ingested like any other
file. Nothing is written before a document is known to be valid, and until then its body is held in
memory: one that comes slowly or stops halfway leaves nothing behind.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec
from aiohttp import web

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX
from benchmark_exporter.ingest.upload_folder import UploadFolder
from benchmark_exporter.model import Baseline, Rejected
from benchmark_exporter.server.bodies import UPLOADS_BYTES, Bodies, BodyShare, gunzip
from benchmark_exporter.server.rate_limit import TokenBuckets
from benchmark_exporter.server.refusal import Refusal, Refused, unavailable
from benchmark_exporter.server.requests_at_once import refusal_response
from benchmark_exporter.server.upload_parameters import sidecar_of
from benchmark_exporter.server.worker import Worker
from benchmark_exporter.tokens import TokenFile, bearer

log = logging.getLogger(__name__)

# Every status that an upload or a GitHub delivery may be answered with. Each is a series of a
# counter from the start.
CODES = (200, 201, 202, 400, 401, 403, 408, 413, 415, 429, 500, 503)
# The name of a request's sender, set once its token or signature is verified.
SENDER = web.RequestKey("sender", str)


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to an accepted upload. `run_id` is None for what is not a run."""

    id: str
    format: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Limits of an upload: its size uncompressed, how long its body may take, and how often.

    `burst` and `rate_per_second` apply to all tokens of one name together.
    """

    document_bytes: int
    timeout_seconds: float
    rate_per_second: float
    burst: int

    @classmethod
    def of(cls, config: Config) -> Self:
        """Those that are configured."""
        return cls(
            config.max_file_bytes,
            config.upload_timeout_seconds,
            config.upload_rate_per_second,
            config.upload_burst,
        )


class Uploads:
    """Answers uploads.

    `closed` gives why none can be accepted now, or None; `stored` is called with each new file.
    `counts` has the number of answers since the start, by status code.
    """

    def __init__(
        self,
        folder: UploadFolder,
        tokens: TokenFile | None,
        limits: UploadLimits,
        worker: Worker,
        *,
        closed: Callable[[], str | None],
        stored: Callable[[Path], None],
    ) -> None:
        self._folder = folder
        self._tokens = tokens
        self._worker = worker
        self._closed = closed
        self._stored = stored
        self._share = BodyShare(UPLOADS_BYTES)
        self.configure(limits)
        self.counts = dict.fromkeys(CODES, 0)

    def configure(self, limits: UploadLimits) -> None:
        """Limits further uploads. Whoever has used up an allowance has a new one."""
        self._limits = limits
        self._buckets = TokenBuckets(limits.rate_per_second, limits.burst)
        self._bodies = Bodies(
            self._share,
            limits.document_bytes,
            limits.timeout_seconds,
            size_limit=f"max_file_bytes ({limits.document_bytes})",
            time_limit=f"upload_timeout_seconds ({limits.timeout_seconds:g})",
        )

    async def handle(self, request: web.Request) -> web.Response:
        """The answer to one upload, always JSON."""
        return await self.answer(request, self._accept)

    async def answer(
        self,
        request: web.Request,
        accept: Callable[[web.Request], Awaitable[tuple[int, msgspec.Struct]]],
    ) -> web.Response:
        """The status and body that `accept` returns, or those with which it refuses.

        Counts the answer, and logs a refusal if the sender is known.
        """
        try:
            if (why := self._closed()) is not None:
                raise unavailable(why)
            status, answer = await accept(request)
            response = web.json_response(body=msgspec.json.encode(answer), status=status)
        except Refused as refused:
            if SENDER in request:
                level = logging.ERROR if refused.status >= 500 else logging.WARNING
                trace = refused.__cause__ if refused.status == 500 else None
                log.log(
                    level,
                    f"an upload was refused: {refused}",
                    exc_info=trace,
                    extra={
                        "repeats": (request[SENDER], refused.refusal.reason),
                        "fields": {"by": request[SENDER]},
                    },
                )
            response = refusal_response(refused)
        self.counts[response.status] += 1
        return response

    async def keep(
        self,
        request: web.Request,
        body: bytes,
        sidecar: bytes = b"",
        *,
        is_gzip: bool = False,
        key: bytes = b"",
    ) -> tuple[int, Receipt]:
        """Stores a document of a known sender; returns once it is on the disk.

        Documents with the same `key` are one and the same.

        Raises:
            Refused: it is not a document, or cannot be written.
        """
        status, receipt, file = await self._worker.run(
            self._keep_by_worker, body, is_gzip, sidecar, key
        )
        what = "received an upload" if status == 201 else "received an upload again"
        log.info(
            what, extra={"fields": {"by": request[SENDER], "file": UPLOADS_PREFIX + file.name}}
        )
        self._stored(file)
        return status, receipt

    async def _accept(self, request: web.Request) -> tuple[int, Receipt]:
        request[SENDER] = await self._authorize(request)
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            detail = f"Content-Encoding must be gzip or absent, not {encoding}"
            raise Refused(415, Refusal("unsupported_encoding", detail), {"Accept-Encoding": "gzip"})
        sidecar = sidecar_of(request)
        async with self._bodies.received(request) as body:
            return await self.keep(request, body, sidecar, is_gzip=encoding != "identity")

    async def _authorize(self, request: web.Request) -> str:
        """The name of the request's token."""
        tokens = await self._worker.run(self._tokens.read) if self._tokens is not None else ()
        if not tokens:
            way = (
                "start the exporter with --upload-tokens FILE"
                if self._tokens is None
                else f"write one into {self._tokens.path}"
            )
            detail = f"uploads are off, since there are no tokens; to turn them on, {way}"
            raise Refused(403, Refusal("uploads_off", detail))
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        challenge = 'Bearer realm="benchmark-exporter"'
        if scheme.lower() != "bearer":
            raise Refused(
                401,
                Refusal("no_token", "send the header Authorization: Bearer TOKEN"),
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
            detail = (
                f"{token.name} may upload {self._limits.burst} at once, "
                f"then {self._limits.rate_per_second:g} per second"
            )
            raise Refused(429, Refusal("too_many", detail), {"Retry-After": str(math.ceil(wait))})
        return token.name

    def _keep_by_worker(
        self, body: bytes, is_gzip: bool, sidecar: bytes, key: bytes
    ) -> tuple[int, Receipt, Path]:
        try:
            data = gunzip(body, self._limits.document_bytes) if is_gzip else body
            if len(data) > self._limits.document_bytes:
                raise self._bodies.too_large()
            new, file, document = self._folder.keep(data, sidecar, time.time_ns(), key)
        except Rejected as rejected:
            raise Refused(
                400, Refusal(rejected.reason, rejected.detail, rejected.json_path)
            ) from rejected
        except OSError as error:
            raise unavailable(f"it could not be written: {error.strerror or error}") from error
        except Refused:
            raise
        except Exception as error:  # what a format did not foresee concerns this document only
            detail = f"a fault in the exporter, not in the upload: {type(error).__name__}: {error}"
            raise Refused(500, Refusal("internal_error", detail)) from error
        run_id = None if isinstance(document, Baseline) else document.run_id
        return 201 if new else 200, Receipt(file.stem, document.format, run_id), file
