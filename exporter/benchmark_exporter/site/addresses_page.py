"""The page of the stack's addresses and the exporter's paths."""

from html import escape

from benchmark_exporter.links import Links
from benchmark_exporter.site.addresses import link
from benchmark_exporter.site.layout import page

_PATHS = (
    ("/metrics", "all metrics, as Prometheus scrapes them"),
    ("/api/v1/status", "the newest runs, alerts and rejected files, as JSON"),
    ("/api/v1/changes", "where the level of results changed, as JSON"),
    ("/api/v1/openapi.json", "the API: runs, results and comparisons of them (OpenAPI)"),
    ("/-/healthy", "answers while the process is alive"),
    ("/-/ready", "answers once the results folder has been scanned"),
)
_PARTS = (
    ("exporter", "The exporter: these pages, metrics and the API"),
    ("stream", "The stream: these pages, and what happens as it happens"),
    ("grafana", "Grafana: dashboards"),
    ("prometheus", "Prometheus: queries and rules"),
    ("alertmanager", "Alertmanager: alerts and silences"),
)


def addresses_page(links: Links, exporter: str, stream: str | None) -> str:
    """The whole page. `exporter` and `stream` are where these two are reached; None: it is off."""
    urls = {**links.urls, "exporter": exporter}
    if stream is not None:
        urls["stream"] = stream
    parts = "".join(
        f"<li>{link(urls[part], urls[part])} {escape(what)}</li>"
        for part, what in _PARTS
        if part in urls
    )
    paths = "".join(
        f"<li>{link(f'{exporter}{path}', path)} {escape(what)}</li>" for path, what in _PATHS
    )
    follow = ""
    if stream is not None:
        address = stream.replace("http", "ws", 1)
        follow = (
            f"<h2>Follow</h2><p><code>benchmark-exporter watch --url {escape(address)}</code> shows"
            f" the stream in a terminal; programs follow <code>{escape(address)}/stream</code>.</p>"
        )
    missing = ", ".join(what.partition(":")[0] for part, what in _PARTS if part not in urls)
    unknown = (
        f'<p class="quiet">Not known here: {escape(missing)}.'
        " The exporter is started with their addresses (<code>--grafana-url</code> and so on).</p>"
        if missing
        else ""
    )
    return page(
        "Addresses",
        f'<h1>Addresses</h1><ul class="plain">{parts}</ul>{unknown}'
        f'<h2>Paths of the exporter</h2><ul class="plain">{paths}</ul>{follow}',
        current="addresses",
    )
