"""The stream's server: a WebSocket at any path, next to the pages of the site."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Middleware

from benchmark_exporter.stream.hub import HIGH_WATER_BYTES, Hub, Position
from benchmark_exporter.stream.message_filter import MessageFilter
from benchmark_exporter.tokens import Token, TokenFile, bearer

# Proxies close connections that are silent for a minute. A client that does not answer a ping
# within half of this is disconnected.
HEARTBEAT_SECONDS = 50.0
# Clients send nothing but pongs.
MAX_INCOMING_BYTES = 1024
MAX_GLOBS, MAX_GLOB_CHARACTERS, MAX_SEQ_DIGITS = 10, 200, 18
CLOSE_SECONDS = 1.0
# How soon a client is disconnected whose token is no longer in the file.
TOKENS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may follow the stream.

    Without `tokens` no token is required.
    """

    max_clients: int
    tokens: TokenFile | None = None


class StreamServer:
    """Serves a hub. `trends` gives `/api/v1/trends` as JSON; `pages` are routes of pages."""

    def __init__(
        self,
        hub: Hub,
        admission: Admission,
        trends: Callable[[], Awaitable[bytes]],
        pages: Sequence[web.RouteDef],
    ) -> None:
        self._hub = hub
        self._admission = admission
        self._trends = trends
        self._pages = pages
        self._answers: dict[web.WebSocketResponse, str] = {}  # with the token that each one sent

    def configure(self, admission: Admission) -> None:
        """Admits further clients by other rules.

        Those that are connected stay, also above the limit, unless their token does not count now.
        """
        self._admission = admission

    def make_application(self, access: Sequence[Middleware] = ()) -> web.Application:
        """The routes, for those whom `access` lets through.

        At shutdown clients get a close code that asks them to come back.
        """
        application = web.Application(middlewares=access)
        application.add_routes(
            [
                web.get("/api/v1/trends", self._answer_trends),
                *map(self._or_followed, self._pages),
                web.get("/{path:.*}", self._answer),
            ]
        )
        application.on_shutdown.append(self._close_all)
        application.cleanup_ctx.append(self._watch_tokens)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if _is_websocket(request):
            return await self._follow(request)
        if request.path == "/stream":
            raise web.HTTPUpgradeRequired(
                text="the stream is a WebSocket: ws://HOST:PORT/stream; the live page is at /live\n"
            )
        raise web.HTTPNotFound(
            text="not found; this port serves pages and /stream, the other one metrics too\n"
        )

    def _or_followed(self, route: web.RouteDef) -> web.RouteDef:
        """The page's route, whose path accepts a WebSocket too."""

        async def answer(request: web.Request) -> web.StreamResponse:
            if _is_websocket(request):
                return await self._follow(request)
            response: web.StreamResponse = await route.handler(request)
            return response

        return web.RouteDef(route.method, route.path, answer, route.kwargs)

    async def _answer_trends(self, request: web.Request) -> web.Response:
        self._admit(request)
        return web.Response(
            body=await self._trends(),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        token = self._admit(request)
        wanted, since = _filter(request), _position(request)
        if self._hub.clients >= self._admission.max_clients:
            raise web.HTTPServiceUnavailable(
                text=f"the stream has reached its limit of {self._admission.max_clients} clients\n",
                headers={"Retry-After": "30"},
            )
        # Compressed frames would differ between clients; uncompressed, all get the same bytes.
        answer = web.WebSocketResponse(
            heartbeat=HEARTBEAT_SECONDS,
            max_msg_size=MAX_INCOMING_BYTES,
            compress=False,
            timeout=CLOSE_SECONDS,
        )
        await answer.prepare(request)
        transport = request.transport
        if transport is None:  # the client has left meanwhile
            return answer
        # Without this the kernel buffers megabytes for each client that does not read.
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, HIGH_WATER_BYTES
        )
        client = self._hub.join(_Transport(transport), wanted, since)
        self._answers[answer] = token
        try:
            async for _ in answer:
                pass  # reading handles pongs and the close frame
        finally:
            self._hub.leave(client)
            del self._answers[answer]
        return answer

    def _admit(self, request: web.Request) -> str:
        """The token that the client sent, if any. Raises HTTPUnauthorized for a wrong one."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        # Browsers cannot set headers on a WebSocket.
        token = secret.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
        tokens = self._admission.tokens
        if tokens is not None and bearer(tokens.read(), token) is None:
            raise web.HTTPUnauthorized(
                text="token required: send `Authorization: Bearer TOKEN`, or ?token=TOKEN\n",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return token

    async def _watch_tokens(self, _: web.Application) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._close_revoked())
        yield
        watch.cancel()

    async def _close_revoked(self) -> None:
        """Disconnects clients whose token is no longer in the file, until cancelled."""
        checked: Sequence[Token] | None = None
        while True:
            await asyncio.sleep(TOKENS_SECONDS)
            tokens = self._admission.tokens
            if tokens is None or (known := tokens.read()) is checked:
                continue
            checked = known
            revoked = [
                answer for answer, token in self._answers.items() if bearer(known, token) is None
            ]
            await _close(revoked, WSCloseCode.POLICY_VIOLATION, b"the token is no longer valid")

    async def _close_all(self, _: web.Application) -> None:
        await _close(self._answers, WSCloseCode.GOING_AWAY, b"the exporter is stopping")


async def _close(
    answers: Iterable[web.WebSocketResponse], code: WSCloseCode, message: bytes
) -> None:
    await asyncio.gather(
        *(answer.close(code=code, message=message) for answer in list(answers)),
        return_exceptions=True,
    )


class _Transport:
    """What the hub writes to: the transport itself, since aiohttp's writer encodes per client."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def buffered_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        self._transport.abort()


def _is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _filter(request: web.Request) -> MessageFilter:
    """The globs that a client names. Raises HTTPBadRequest if they are too many or too long."""
    named = [request.query.getall(name, []) for name in ("project", "benchmark", "branch")]
    for globs in named:
        if len(globs) > MAX_GLOBS or any(len(glob) > MAX_GLOB_CHARACTERS for glob in globs):
            raise web.HTTPBadRequest(
                text=f"at most {MAX_GLOBS} projects, benchmarks and branches each, "
                f"none of more than {MAX_GLOB_CHARACTERS} characters\n"
            )
    return MessageFilter(*named)


def _position(request: web.Request) -> Position | None:
    """Where a client says it left off. Raises HTTPBadRequest if that is not a number."""
    since = request.query.get("since")
    if since is None:
        return None
    if not (since.isascii() and since.isdecimal()) or len(since) > MAX_SEQ_DIGITS:
        raise web.HTTPBadRequest(
            text=f"since must be the seq of the last message you received, not {since[:40]!r}\n"
        )
    return Position(int(since), request.query.get("stream", ""))
