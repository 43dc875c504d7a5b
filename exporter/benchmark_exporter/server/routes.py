"""The HTTP server's routes. What they show is passed in as a `Service`."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from benchmark_exporter.metrics.definitions import PARTS, Part
from benchmark_exporter.metrics.exposition import (
    Exposition,
    Family,
    Text,
    families_of_text,
    pieces,
)
from benchmark_exporter.server.answers import Answers
from benchmark_exporter.server.compressing import Compressed, is_worth_it
from benchmark_exporter.server.credential import ALERTS_PATH
from benchmark_exporter.server.read_api import ReadApi
from benchmark_exporter.server.status import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes show and pass on.

    `ready` says whether the results folder has been scanned since the start, `waits_for` what has
    to be done before it is. `scraped` notes a request that is answered with some parts. `sparse` is
    a part other than `resources` for one that asks for it sparse.
    """

    ready: Callable[[], bool]
    waits_for: Callable[[], str]
    scraped: Callable[[web.Request, Exposition, Sequence[Part]], None]
    exposition: Callable[[], Exposition]
    status: Callable[[], Status]
    sparse: Callable[[web.Request, Exposition, Part], Sequence[Family]]
    resources: Callable[[], bytes]
    alerts: Handler
    upload: Handler
    github: Handler
    changes: Handler
    api: ReadApi
    triage: Sequence[web.RouteDef]
    pages: Sequence[web.RouteDef]


def make_application(service: Service, access: Sequence[Middleware]) -> web.Application:
    """The routes over a service, for those whom `access` lets through."""
    application = web.Application(middlewares=access)
    routes = _Routes(service)
    application.add_routes(
        [
            *service.pages,
            web.get("/metrics", routes.metrics),
            web.get("/-/healthy", routes.healthy),
            web.get("/-/ready", routes.ready),
            web.get("/api/v1/status", routes.status),
            web.get("/api/v1/changes", service.changes),
            *service.api.routes,
            web.post(ALERTS_PATH, service.alerts),
            web.post("/api/v1/results", service.upload),
            web.post("/api/v1/github", service.github),
            *service.triage,
        ]
    )
    application.on_cleanup.append(service.api.close)
    return application


class _Routes:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._answers = Answers()
        self._compressed = Compressed()

    async def metrics(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("collect[]", list(PARTS))
        unknown = sorted(set(wanted) - set(PARTS))
        if unknown:
            raise web.HTTPBadRequest(
                text=f"collect[]={unknown[0]} is unknown; use one of {', '.join(PARTS)}\n"
            )
        if request.query.get("sparse", "1") != "1":
            raise web.HTTPBadRequest(text="sparse must be 1, or left out\n")
        exposition = self._service.exposition()
        parts = [part for part in PARTS if part in wanted]
        self._service.scraped(request, exposition, parts)
        headers = {"Content-Type": CONTENT_TYPE}
        is_sparse = "sparse" in request.query
        is_state, answers = parts == ["state"] and not is_sparse, self._answers
        accepted = request.headers.get("Accept-Encoding", "")
        if is_state and is_worth_it(request.remote, accepted):
            compressed = [Text(await self._compressed.state(exposition))]
            headers["Content-Encoding"] = "gzip"
            body = answers.of_pieces(request, compressed, exposition)
        else:

            def families_of(part: Part) -> Iterable[Family]:
                if part == "resources":
                    return families_of_text(self._service.resources())
                if is_sparse:
                    return self._service.sparse(request, exposition, part)
                return exposition.families(part)

            families = map(families_of, parts)
            # Of the state, which most scrapes ask for sparse, that is dense families only.
            keep = is_sparse and parts == ["state"]
            body = answers.of_pieces(
                request, pieces(families), exposition, keep=keep, is_measured=not is_sparse
            )
        return web.Response(body=body, headers=headers)

    async def healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def ready(self, _: web.Request) -> web.Response:
        if not self._service.ready():
            raise web.HTTPServiceUnavailable(text=f"not ready: {self._service.waits_for()}\n")
        return web.Response(text="ready\n")

    async def status(self, _: web.Request) -> web.Response:
        return web.Response(
            body=msgspec.json.encode(self._service.status()), content_type="application/json"
        )
