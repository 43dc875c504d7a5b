"""Pages in a browser: the stack's own work through the proxy, and others' reach nothing.

Runs after test_stack.py, on the same stack.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from stack import internal
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    LISTENERS,
    NODE_EXPORTER,
    PROMETHEUS,
    STREAM,
    Part,
)
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.stack.backends import Backend, query
from tests.stack.doors import ALERTS, PAGES, SILENCE

DOORS = (EXPORTER, STREAM, PROMETHEUS, ALERTMANAGER, NODE_EXPORTER)
# What people open. Debian's Prometheus answers 404 on /alerts, /targets and /rules, with or without
# a proxy.
OPENED = (
    (EXPORTER, "/"),
    (EXPORTER, "/runbooks/CriticalPerformanceRegression"),
    (STREAM, "/"),
    (PROMETHEUS, "/graph?g0.expr=up&g0.tab=1"),
    (ALERTMANAGER, "/#/silences"),
    (NODE_EXPORTER, "/"),
)
# Debian's Prometheus 2.42 includes a script that its classic page cannot load, with or without a
# proxy.
DEBIAN_SCRIPT = "Unexpected token 'export'"
WITHOUT_PAGES = "does not include the modern React web UI"
LOADED_MS = 15_000
SENT = {
    ALERTMANAGER: ("/api/v2/silences", SILENCE),
    PROMETHEUS: ("/-/quit", ""),
    EXPORTER: ("/api/v1/alerts", ALERTS),
    STREAM: ("/api/v1/trends", "{}"),
    NODE_EXPORTER: ("/metrics", "{}"),
}
# Each gives what a script of the page gets to know of the answer.
FETCH = """async ([url, how]) => {
  try {
    const answer = await fetch(url, how);
    return answer.type === "opaque" ? "" : `${answer.status} ${await answer.text()}`;
  } catch (error) { return ""; }
}"""
FOLLOW = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onopen = () => resolve("followed");
  socket.onerror = () => resolve("");
})"""
EMBED = """([kind, url]) => new Promise((resolve) => {
  const element = document.createElement(kind);
  element.onload = () => resolve("loaded");
  element.onerror = () => resolve("");
  element.src = url;
  document.body.append(element);
})"""
SUBMIT = """([url, body]) => {
  const form = document.createElement("form");
  Object.assign(form, {method: "POST", action: url, enctype: "text/plain"});
  const field = document.createElement("input");
  [field.name, field.value] = [body.slice(0, -1) + ',"x":"', '"}'];
  form.append(field);
  document.body.append(form);
  form.submit();
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH; Debian and Ubuntu have it as a package")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context()
    opened.set_default_timeout(LOADED_MS)
    yield opened
    opened.close()


@pytest.fixture
def foreign(context: BrowserContext) -> Iterator[Page]:
    """A page of http://evil.example, which leads to this machine, on a port of its own."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>evil</title><body>news</body>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        opened = context.new_page()
        opened.goto(f"http://evil.example:{site.server_port}/")
        yield opened
        opened.close()
        site.shutdown()
        thread.join()


def address(backend: Backend, part: Part, host: str = "localhost") -> str:
    return f"http://{host}:{backend.settings.port(part)}"


def state(backend: Backend) -> tuple[object, object]:
    """What the forged requests would change: silences, and alerts that the exporter knows."""
    silences = internal.get_json(ALERTMANAGER, backend.settings, "/api/v2/silences")
    alerts = internal.get_json(EXPORTER, backend.settings, "/api/v1/status")["alerts"]
    return (
        {each["id"]: each["status"]["state"] for each in silences},
        [each for each in alerts if each["alertname"] == "Forged"],
    )


@pytest.mark.parametrize(("part", "path"), OPENED, ids=lambda value: getattr(value, "name", value))
def test_a_page_loads_without_an_error(
    backend: Backend, context: BrowserContext, part: Part, path: str
) -> None:
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
    answer = page.goto(address(backend, part) + path, wait_until="load")
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


