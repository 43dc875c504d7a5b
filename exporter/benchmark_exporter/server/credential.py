"""The stack's credential: with it, only parts of the stack and its proxy are answered.

The proxy sends it in a header of its own, since Authorization carries the tokens of its clients. So
the header also says that the proxy has checked the request's Host and Origin.
"""

import base64
import binascii
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from benchmark_exporter.tokens import Token, TokenFile, bearer

# What basic authentication names the stack's parts.
USER = "stack"
PROXY_HEADER = "X-Stack-Credential"
FORWARDED_HEADER = "X-Forwarded-For"
# Health checks have no secret. They reveal only whether the exporter works.
OPEN = frozenset({"/-/healthy", "/-/ready"})
ALERTS_PATH = "/api/v1/alerts"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="strataregula stack"'}


def path_of(request: web.Request) -> str:
    """The route's path, so that no other spelling of it evades a check; empty without a route."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def carries_credential(request: web.Request, tokens: Sequence[Token]) -> bool:
    """Whether the Authorization header has a credential of the stack."""
    secret = _authorized_secret(request.headers.get("Authorization", ""))
    return secret is not None and bearer(tokens, secret) is not None


def comes_from_proxy(request: web.Request, tokens: Sequence[Token]) -> bool:
    """Whether the stack's proxy sent the request."""
    secret = request.headers.get(PROXY_HEADER)
    return secret is not None and bearer(tokens, secret.strip()) is not None


def credential_required(file: TokenFile) -> Middleware:
    """Answers only parts of the stack and its proxy.

    What comes through the proxy has its client's address as `remote`, and may not post alerts.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if path_of(request) in OPEN:
            return await handler(request)
        tokens = file.read()
        if path_of(request) == ALERTS_PATH and PROXY_HEADER in request.headers:
            raise web.HTTPForbidden(text="only Alertmanager posts alerts, and not by the proxy\n")
        if carries_credential(request, tokens) and PROXY_HEADER not in request.headers:
            return await handler(request)
        if comes_from_proxy(request, tokens):
            return await handler(request.clone(remote=_client_address(request)))
        raise web.HTTPUnauthorized(
            text="the stack's credential is required; people use the addresses of its proxy\n",
            headers=_CHALLENGE,
        )

    return check


def authorization(file: TokenFile | None) -> Callable[[], dict[str, str]]:
    """What gives the header for requests to other parts of the stack; none without a credential.

    The credential is the first one in the file.
    """

    def headers() -> dict[str, str]:
        tokens = () if file is None else file.read()
        if not tokens:
            return {}
        encoded = base64.b64encode(f"{USER}:{tokens[0].secret}".encode()).decode()
        return {"Authorization": f"Basic {encoded}"}

    return headers


def _authorized_secret(header: str) -> str | None:
    """The secret of an Authorization header, None if it has none of the stack's."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password if user == USER else None


def _client_address(request: web.Request) -> str:
    """The address that the proxy adds last; an earlier one may be the client's invention."""
    forwarded = ",".join(request.headers.getall(FORWARDED_HEADER, []))
    return forwarded.rpartition(",")[2].strip() or request.remote or ""
