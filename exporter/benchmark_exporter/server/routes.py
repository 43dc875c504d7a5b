"""The HTTP server's routes, and nothing else: what they show is handed in as a `Service`."""

import gzip
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Literal

import msgspec
from aiohttp import web

from benchmark_exporter import __version__
from benchmark_exporter.links import Links
from benchmark_exporter.metrics.collector import PARTS, Exposition, Part, join
from benchmark_exporter.model import REGRESSED, SEVERITIES, SubjectKind, VerdictState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_WEBHOOK_BYTES = 4 * 1024 * 1024
COMMIT_CHARACTERS_SHOWN = 12


class VerdictStatus(msgspec.Struct, frozen=True):
    """A result beside its history; values in its unit, None where too few runs tell.

    previous_commit_hash is that of the last run that was no regression.
    """

    name: str
    state: VerdictState
    value: float
    reference: float | None
    unit: str
    worsening_ratio: float | None
    noise_ratio: float | None
    commit_hash: str
    previous_commit_hash: str


class RunStatus(msgspec.Struct, frozen=True):
    """The newest run of a benchmark; severity and speedup None where no gate was asked. The judgements are the worst first."""

    benchmark: str
    environment: str
    run_id: str
    commit_hash: str
    timestamp_seconds: float
    speedup_p50_ratio: float | None
    passed: bool | None
    severity: str | None
    verdicts: Sequence[VerdictStatus]


class RejectionStatus(msgspec.Struct, frozen=True):
    """A rejected file that is in the folder now."""

    file: str
    reason: str
    place: str
    detail: str


class AlertStatus(msgspec.Struct, frozen=True):
    """The newest word on an alert that Alertmanager delivered; benchmark_name is empty where it is of none."""

    alertname: str
    benchmark_name: str
    severity: str
    status: str
    summary: str
    received_timestamp_seconds: float


class Status(msgspec.Struct, frozen=True):
    """What `GET /api/v1/status` answers and the landing page shows.

    `failure` is why no result can be taken in, null while all is well; `subjects_dropped` is what `max_series` leaves out, by kind.
    """

    version: str
    results_dir: str
    commits: int
    pending_files: int
    failure: str | None
    max_series: int
    subjects_dropped: Mapping[SubjectKind, int]
    runs: Sequence[RunStatus]
    rejected_files: Sequence[RejectionStatus]
    alerts: Sequence[AlertStatus]


