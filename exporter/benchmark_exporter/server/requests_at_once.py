"""How many requests that may take time are in progress at once, so that others are served first."""

import logging
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from benchmark_exporter.server.refusal import Refused, unavailable

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

log = logging.getLogger(__name__)

# Answered however many other requests are in progress.
SERVED_FIRST = frozenset({"/metrics", "/-/healthy", "/-/ready"})


def at_most(most: int) -> "Middleware":
    """Refuses requests while `most` are in progress; not scrapes, health and the stream itself."""
    in_progress = 0

    @web.middleware
    async def limit(request: web.Request, handler: "Handler") -> web.StreamResponse:
        nonlocal in_progress
        # Whoever follows the stream stays, and has a limit of its own.
        if request.path in SERVED_FIRST or _follows_the_stream(request):
            return await handler(request)
        if in_progress >= most:
            text = "too many requests at once: some are refused"
            log.warning(text, extra={"repeats": text, "fields": {"at_most": most}})
            return refusal_response(unavailable("too many requests at once"))
        in_progress += 1
        try:
            return await handler(request)
        finally:
            in_progress -= 1

    return limit


def refusal_response(refused: Refused) -> web.Response:
    """A refusal as an answer, always JSON."""
    body = msgspec.json.encode(refused.refusal)
    return web.json_response(body=body, status=refused.status, headers=refused.headers)


def _follows_the_stream(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"
