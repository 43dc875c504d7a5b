"""The stack's credential: with it, only parts of the stack and its proxy are answered.

The proxy sends it in a header of its own, since Authorization carries the tokens of its clients. So
the header also says that the proxy has checked the request's Host and Origin.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Literal

from aiohttp import hdrs, web

from benchmark_exporter.tokens import Token, TokenFile, bearer

# What basic authentication names the stack's parts.
USER = "stack"
PROXY_HEADER = "X-Stack-Credential"
FORWARDED_HEADER = "X-Forwarded-For"
# Health checks have no secret. They reveal only whether the exporter works.
OPEN = frozenset({"/-/healthy", "/-/ready"})
ALERTS_PATH = "/api/v1/alerts"
TRIAGE_PATH = "/api/v1/triage"
# Whom the proxy has logged in. It removes what a client sends in this header.
USER_HEADER = "X-Stack-User"
SCRAPE_PATH = "/metrics"
# A part of the stack or a Prometheus elsewhere, by Authorization, or somebody by the proxy.
Sender = Literal["part", "scraper", "proxy"]
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="strataregula stack"'}


def path_of(request: web.Request) -> str:
    """The route's path, so that no other spelling of it evades a check; empty without a route."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def is_bearer(request: web.Request, tokens: Sequence[Token]) -> bool:
    """Whether the Authorization header carries one of `tokens`."""
    secret = _authorized_secret(request.headers.get(hdrs.AUTHORIZATION, ""))
    return secret is not None and bearer(tokens, secret) is not None


def is_scrape(request: web.Request) -> bool:
    """Whether all that a request asks for are metrics."""
    return request.method in (hdrs.METH_GET, hdrs.METH_HEAD) and path_of(request) == SCRAPE_PATH


def sender_of(
    request: web.Request, tokens: Sequence[Token], scrape_tokens: Sequence[Token] = ()
) -> Sender:
    """Who sent a request, by the credential that it carries.

    A scrape may carry one of `scrape_tokens` instead of one of `tokens`.

    Raises:
        web.HTTPUnauthorized: it carries neither.
    """
    by_proxy = request.headers.get(PROXY_HEADER)
    if by_proxy is None:
        if is_scrape(request) and is_bearer(request, scrape_tokens):
            return "scraper"
        secret = _authorized_secret(request.headers.get(hdrs.AUTHORIZATION, ""))
        sender: Sender = "part"
    else:
        secret, sender = by_proxy.strip(), "proxy"
    if secret is None or bearer(tokens, secret) is None:
        raise web.HTTPUnauthorized(
            text="the stack's credential is required; people use the addresses of its proxy\n",
            headers=_CHALLENGE,
        )
    return sender


def with_client_address(request: web.Request) -> web.Request:
    """A request of the proxy as one of its client.

    The proxy adds the client's address last; an earlier one may be the client's invention.
    """
    forwarded = ",".join(request.headers.getall(FORWARDED_HEADER, []))
    address = forwarded.rpartition(",")[2].strip()
    return request.clone(remote=address) if address else request


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
    """The secret of an Authorization header, None if it has none for the stack."""
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
