"""The files that every page of the site needs."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from benchmark_exporter.config import packaged

_FILES = {
    "/site.css": ("site/site.css", "text/css"),
    "/icon.svg": ("stream/page/icon.svg", "image/svg+xml"),
}


def site_files() -> Sequence[web.RouteDef]:
    """Their routes."""
    return [web.get(path, _answering(*file)) for path, file in _FILES.items()]


def _answering(name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=packaged(name).read_bytes(), content_type=content_type)

    return answer
