"""The page of the stack's addresses and the exporter's paths."""

from html import escape

from benchmark_exporter.links import Links
from benchmark_exporter.site.addresses import link
from benchmark_exporter.site.layout import page
from benchmark_exporter.texts.say import Say, phrase

_PATHS = (
    ("/metrics", phrase("all metrics, as Prometheus scrapes them")),
    ("/api/v1/status", phrase("the newest runs, alerts and rejected files, as JSON")),
    ("/api/v1/changes", phrase("where the level of results changed, as JSON")),
    ("/api/v1/openapi.json", phrase("the API: runs, results and comparisons of them (OpenAPI)")),
    ("/-/healthy", phrase("answers while the process is alive")),
    ("/-/ready", phrase("answers once the results folder has been scanned")),
)
_PARTS = (
    ("exporter", phrase("The exporter: these pages, metrics and the API")),
    ("stream", phrase("The stream: these pages, and what happens as it happens")),
    ("grafana", phrase("Grafana: dashboards")),
    ("prometheus", phrase("Prometheus: queries and rules")),
    ("alertmanager", phrase("Alertmanager: alerts and silences")),
)


def addresses_page(links: Links, exporter: str, stream: str | None, say: Say) -> str:
    """The whole page. `exporter` and `stream` are where these two are reached; None: it is off."""
    urls = {**links.urls, "exporter": exporter}
    if stream is not None:
        urls["stream"] = stream
    parts = "".join(
        f"<li>{link(urls[part], urls[part])} {say(what)}</li>"
        for part, what in _PARTS
        if part in urls
    )
    paths = "".join(
        f"<li>{link(f'{exporter}{path}', path)} {say(what)}</li>" for path, what in _PATHS
    )
    follow = ""
    if stream is not None:
        address = stream.replace("http", "ws", 1)
        how = say(
            "{command} shows the stream in a terminal; programs follow {address}.",
            command=f"<code>benchmark-exporter watch --url {escape(address)}</code>",
            address=f"<code>{escape(address)}/stream</code>",
        )
        follow = f"<h2>{say('Follow')}</h2><p>{how}</p>"
    missing = [_name(what, say) for part, what in _PARTS if part not in urls]
    unknown = ""
    if missing:
        why = say(
            "Not known here: {parts}. The exporter is started with their addresses ({option} and "
            "so on).",
            parts=say(", ").join(missing),
            option="<code>--grafana-url</code>",
        )
        unknown = f'<p class="quiet">{why}</p>'
    return page(
        say("Addresses"),
        f'<h1>{say("Addresses")}</h1><ul class="plain">{parts}</ul>{unknown}'
        f'<h2>{say("Paths of the exporter")}</h2><ul class="plain">{paths}</ul>{follow}',
        current="addresses",
        say=say,
    )


def _name(what: str, say: Say) -> str:
    """A part's name, which stands before a colon in each language."""
    return say(what).replace("：", ":").partition(":")[0]
