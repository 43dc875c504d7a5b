"""`benchmark-exporter push`: files to the upload address of an exporter on another machine, tried again until they are there.

That is safe however often: the exporter knows a document that it has.
"""

import email.message
import gzip
import http.client
import json
import random
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmark_exporter.ingest.inbox import SIDECAR_SUFFIX, SUFFIX
from benchmark_exporter.tokens import parse_tokens

PATH = "/api/v1/results"
_OF_MACHINE = "machine_"  # begins the parameters that say on what a result was measured
# What says that the same may be taken later: by the exporter, or by a proxy before it.
RETRIED = frozenset((408, 429, 502, 503, 504))
# The wait before try n is up to FIRST × 2ⁿ seconds, all of it by chance, so that machines that failed together do not come back
# together (Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0


class PushError(Exception):
    """Why no file at all can be pushed; the message says what to do."""


class Undelivered(Exception):
    """Why one file is not there."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Where to push: `url` without the path of uploads. A file is given up after `timeout_seconds`, all tries and waits included."""

    url: str
    token: str
    timeout_seconds: float


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
        """Follows none: urllib would make a GET of it, and take the token to wherever it leads."""


def read_token(path: Path) -> str:
    """The first token of a file.

    Raises:
        PushError: the file cannot be read, or has none.
    """
    try:
        tokens, mistakes = parse_tokens(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PushError(f"{path}: cannot be read: {error}") from error
    if not tokens:
        raise PushError(f"{path}: {mistakes[0] if mistakes else 'there is no token in it'}")
    return tokens[0].secret


def push(
    files: Sequence[Path],
    exporter: Exporter,
    said: Mapping[str, str],
    machine: Mapping[str, str] | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float, float], float] = random.uniform,
    say: Callable[[str], None] = print,
) -> bool:
    """Whether all files are there now; says a line of each. `said` goes before what their side files say, as parameters of an upload.

    `machine` is said of documents whose side files name none, as by `of_machine`: half of it with half of another would be of no machine.

    Raises:
        PushError: the exporter takes nothing from us, or the address is none of an exporter's.
    """
    delivered = True
    for path in files:
        if path.name.endswith(SIDECAR_SUFFIX):
            say(f"{path}: goes with its document")
            continue
        try:
            data, side = _read(path), _side(path)
            is_of_another = any(name.startswith(_OF_MACHINE) for name in side)
            query = {**({} if is_of_another else machine or {}), **side, **said}
            line = deliver(str(path), data, query, exporter, sleep=sleep, jitter=jitter)
        except Undelivered as undelivered:
            delivered, line = False, str(undelivered)
        say(f"{path}: {line}")
    return delivered


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Undelivered(f"cannot be read: {error.strerror}") from error


def _side(path: Path) -> dict[str, str]:
    """What the side file of a document says, as parameters; whether that is right, the exporter says."""
    side = path.with_name(path.name.removesuffix(SUFFIX) + SIDECAR_SUFFIX)
    try:
        values = json.loads(side.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise Undelivered(f"its side file {side.name} cannot be read: {error}") from error
    machine = values.pop("machine", None) if isinstance(values, dict) else None
    if not isinstance(values, dict) or not all(
        isinstance(value, str | None) for value in values.values()
    ):
        raise Undelivered(
            f"its side file {side.name} is not an object of texts, but for the machine"
        )
    if not isinstance(machine, dict | None) or not all(
        isinstance(value, str | int | None) for value in (machine or {}).values()
    ):
        raise Undelivered(
            f"in its side file {side.name}, machine is not an object of texts and a count"
        )
    return {name: value for name, value in values.items() if value is not None} | of_machine(
        machine or {}
    )


def of_machine(machine: Mapping[str, object]) -> dict[str, str]:
    """What is known of a machine, by the keys of a side file, as parameters of an upload."""
    return {
        f"{_OF_MACHINE}{name}": str(value)
        for name, value in machine.items()
        if value not in (None, "")
    }


def deliver(
    name: str,
    data: bytes,
    query: Mapping[str, str],
    exporter: Exporter,
    *,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float, float], float] = random.uniform,
) -> str:
    """What became of one document, which is there now. `name` is what it is called when it has to be tried again.

    Raises:
        Undelivered: it was refused, or no try came through in time.
        PushError: as `push`.
    """
    request = urllib.request.Request(  # noqa: S310  # the command line takes http and https alone
        f"{exporter.url.rstrip('/')}{PATH}{'?' if query else ''}{urllib.parse.urlencode(query)}",
        gzip.compress(data, mtime=0),
        {
            "Authorization": f"Bearer {exporter.token}",
            "Content-Encoding": "gzip",
            "Content-Type": "application/json",
        },
    )
    ends = time.monotonic() + exporter.timeout_seconds
    for longest in _waits():
        status, body, retry_after = _send(request, max(ends - time.monotonic(), 0.001))
        if status in (200, 201):
            return f"{'uploaded' if status == 201 else 'was there already'}: {_receipt(body, exporter)}"
        reason = _reason(status, body)
        if status in (401, 403):
            raise PushError(f"{exporter.url}: {reason}")
        if status not in RETRIED and status != 0:
            raise Undelivered(f"refused: {reason}")
        wait = max(retry_after, jitter(0, longest))
        if time.monotonic() + wait >= ends:
            raise Undelivered(f"not delivered within {exporter.timeout_seconds:g} s: {reason}")
        print(f"{name}: {reason}; again in {wait:.1f} s", file=sys.stderr)
        sleep(wait)
    raise AssertionError("there is always another wait")


def _waits() -> Iterator[float]:
    longest = FIRST_WAIT_SECONDS
    while True:
        yield longest
        longest = min(longest * 2, LONGEST_WAIT_SECONDS)


def _send(request: urllib.request.Request, timeout_seconds: float) -> tuple[int, bytes, float]:
    """Status, body and the seconds to wait that an answer asks for; 0 and what went wrong where there is no answer.

    Raises:
        PushError: the other side is not who it should be.
    """
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        try:
            answer = opener.open(request, timeout=timeout_seconds)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            if 300 <= answer.status < 400:
                return (
                    answer.status,
                    f"moved to {answer.headers.get('Location')}; give that address".encode(),
                    0.0,
                )
            retry_after = answer.headers.get("Retry-After", "")
            return (
                answer.status,
                answer.read(),
                float(retry_after) if retry_after.isdecimal() else 0.0,
            )
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise PushError(
                f"{request.full_url}: {cause.verify_message}; SSL_CERT_FILE names the certificate authorities to trust"
            ) from error
        return 0, f"no answer: {cause or type(cause).__name__}".encode(), 0.0


def _receipt(body: bytes, exporter: Exporter) -> str:
    try:
        receipt = json.loads(body)
        run = f", run {receipt['run_id']}" if "run_id" in receipt else ""
        return f"{receipt['format']}{run}, id {receipt['id']}"
    except (ValueError, TypeError, KeyError) as error:
        raise PushError(
            f"{exporter.url} answers, but not as an exporter does; is the address right?"
        ) from error


def _reason(status: int, body: bytes) -> str:
    """An answer that is no receipt, in words. What does not come from an exporter is shown by its first line."""
    text = body.decode(errors="replace").strip()
    try:
        refusal = json.loads(body)
        place = f" at {refusal['place']}" if "place" in refusal else ""
        text = f"{refusal['reason']}{place}: {refusal['detail']}"
    except (ValueError, TypeError, KeyError):
        text = text.partition("\n")[0][:200]
    return f"HTTP {status}: {text}" if status else text
