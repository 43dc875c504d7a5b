"""Requests to the API of GitHub or GitLab, with what such an API asks of a client.

Waits follow https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
and https://docs.gitlab.com/security/rate_limits/: an answer that says until when a limit lasts is
believed, everything else that may pass is retried ever later.
"""

import asyncio
import email.utils
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from benchmark_exporter.wording import printable

# The wait before try n is a random part of FIRST × 2ⁿ seconds.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
# What GitHub asks for where it says that a secondary limit was reached, but not until when.
SECONDARY_LIMIT_SECONDS = 60.0
TRY_SECONDS = 30.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_PAGES = 200
MAX_REDIRECTS = 3
_MOVED = frozenset((301, 302, 307, 308))
_LATER = frozenset((408, 500, 502, 503, 504))
# What must not be sent again unseen: it would come twice, or replace what came meanwhile.
_CHANGING = frozenset(("POST", "PATCH", "PUT"))


class ApiError(Exception):
    """The API refused, or did not answer in time; the message says what to do."""


class Missing(ApiError):
    """What was asked for does not exist, or the token may not see it (404)."""


class Forbidden(ApiError):
    """The token may not do this (403)."""


class Unauthenticated(ApiError):
    """The token is not one, or none that this part of the API takes (401)."""


class Unsure(ApiError):
    """A change was not confirmed, so what there is has to be read before another try.

    The API asks to wait `least_seconds` before that.
    """

    def __init__(self, message: str, least_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.least_seconds = least_seconds


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long everything may take together, in seconds, and how waits are made."""

    timeout_seconds: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[float, float], float] = random.uniform
    monotonic: Callable[[], float] = time.monotonic
    report: Callable[[str], None] = lambda _line: None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    next_url: str = ""

    def json(self) -> Any:
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ApiError(f"the API does not answer in JSON: {error}") from error


class Api:
    """One API, below `url`. `headers` carry the token; they go to that origin alone."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        headers: Mapping[str, str],
        waiting: Waiting,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = headers
        self._waiting = waiting
        self._ends = waiting.monotonic() + waiting.timeout_seconds

    async def send(self, method: str, path: str, document: Any = None) -> Any:
        """The JSON that a request is answered with; None for an empty answer.

        Raises:
            Missing, Forbidden, Unauthenticated, Unsure, ApiError: see there. What is read or
                deleted is never unsure: that is retried, and so is a POST that a limit refused.
        """
        answer = await self._answer(method, f"{self._url}{path}", document)
        return answer.json() if answer.body.strip() else None

    async def content(self, path: str) -> bytes:
        """A file, as it is; it may be up to MAX_ANSWER_BYTES long. Raises what `send` does."""
        return (await self._answer("GET", f"{self._url}{path}")).body

    async def all(self, path: str) -> AsyncIterator[Any]:
        """The items of a list, page by page, as its Link headers lead."""
        url = f"{self._url}{path}"
        for _ in range(MAX_PAGES):
            answer = await self._answer("GET", url)
            items = answer.json()
            if not isinstance(items, list):
                raise ApiError(f"{_without_query(url)}: the API does not answer with a list")
            for item in items:
                yield item
            if not answer.next_url:
                return
            url = self._same_origin(url, answer.next_url)
        raise ApiError(f"{_without_query(url)}: has more than {MAX_PAGES} pages")

    async def _answer(self, method: str, url: str, document: Any = None) -> _Answer:
        tries = 0
        while True:
            answer = await self._follow(method, url, document)
            wait = _wait_seconds(answer)
            if wait is None:
                self._raise_for(method, url, answer)
                return answer
            reason = _reason(answer)
            refused = method == "POST" and answer.status not in (0, *_LATER)
            if method in _CHANGING and not refused:
                raise Unsure(reason, wait)
            await self.back_off(tries, wait, reason)
            tries += 1

    async def back_off(self, tries: int, least_seconds: float, reason: str) -> None:
        """Waits after so many earlier tries, ever longer, before the next one.

        Raises:
            ApiError: the time is over before that.
        """
        longest = min(FIRST_WAIT_SECONDS * 2 ** min(tries, 30), LONGEST_WAIT_SECONDS)
        seconds = max(least_seconds, self._waiting.jitter(0, longest))
        if self._waiting.monotonic() + seconds >= self._ends:
            raise ApiError(
                f"{reason}; given up, since another try would be in {seconds:.0f} s, later than "
                f"--timeout allows ({self._waiting.timeout_seconds:g} s)"
            )
        self._waiting.report(f"{reason}; retrying in {seconds:.1f} s")
        await self._waiting.sleep(seconds)

    async def settle(self, seconds: float) -> bool:
        """Lets others end what they have begun; whether there was time for that."""
        if self._waiting.monotonic() + seconds >= self._ends:
            return False
        await self._waiting.sleep(seconds)
        return True

    async def _follow(self, method: str, url: str, document: Any) -> _Answer:
        """The answer behind redirects, such as those of a renamed repository."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._try(method, url, document)
            if answer.status not in _MOVED or "Location" not in answer.headers:
                return answer
            url = self._same_origin(url, answer.headers["Location"])
        raise ApiError(f"{_without_query(url)}: is redirected again and again")

    async def _try(self, method: str, url: str, document: Any) -> _Answer:
        """Status 0, with what went wrong as the body, stands for no answer."""
        left = max(self._ends - self._waiting.monotonic(), 0.01)
        timeout = aiohttp.ClientTimeout(total=min(left, TRY_SECONDS))
        body = None if document is None else msgspec.json.encode(document)
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                method,
                url,
                data=body,
                headers={**self._headers, **kind},
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                following = answer.links.get("next")
                content = bytearray()
                async for piece in answer.content.iter_chunked(1 << 16):
                    content += piece
                    if len(content) > MAX_ANSWER_BYTES:
                        raise ApiError(f"{_without_query(url)}: the answer is too large")
                next_url = "" if following is None else str(following.get("url", ""))
                return _Answer(answer.status, answer.headers, bytes(content), next_url)
        except aiohttp.ClientConnectorCertificateError as error:
            raise ApiError(
                f"{error}; set SSL_CERT_FILE to the certificate authorities to trust"
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _Answer(0, {}, f"no answer: {str(error) or type(error).__name__}".encode())

    def _same_origin(self, url: str, target: str) -> str:
        absolute = urljoin(url, target)
        if urlsplit(absolute)[:2] != urlsplit(self._url)[:2]:
            raise ApiError(
                f"{_without_query(url)}: leads to another address, "
                f"{_without_query(absolute)}, which does not get the token"
            )
        return absolute

    def _raise_for(self, method: str, url: str, answer: _Answer) -> None:
        if answer.status in (200, 201, 204):
            return
        kinds = {401: Unauthenticated, 403: Forbidden, 404: Missing, 410: Missing}
        kind = kinds.get(answer.status, ApiError)
        raise kind(f"{method} {_without_query(url)}: {_reason(answer)}")


def _wait_seconds(answer: _Answer) -> float | None:
    """How long an answer asks to wait at the least; None if it is final."""
    headers = answer.headers
    if answer.status == 0 or answer.status in _LATER:
        return _number(headers.get("Retry-After")) or 0.0
    if answer.status not in (403, 429):
        return None
    if (asked := _number(headers.get("Retry-After"))) is not None:
        return asked
    remaining = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining", ""))
    reset = _number(headers.get("x-ratelimit-reset", headers.get("ratelimit-reset")))
    if remaining == "0" and reset is not None:
        return max(reset - _server_seconds(headers), 0.0) + 1.0
    if answer.status == 429 or b"secondary rate limit" in answer.body.lower():
        return SECONDARY_LIMIT_SECONDS
    return None


def _number(text: str | None) -> float | None:
    """Seconds; for a date, as Retry-After may have, those until then by this machine's clock."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _server_seconds(headers: Mapping[str, str]) -> float:
    """The time by the server's clock, which says when a limit ends; else by this machine's."""
    try:
        return email.utils.parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()


def _reason(answer: _Answer) -> str:
    if answer.status == 0:
        return printable(answer.body.decode(errors="replace"))
    text = answer.body.decode(errors="replace").strip().partition("\n")[0]
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        text = str(msgspec.json.decode(answer.body)["message"])
    return f"HTTP {answer.status}: {printable(text[:300])}".rstrip(": ")


def _without_query(url: str) -> str:
    return url.partition("?")[0]