def test_alertmanagers_own_page_makes_and_ends_a_silence(
    backend: Backend, context: BrowserContext
) -> None:
    """By the requests of its interface, which Debian's package lacks."""
    page = context.new_page()
    page.goto(address(backend, ALERTMANAGER))
    how = {
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        "body": SILENCE.replace('".+"', '"NoSuchAlert"'),
    }
    status, _, text = page.evaluate(FETCH, ["/api/v2/silences", how]).partition(" ")
    assert status == "200", text
    identity = json.loads(text)["silenceID"]
    ended = page.evaluate(FETCH, [f"/api/v2/silence/{identity}", {"method": "DELETE"}])
    assert ended.startswith("200")
    silences, _ = state(backend)
    assert isinstance(silences, dict)
    assert silences[identity] == "expired"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "evil.example"])
def test_a_foreign_page_reads_and_changes_nothing(
    backend: Backend, foreign: Page, host: str
) -> None:
    before = state(backend)
    for part, (path, body) in SENT.items():
        main = address(backend, part, host)
        for read in PAGES[part]:
            for mode in ("cors", "no-cors"):
                assert foreign.evaluate(FETCH, [main + read, {"mode": mode}]) == "", read
        for kind in ("text/plain", "application/json"):
            for mode in ("cors", "no-cors"):
                how = {"method": "POST", "mode": mode, "body": body}
                how |= {"headers": {"Content-Type": kind}}  # type: ignore[dict-item]
                assert foreign.evaluate(FETCH, [main + path, how]) == ""
        for element in ("script", "img"):
            assert foreign.evaluate(EMBED, [element, main + PAGES[part][-1]]) == ""
        foreign.evaluate(EMBED, ["iframe", main + PAGES[part][0]])
        frame = foreign.frames[-1]
        assert "chrome-error" in frame.url or "refused" in frame.content(), frame.url
    stream = address(backend, STREAM, host).replace("http", "ws")
    assert foreign.evaluate(FOLLOW, f"{stream}/stream") == ""
    assert state(backend) == before
    assert query(backend.settings, "up")


def test_a_form_of_a_foreign_page_changes_nothing(backend: Backend, foreign: Page) -> None:
    before, page = state(backend), foreign.url
    for part, (path, body) in SENT.items():
        url = address(backend, part) + path
        with foreign.expect_navigation() as opened:
            foreign.evaluate(SUBMIT, [url, body or "{}"])
        assert opened.value is not None
        assert opened.value.status == 403, url
        foreign.goto(page)
    assert state(backend) == before


def test_a_name_that_was_pointed_here_reads_nothing(backend: Backend, foreign: Page) -> None:
    """The page is then of the same origin, so nothing but the name tells it apart."""
    for part in DOORS:
        answer = foreign.goto(address(backend, part, "evil.example") + PAGES[part][0])
        assert answer is not None
        assert answer.status == 403, part.name
        assert "PROXY_HOSTS" in foreign.content()
        for path in PAGES[part]:
            assert foreign.evaluate(FETCH, [path, {}]).startswith("403 refused"), path
        before = state(backend)
        how = {"method": "POST", "body": SENT[part][1]}
        assert foreign.evaluate(FETCH, [SENT[part][0], how]).startswith("403 refused")
        assert state(backend) == before
    stream = address(backend, STREAM, "evil.example").replace("http", "ws")
    assert foreign.evaluate(FOLLOW, f"{stream}/stream") == ""


def test_a_link_of_a_foreign_page_opens(backend: Backend, foreign: Page) -> None:
    page = foreign.url
    for part in [part for part in LISTENERS if part is not GRAFANA]:
        url = f"{address(backend, part)}/metrics" if part is PROMETHEUS else address(backend, part)
        with foreign.expect_navigation() as opened:
            foreign.evaluate(
                "url => { const a = document.querySelector('body').appendChild("
                "document.createElement('a')); a.href = url; a.click(); }",
                url,
            )
        assert opened.value is not None
        assert opened.value.status == 200, part.name
        foreign.goto(page)
