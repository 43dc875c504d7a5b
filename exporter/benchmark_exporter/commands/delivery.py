"""Delivers documents to the upload address of an exporter on another machine.

A document is sent until the exporter has it, which is safe however often: the exporter recognises a
document that it already has.
"""

import email.message
import gzip
import http.client
import json
import os
import random
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benchmark_exporter.commands.options import PREFIX
from benchmark_exporter.commands.output import show
from benchmark_exporter.tokens import parse_tokens
from benchmark_exporter.wording import reason_of

UPLOAD_PATH = "/api/v1/results"
TOKEN_VARIABLE = f"{PREFIX}_TOKEN"
# Answers, of the exporter or a proxy in front of it, after which the same may be accepted later.
RETRIED = frozenset((408, 429, 502, 503, 504))
# The wait before try n is a random part of FIRST × 2ⁿ seconds, so that machines that failed at the
# same time do not come back at the same time (Brooker, Exponential Backoff And Jitter, AWS
# Architecture Blog, 2015).
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0


class DeliveryError(Exception):
    """No document at all can be delivered; the message says what to do."""


class Undelivered(Exception):
    """One document was not delivered; the message says why."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Where to deliver to.

    `url` is without the path of uploads. A document is given up after `timeout_seconds`, all tries
    and waits included. `headers` are sent besides the token.
    """

    url: str
    token: str
    timeout_seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        _request: urllib.request.Request,
        _file: IO[bytes],
        _code: int,
        _message: str,
        _headers: email.message.Message,
        _url: str,
    ) -> None:
        """Follows none: urllib would make it a GET, and send the token to wherever it leads."""


def read_token(path: Path) -> str:
    """The first token in a file.

    Raises:
        DeliveryError: the file cannot be read, or has no token.
    """
    try:
        tokens, mistakes = parse_tokens(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryError(f"{path}: cannot be read: {reason_of(error)}") from error
    if not tokens:
        raise DeliveryError(f"{path}: {mistakes[0] if mistakes else 'has no token'}")
    return tokens[0].secret


def find_token(path: Path | None, variable: str = TOKEN_VARIABLE) -> str:
    """The first token of a file, else the variable's; empty where there is neither.

    Raises:
        DeliveryError: the file cannot be read, or has no token.
    """
    return os.environ.get(variable, "") if path is None else read_token(path)


def exporter_at(
    url: str,
    token_file: Path | None,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Exporter:
    """The exporter that options describe.

    Raises:
        DeliveryError: there is no token to send.
    """
    token = find_token(token_file)
    if not token:
        raise DeliveryError(
            f"no token to send; name its file with --token-file, or set {TOKEN_VARIABLE}"
        )
    return Exporter(url, token, timeout_seconds, headers or {})


def deliver(
    name: str,
    data: bytes,
    query: Mapping[str, str],
    exporter: Exporter,
    *,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float, float], float] = random.uniform,
) -> str:
    """Sends one document, and returns what became of it. `name` is for the lines about retries.

    Raises:
        Undelivered: it was refused, or no try succeeded in time.
        DeliveryError: the exporter accepts nothing from us, or the address is not an exporter's.
    """
    request = urllib.request.Request(  # noqa: S310  # the command line takes http and https alone
        f"{exporter.url.rstrip('/')}{UPLOAD_PATH}"
        f"{'?' if query else ''}{urllib.parse.urlencode(query)}",
        gzip.compress(data, mtime=0),
        {
            **exporter.headers,
            "Authorization": f"Bearer {exporter.token}",
            "Content-Encoding": "gzip",
            "Content-Type": "application/json",
        },
    )
    ends = time.monotonic() + exporter.timeout_seconds
    for longest in _waits():
        status, body, retry_after = _send(request, max(ends - time.monotonic(), 0.001))
        if status in (200, 201):
            done = "uploaded" if status == 201 else "was there already"
            return f"{done}: {_receipt(body, exporter)}"
        reason = _reason(status, body)
        if status in (401, 403):
            raise DeliveryError(f"{exporter.url}: {reason}")
        if status not in RETRIED and status != 0:
            raise Undelivered(f"refused: {reason}")
        wait = max(retry_after, jitter(0, longest))
        if time.monotonic() + wait >= ends:
            raise Undelivered(f"not delivered within {exporter.timeout_seconds:g} s: {reason}")
        show(f"{name}: {reason}; retrying in {wait:.1f} s", file=sys.stderr)
        sleep(wait)
    raise AssertionError("there is always another wait")


def _waits() -> Iterator[float]:
    longest = FIRST_WAIT_SECONDS
    while True:
        yield longest
        longest = min(longest * 2, LONGEST_WAIT_SECONDS)


def _send(request: urllib.request.Request, timeout_seconds: float) -> tuple[int, bytes, float]:
    """Status, body, and the seconds to wait that the answer asks for.

    Status 0, with what went wrong as the body, stands for no answer.

    Raises:
        DeliveryError: the server cannot prove who it is.
    """
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        try:
            answer = opener.open(request, timeout=timeout_seconds)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            if 300 <= answer.status < 400:
                location = answer.headers.get("Location")
                return answer.status, f"moved to {location}; give that address".encode(), 0.0
            retry_after = answer.headers.get("Retry-After", "")
            wait_seconds = float(retry_after) if retry_after.isdecimal() else 0.0
            return answer.status, answer.read(), wait_seconds
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise DeliveryError(
                f"{request.full_url}: {cause.verify_message}; "
                "set SSL_CERT_FILE to the certificate authorities to trust"
            ) from error
        return 0, f"no answer: {cause or type(cause).__name__}".encode(), 0.0


def _receipt(body: bytes, exporter: Exporter) -> str:
    try:
        receipt = json.loads(body)
        run = f", run {receipt['run_id']}" if "run_id" in receipt else ""
        return f"{receipt['format']}{run}, id {receipt['id']}"
    except (ValueError, TypeError, KeyError) as error:
        raise DeliveryError(
            f"{exporter.url} does not answer as an exporter does; is the address right?"
        ) from error


def _reason(status: int, body: bytes) -> str:
    """Why a document was not accepted: an exporter's reason, else the answer's first line."""
    text = body.decode(errors="replace").strip()
    try:
        refusal = json.loads(body)
        json_path = f" at {refusal['json_path']}" if "json_path" in refusal else ""
        text = f"{refusal['reason']}{json_path}: {refusal['detail']}"
    except (ValueError, TypeError, KeyError):
        text = text.partition("\n")[0][:200]
    return f"HTTP {status}: {text}" if status else text