class Alert(msgspec.Struct, frozen=True):
    """One alert of Alertmanager's webhook, version 4."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    fingerprint: str


class AlertmanagerMessage(msgspec.Struct, frozen=True):
    """The part of Alertmanager's webhook message that is counted."""

    alerts: list[Alert]


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes show and hand on. `ready` tells whether the results folder has been read since the start."""

    ready: Callable[[], bool]
    exposition: Callable[[], Exposition]
    status: Callable[[], Status]
    resources: Callable[[], bytes]
    receive: Callable[[Sequence[Alert]], Awaitable[None]]
    upload: Callable[[web.Request], Awaitable[web.Response]]
    github: Callable[[web.Request], Awaitable[web.Response]]
    runbooks_dir: Path | None
    links: Links


def make_application(service: Service) -> web.Application:
    """The routes over a service."""
    application = web.Application(client_max_size=MAX_WEBHOOK_BYTES)
    routes = _Routes(service)
    application.add_routes(
        [
            web.get("/", routes.landing),
            web.get("/metrics", routes.metrics),
            web.get("/-/healthy", routes.healthy),
            web.get("/-/ready", routes.ready),
            web.get("/runbooks/{name}", routes.runbook),
            web.get("/api/v1/status", routes.status),
            web.post("/api/v1/alerts", routes.alerts),
            web.post("/api/v1/results", service.upload),
            web.post("/api/v1/github", service.github),
        ]
    )
    return application


class _Routes:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._compressed: tuple[Exposition | None, Mapping[Part, bytes]] = (None, {})

    async def metrics(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("collect[]", list(PARTS))
        unknown = sorted(set(wanted) - set(PARTS))
        if unknown:
            raise web.HTTPBadRequest(
                text=f"collect[]={unknown[0]} is unknown; there are {', '.join(PARTS)}\n"
            )
        exposition = self._service.exposition()
        parts = [part for part in PARTS if part in wanted]
        headers = {"Content-Type": CONTENT_TYPE}
        if parts == ["state"] and "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(
                body=self._gzipped(exposition), headers=headers | {"Content-Encoding": "gzip"}
            )
        body = join(
            [
                self._service.resources() if part == "resources" else exposition.parts[part]
                for part in parts
            ]
        )
        return web.Response(body=body, headers=headers)

    def _gzipped(self, exposition: Exposition) -> bytes:
        """The state part, compressed once per exposition: it is what is scraped every second."""
        known, bodies = self._compressed
        if known is not exposition:
            bodies = {"state": gzip.compress(exposition.parts["state"], 6, mtime=0)}
            self._compressed = (exposition, bodies)
        return bodies["state"]

    async def healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def ready(self, _: web.Request) -> web.Response:
        if not self._service.ready():
            raise web.HTTPServiceUnavailable(
                text="not ready: the first scan of the results folder is not done yet\n"
            )
        return web.Response(text="ready\n")

    async def status(self, _: web.Request) -> web.Response:
        return web.Response(
            body=msgspec.json.encode(self._service.status()), content_type="application/json"
        )

    async def alerts(self, request: web.Request) -> web.Response:
        try:
            message = msgspec.json.decode(await request.read(), type=AlertmanagerMessage)
        except msgspec.DecodeError as error:
            raise web.HTTPBadRequest(
                text=f"not Alertmanager's webhook message, version 4: {error}\n"
            ) from error
        await self._service.receive(message.alerts)
        return web.Response(text="ok\n")

    async def runbook(self, request: web.Request) -> web.Response:
        name, folder = request.match_info["name"].removesuffix(".md"), self._service.runbooks_dir
        path = (
            folder / f"{name}.md"
            if folder is not None and re.fullmatch(r"[A-Za-z0-9]+", name)
            else None
        )
        if path is None or not path.is_file():
            raise web.HTTPNotFound(text=f"no runbook for {name}\n")
        # text/plain, for browsers offer to save text/markdown where a person in a hurry wants to read it.
        return web.Response(
            text=self._service.links.fill_in(path.read_text(encoding="utf-8")),
            content_type="text/plain",
            charset="utf-8",
        )

    async def landing(self, _: web.Request) -> web.Response:
        page = landing_page(
            self._service.status(), self._service.links, ready=self._service.ready()
        )
        return web.Response(text=page, content_type="text/html", charset="utf-8")


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
.table { overflow-x: auto; margin-bottom: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8886; vertical-align: top; }
td { font-variant-numeric: tabular-nums; }
time { white-space: nowrap; }
"""


def landing_page(status: Status, links: Links, *, ready: bool) -> str:
    """The page at /: where things are, the newest run of each benchmark, and what was rejected and why."""
    addresses = "".join(
        # Relative, for a proxy may serve this page under a path.
        f'<li><a href="{path.removeprefix("/")}">{path}</a> {what}</li>'
        for path, what in (
            ("/metrics", "all metrics"),
            ("/api/v1/status", "this page as JSON"),
            ("/-/healthy", "answers while the process lives"),
            ("/-/ready", "answers once the results folder has been read"),
        )
    )
    addresses += "".join(
        f'<li><a href="{escape(links.urls[part])}">{escape(links.urls[part])}</a> {what}</li>'
        for part, what in (
            ("stream", "what runs now, live"),
            ("grafana", "Grafana, the dashboards"),
            ("prometheus", "Prometheus, queries and rules"),
            ("alertmanager", "Alertmanager, alerts and silences"),
        )
        if part in links.urls
    )
    body = _tables(status) if ready else f"<p>Reading the results folder …</p>{_tables(status)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta http-equiv="refresh" content="5">'
        f"<title>benchmark-exporter</title><style>{_STYLE}</style></head><body><h1>benchmark-exporter {escape(__version__)}</h1>"
        f"{body}<h2>Addresses</h2><ul>{addresses}</ul></body></html>"
    )


