"""Who is answered: bearers of the stack's credential, and pages of this machine in browsers.

A browser lets any page send requests to this machine, and says in Host, Origin and Sec-Fetch-*
which page it was. Programs send no Origin; they may do what their user may. No answer has a header
Access-Control-Allow-Origin, so that no page of another origin can read it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from benchmark_exporter.config import Config
from benchmark_exporter.server.credential import (
    ALERTS_PATH,
    OPEN,
    PROXY_HEADER,
    TRIAGE_PATH,
    USER_HEADER,
    Sender,
    is_bearer,
    path_of,
    sender_of,
    with_client_address,
)
from benchmark_exporter.server.hosts import Hosts
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.tokens import Token, TokenFile

# No page knows the token or signature that a POST to these asks for, whatever its name.
WITH_SECRET = frozenset({"/api/v1/results", "/api/v1/github", TRIAGE_PATH})
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Pages:
    """Which pages may ask: those of the address itself, and those of `origins`.

    `setting` is where further origins can be listed, if anywhere. `is_secret` says that all that
    matters asks for a token, so that a page's name decides nothing.
    """

    origins: Callable[[], Collection[str]]
    setting: str | None = None
    is_secret: bool = False


class Access:
    """The checks of both listeners. Without a credential, any program is answered."""

    def __init__(self, settings: ServeSettings, config: Callable[[], Config]) -> None:
        path = settings.credential_file
        self.credential = None if path is None else TokenFile(path)
        scrapers = settings.scrape_tokens
        self._scrape_tokens = None if scrapers is None else TokenFile(scrapers)
        self._settings = settings
        self._config = config
        self._hosts = Hosts(settings.links.hosts, lambda: config().allowed_hosts)

    def to_exporter(self) -> Middleware:
        """The checks of requests to the exporter's own address."""
        return self._check(Pages(self._settings.links.origins))

    def to_stream(self) -> Middleware:
        """The checks of requests to the stream's address."""
        page_origins = self._settings.links.origins("stream")
        return self._check(
            Pages(
                lambda: [*self._config().stream_origins, *page_origins],
                "stream_origins in config.yaml",
                is_secret=self._settings.stream_tokens is not None,
            )
        )

    def may_be_prometheus(self, request: web.Request) -> bool:
        """Whether a scrape may count as one of a Prometheus that alerts.

        With a credential, anybody may still scrape by the proxy, and say that they are Prometheus.
        """
        if self.credential is None:
            return True
        return is_bearer(request, [*self.credential.read(), *self._scrapers()])

    def sender_of(self, request: web.Request) -> Sender | None:
        """Who sent a request that was let through; None where no credential is required."""
        if self.credential is None:
            return None
        return "proxy" if PROXY_HEADER in request.headers else "part"

    def user_of(self, request: web.Request) -> str | None:
        """Whom the proxy has logged in for a request that was let through, if it asks for that."""
        if self.sender_of(request) != "proxy":
            return None
        return request.headers.get(USER_HEADER) or None

    def _check(self, pages: Pages) -> Middleware:
        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if path_of(request) in OPEN:
                return await handler(request)
            sender = self._sender(request)
            if sender == "part":
                return await handler(request)
            if sender == "scraper":  # of whom several may come by one proxy
                return await handler(with_client_address(request))
            # The proxy has checked the host.
            if sender is None and not pages.is_secret and not _has_secret(request):
                await self._check_host(request)
            _check_page(request, pages)
            return await handler(request if sender is None else with_client_address(request))

        return check

    def _sender(self, request: web.Request) -> Sender | None:
        """Who asks, a part of the stack or its proxy; None where no credential is required."""
        if self.credential is None:
            return None
        if path_of(request) == ALERTS_PATH and PROXY_HEADER in request.headers:
            raise web.HTTPForbidden(text="only Alertmanager posts alerts, and not by the proxy\n")
        return sender_of(request, self.credential.read(), self._scrapers())

    def _scrapers(self) -> Sequence[Token]:
        return () if self._scrape_tokens is None else self._scrape_tokens.read()

    async def _check_host(self, request: web.Request) -> None:
        """Raises HTTPForbidden for a name of somebody else. Browsers always send one."""
        for host in request.headers.getall(hdrs.HOST, []):
            if not await self._hosts.allow(host):
                raise web.HTTPForbidden(
                    text=f"{_shown(host)} is not known as a name of this machine; "
                    "add it to allowed_hosts in config.yaml\n"
                )


def _has_secret(request: web.Request) -> bool:
    return request.method == hdrs.METH_POST and path_of(request) in WITH_SECRET


def _check_page(request: web.Request, pages: Pages) -> None:
    """Raises HTTPForbidden for a page of another origin, unless it only links here."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        if not _is_same_origin(origin, request.host) and origin not in pages.origins():
            shown = _shown(origin)
            if pages.setting is None:
                raise web.HTTPForbidden(text=f"pages of {shown} are not answered\n")
            raise web.HTTPForbidden(
                text=f"pages of {shown} are not answered; add it to {pages.setting}\n"
            )
        return
    # Not every request of a page has an Origin: images, scripts and links have none.
    site = request.headers.get("Sec-Fetch-Site", "none")
    # A frame is loaded by a navigation too, but its destination is not a document of its own.
    is_link = (
        request.method in (hdrs.METH_GET, hdrs.METH_HEAD)
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    if site not in ("none", "same-origin") and not is_link:
        raise web.HTTPForbidden(text="pages of other origins are not answered\n")


def _is_same_origin(origin: str, host: str) -> bool:
    """Whether a page came from this address. The scheme may be the proxy's."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _shown(value: str) -> str:
    return ascii(value[:_SHOWN_CHARACTERS])
