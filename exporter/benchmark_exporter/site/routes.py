"""The routes of the site's pages, which both of the exporter's ports have."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from aiohttp import web

from benchmark_exporter.alert_texts.language import ENGLISH
from benchmark_exporter.config import packaged
from benchmark_exporter.links import Repositories
from benchmark_exporter.site.addresses_page import addresses_page
from benchmark_exporter.site.files_page import files_page
from benchmark_exporter.site.known import Source
from benchmark_exporter.site.language import PATH as SWITCH_PATH
from benchmark_exporter.site.language import say_for, switch, with_switch
from benchmark_exporter.site.layout import NOTICES, page
from benchmark_exporter.site.live_page import LIVE_FILES, live_page
from benchmark_exporter.site.notices import notices
from benchmark_exporter.site.reasons import reason
from benchmark_exporter.site.served import compressed, document, file, tagged
from benchmark_exporter.site.start_page import start_content, start_page, start_results
from benchmark_exporter.texts.say import Say

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# However many readers there are, and however often the state changes, what the start page says of
# it is made this often at most.
RESULTS_SECONDS = 1.0
RETRY_SECONDS = 5
_FILES = {
    "/site.css": "site/site.css",
    "/site.js": "site/site.js",
    "/texts.js": "site/texts.js",
    "/icon.svg": "stream/page/icon.svg",
    "/favicon.ico": "stream/page/icon.svg",  # browsers ask for it whatever the page names
}

_SWITCH = web.get(SWITCH_PATH, switch)


class _Results(NamedTuple):
    """What the start page says of a state, with what it depends on and when it was made."""

    made_seconds: float
    version: int
    repositories: Repositories
    is_failing: bool
    html: tuple[str, str]


_NO_RESULTS = _Results(float("-inf"), -1, Repositories(), False, ("", ""))


class Site:
    """Answers requests for pages. `further` are routes of other pages in the same frame."""

    def __init__(self, source: Source, further: Sequence[web.RouteDef] = ()) -> None:
        self._source = source
        self._further = further
        self._results: dict[str, _Results] = {}  # by language

    def exporter_routes(self) -> Sequence[web.RouteDef]:
        """Those of the port of metrics and the API."""
        return [*self._pages(), *_files(_FILES), _SWITCH, web.get("/live", self._to_live)]

    def stream_routes(self) -> Sequence[web.RouteDef]:
        """Those of the stream's port. If it asks for a token, all can read only the live page."""
        files = _files({**_FILES, **LIVE_FILES})
        live = [*files, _SWITCH, web.get("/live", self._framed(self._live))]
        if not self._source.is_stream_secret:
            return [*self._pages(), *live, web.get("/triage", self._to_exporter)]
        closed = [web.get(route.path, _refuse) for route in self._pages() if route.path != "/"]
        return [web.get("/", _to_page_with_token), *live, *closed]

    def _pages(self) -> Sequence[web.RouteDef]:
        own = [
            web.get("/", self._start),
            web.get("/start-content", self._start_content),
            web.get("/files", self._files),
            web.get("/addresses", self._addresses),
            web.get("/runbooks/{name}", self._runbook),
            web.get("/runbooks/{language}/{name}", self._runbook),
        ]
        return [
            web.RouteDef(route.method, route.path, self._framed(route.handler), route.kwargs)
            for route in (*own, *self._further)
        ]

    async def _start(self, request: web.Request) -> web.Response:
        say = say_for(request)
        return compressed(document(start_page(self._now(say), say)))

    async def _start_content(self, request: web.Request) -> web.Response:
        say = say_for(request)
        return tagged(request, notices(self._source.failures(), say) + self._now(say))

    def _now(self, say: Say) -> str:
        known, last = self._source.known(), self._results.get(say.language, _NO_RESULTS)
        is_due = time.monotonic() - last.made_seconds >= RESULTS_SECONDS
        is_failing = self._source.failures().ingest is not None
        of = known.version, self._source.repositories(), is_failing
        if (last.version, last.repositories, last.is_failing) != of and is_due:
            results = start_results(known, self._source, say)
            last = self._results[say.language] = _Results(time.monotonic(), *of, results)
        return start_content(known, last.html, say, is_ingest_failing=is_failing)

    async def _files(self, request: web.Request) -> web.Response:
        return document(files_page(self._source.known(), say_for(request)))

    async def _addresses(self, request: web.Request) -> web.Response:
        exporter, stream = self._exporter_url(request), self._stream_url(request)
        return document(addresses_page(self._source.links, exporter, stream, say_for(request)))

    async def _live(self, request: web.Request) -> web.Response:
        return document(live_page(say_for(request)))

    async def _runbook(self, request: web.Request) -> web.Response:
        given, say = request.match_info["name"], say_for(request)
        name, is_text = given.removesuffix(".md"), given.endswith(".md")
        # Programs read the text: it has the language of its address, whoever asks.
        own = ENGLISH if is_text else say.language
        path = self._source.runbook(name, request.match_info.get("language", own))
        if path is None:
            raise web.HTTPNotFound(text=f"there is no runbook for {name}\n")
        # Few read runbooks, and the Markdown library takes memory.
        from benchmark_exporter.site.runbook_page import runbook_page

        text = self._source.links.fill_in(path.read_text(encoding="utf-8"))
        if is_text:
            # text/plain, since browsers offer to save text/markdown instead of showing it.
            return web.Response(text=text, content_type="text/plain", charset="utf-8")
        is_english = path.parent == self._source.runbooks_dir
        spoken = ENGLISH if is_english else say.language
        return document(runbook_page(name, text, language=spoken, root=_root(request), say=say))

    async def _to_live(self, request: web.Request) -> web.Response:
        stream = self._stream_url(request)
        if stream is None:
            say, option = say_for(request), "<code>--stream-listen off</code>"
            why = say("The stream is off ({option}).", option=option)
            body = f"<h1>{say('Live')}</h1><p>{why}</p>"
            return document(page(say("Live"), body, current="live", say=say), 404)
        raise web.HTTPFound(f"{stream}/live")

    async def _to_exporter(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{self._exporter_url(request)}{request.rel_url}")

    def _exporter_url(self, request: web.Request) -> str:
        return self._source.links.urls.get("exporter") or _origin(request, self._source.port)

    def _stream_url(self, request: web.Request) -> str | None:
        port = self._source.stream_port
        if port is None:
            return None
        return self._source.links.urls.get("stream") or _origin(request, port)

    def _framed(self, handler: Handler) -> Handler:
        """The handler's page with the messages about failures."""

        async def answer(request: web.Request) -> web.StreamResponse:
            failures, say = self._source.failures(), say_for(request)
            try:
                response = await handler(request)
            except web.HTTPServiceUnavailable as unavailable:
                response = _unavailable(unavailable, say)
            if not isinstance(response, web.Response) or response.content_type != "text/html":
                return response
            if request.path == "/live":  # it shows by itself that nothing is ingested
                failures = replace(failures, ingest=None)
            is_closed = self._source.is_stream_secret and request.path == "/live"
            shown = "" if is_closed else notices(failures, say, _root(request))
            text = (response.text or "").replace(NOTICES, shown, 1)
            response.text = with_switch(text, request, say, _root(request))
            return response

        return answer


def _root(request: web.Request) -> str:
    """Where the site begins, from the page that is asked for."""
    return "../" * (len(request.match_info) if request.path.startswith("/runbooks/") else 0)


def _unavailable(unavailable: web.HTTPServiceUnavailable, say: Say) -> web.Response:
    why = (unavailable.text or "").strip().removeprefix("nothing to show yet: ")
    head = f'<meta http-equiv="refresh" content="{RETRY_SECONDS}">'
    title, again = say("Nothing to show yet"), say("This page is loaded again by itself.")
    body = f"<h1>{title}</h1><p>{reason(why, say)}</p><p>{again}</p>"
    response = document(page(title, body, current="", say=say, head=head), 503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


async def _refuse(_: web.Request) -> web.Response:
    raise web.HTTPUnauthorized(
        text="this port requires a token: open /live#token=TOKEN, or these pages on the "
        "exporter's other port\n",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def _to_page_with_token(_: web.Request) -> web.Response:
    raise web.HTTPFound("live")  # a browser keeps #token=TOKEN


def _files(paths: dict[str, str]) -> Sequence[web.RouteDef]:
    def answering(name: str) -> Handler:
        async def answer(_: web.Request) -> web.Response:
            return file(packaged(name))

        return answer

    return [web.get(path, answering(name)) for path, name in paths.items()]


def _origin(request: web.Request, port: int) -> str:
    """The address of another port of the machine that was asked, which Access has checked."""
    return str(request.url.origin().with_scheme("http").with_port(port))