def _tables(status: Status) -> str:
    firing = [
        alert
        for alert in status.alerts
        if alert.status == "firing" and alert.severity in SEVERITIES
    ]
    alerts = [
        (
            f"<strong>{escape(alert.alertname)}</strong>",
            *_cells(alert.severity, alert.summary),
            _moment(alert.received_timestamp_seconds),
        )
        for alert in firing
    ]
    runs = [
        (
            *_cells(
                run.benchmark,
                run.environment,
                run.run_id,
                run.commit_hash[:COMMIT_CHARACTERS_SHOWN],
            ),
            _moment(run.timestamp_seconds),
            _speedup(run),
            _gate_outcome(run),
        )
        for run in status.runs
    ]
    rejected = [
        _cells(file.file, file.reason, file.place, file.detail) for file in status.rejected_files
    ]
    return (
        _failure(status)
        + _dropped(status)
        + _table("Firing alerts", ("Alert", "Severity", "Summary", "Received (UTC)"), alerts)
        + _table(
            "Newest runs",
            ("Benchmark", "Environment", "Run", "Commit", "Made (UTC)", "Speedup p50", "Verdict"),
            runs,
        )
        + (
            ""
            if runs
            else f"<p>No run yet. Copy a result file into <code>{escape(status.results_dir)}</code>.</p>"
        )
        + _table("Rejected files", ("File", "Reason", "Where", "What"), rejected)
    )


def _failure(status: Status) -> str:
    if status.failure is None:
        return ""
    return (
        f"<p><strong>No result is taken in: {escape(status.failure)}</strong>. It is tried again every few seconds, and what is below was "
        'known before. <a href="runbooks/IngestFailing">What to do</a></p>'
    )


def _dropped(status: Status) -> str:
    dropped = [
        f"{count:,} × {escape(kind)}" for kind, count in status.subjects_dropped.items() if count
    ]
    if not dropped:
        return ""
    return (
        f"<p><strong>Left out of /metrics and of this page: {', '.join(dropped)}</strong>, the newest, since there may be "
        f'{status.max_series:,} series. <a href="runbooks/SeriesLimitReached">What to do</a></p>'
    )


def _cells(*texts: str) -> tuple[str, ...]:
    return tuple(map(escape, texts))


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells in HTML; nothing where there is no row."""
    if not rows:
        return ""
    head = "".join(f"<th>{head}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h2>{title}</h2><div class=table><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _moment(timestamp_seconds: float) -> str:
    moment = datetime.fromtimestamp(timestamp_seconds, UTC)
    return f"<time>{moment:%Y-%m-%d %H:%M:%S}</time>"


def _speedup(run: RunStatus) -> str:
    return "" if run.speedup_p50_ratio is None else f"{run.speedup_p50_ratio:.2f}×"


def _gate_outcome(run: RunStatus) -> str:
    """Of the gate, and of the result that is the worst beside its history."""
    words = [] if run.passed is None else [_gate_words(run)]
    if run.verdicts:
        words.append(_verdict(run.benchmark, run.verdicts[0]))
    return "<br>".join(words) or "no gate"


def _gate_words(run: RunStatus) -> str:
    gate_outcome = "passed" if run.passed else "failed"
    return (
        gate_outcome
        if run.severity is None
        else f"<strong>{gate_outcome}, {run.severity} regression</strong>"
    )


def _verdict(benchmark: str, verdict: VerdictStatus) -> str:
    state = verdict.state.replace("_", " ")
    ratio = verdict.worsening_ratio
    change = "" if ratio is None else f", {abs(ratio):.1%} {'worse' if ratio > 0 else 'better'}"
    if verdict.state in REGRESSED:
        variant = verdict.name.removeprefix(benchmark).removeprefix("/")
        state = (
            f"<strong>{escape(variant)} {state}</strong>"
            if variant
            else f"<strong>{state}</strong>"
        )
    return f"{state}{change}"
