"""Pages of a running stack in a browser, and what foreign pages try to do to it."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from stack import internal
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    NODE_EXPORTER,
    PROMETHEUS,
    STREAM,
    Part,
    Settings,
)
from tests.stack.doors import PAGES, SILENCE
from tests.support.foreign_pages import embed, fetch, follow, framed_text, submit
from tests.support.forgeries import FORGED_ALERTS

# What people open. Debian's Prometheus answers 404 on /alerts, /targets and /rules, with or without
# a proxy.
OPENED = (
    (EXPORTER, "/"),
    (EXPORTER, "/addresses"),
    (EXPORTER, "/runbooks/CriticalPerformanceRegression"),
    (STREAM, "/live"),
    (PROMETHEUS, "/graph?g0.expr=up&g0.tab=1"),
    (ALERTMANAGER, "/#/silences"),
    (NODE_EXPORTER, "/"),
)
# Debian's Prometheus 2.42 includes a script that its classic page cannot load, with or without a
# proxy.
DEBIAN_SCRIPT = "Unexpected token 'export'"
WITHOUT_PAGES = "does not include the modern React web UI"
LOADED_MS = 15_000
# What a foreign page would send to each door.
SENT: Mapping[Part, tuple[str, str]] = {
    ALERTMANAGER: ("/api/v2/silences", SILENCE),
    PROMETHEUS: ("/-/quit", ""),
    EXPORTER: ("/api/v1/alerts", FORGED_ALERTS),
    STREAM: ("/api/v1/trends", "{}"),
    NODE_EXPORTER: ("/metrics", "{}"),
}


def address(settings: Settings, part: Part, host: str = "localhost") -> str:
    """A published door under a name of this machine, or of somebody else."""
    return f"{settings.scheme}://{host}:{settings.port(part)}"


def stream_address(settings: Settings, host: str = "localhost") -> str:
    """The stream's WebSocket."""
    return f"{address(settings, STREAM, host).replace('http', 'ws', 1)}/stream"


def state(settings: Settings) -> tuple[object, object]:
    """What the forged requests would change: silences, and alerts that the exporter knows."""
    silences = internal.get_json(ALERTMANAGER, settings, "/api/v2/silences")
    alerts = internal.get_json(EXPORTER, settings, "/api/v1/status")["alerts"]
    return (
        {each["id"]: each["status"]["state"] for each in silences},
        [each for each in alerts if each["alertname"] == "Forged"],
    )


def open_page(context: BrowserContext, settings: Settings, part: Part, path: str) -> Page:
    """A page that has loaded and shows what it is for, without an error."""
    wrong: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.on(
        "response",
        lambda answer: (
            wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        ),
    )
    answer = page.goto(address(settings, part) + path, wait_until="load")
    assert answer is not None
    assert answer.status == 200
    if part is STREAM:
        expect(page.locator("#connection")).to_have_text("Live", timeout=LOADED_MS)
    if part is PROMETHEUS:
        if WITHOUT_PAGES in page.content():
            pytest.skip("this Prometheus is a Debian package that has no pages")
        # The result of the query.
        expect(page.get_by_text("benchmark-exporter").first).to_be_visible(timeout=LOADED_MS)
    assert [each for each in wrong if each != DEBIAN_SCRIPT] == []
    return page


def reads_nothing(foreign: Page, settings: Settings, host: str) -> None:
    """Asserts that a foreign page reads, loads, frames and follows nothing under this name."""
    for part in SENT:
        main = address(settings, part, host)
        for path, how in product(PAGES[part], _requests()):
            assert fetch(foreign, main + path, how) == "", path
        for element in ("script", "img"):
            assert embed(foreign, element, main + PAGES[part][-1]) == ""
        shown = framed_text(foreign, main + PAGES[part][0])
        assert shown.startswith("refused: "), shown
    assert follow(foreign, stream_address(settings, host)) == ""


def changes_nothing(foreign: Page, settings: Settings, host: str) -> None:
    """Asserts that nothing that a foreign page sends under this name has an effect."""
    before = state(settings)
    for part, (path, body) in SENT.items():
        for kind, how in product(("text/plain", "application/json"), _requests()):
            sent = {"method": "POST", "body": body, "headers": {"Content-Type": kind}}
            assert fetch(foreign, address(settings, part, host) + path, {**how, **sent}) == ""
    assert state(settings) == before
    assert internal.request(PROMETHEUS, settings, "/-/ready")


def forms_change_nothing(foreign: Page, settings: Settings) -> None:
    """Asserts that the forms of a foreign page are refused, which are sent by a navigation."""
    before, page = state(settings), foreign.url
    for part, (path, body) in SENT.items():
        assert submit(foreign, address(settings, part) + path, body) == 403, part.name
        foreign.goto(page)
    assert state(settings) == before


def _requests() -> Iterator[Mapping[str, Any]]:
    """How scripts may ask another origin: with what the browser knows of the user, or without."""
    for mode, credentials in product(("cors", "no-cors"), ("omit", "include")):
        yield {"mode": mode, "credentials": credentials}
