"""What a page of somebody else can do to an exporter on the reader's machine: nothing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.browsing import notify
from tests.support.process import Exporter

# What a request led to, as a page sees it.
FETCH = """async ([url, how]) => {
  try {
    const answer = await fetch(url, how);
    return answer.type === "opaque" ? "sent" : `${answer.status} ${await answer.text()}`;
  } catch (error) { return "failed"; }
}"""
FOLLOW = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onmessage = () => resolve("followed");
  socket.onclose = () => resolve("refused");
})"""
FORGED = {
    "status": "firing",
    "labels": {"alertname": "Forged", "severity": "critical"},
    "annotations": {},
    "fingerprint": "f",
}
BODY = json.dumps({"version": "4", "alerts": [FORGED]})


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of http://evil.example, on a port of its own."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>evil</title><a>news</a>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        opened = context.new_page()
        opened.goto(f"http://evil.example:{site.server_port}/")
        yield opened
        site.shutdown()
        thread.join()


def test_a_foreign_page_reads_and_changes_nothing(page: Page, exporter: Exporter) -> None:
    notify(exporter, "firing")
    for host in ("localhost", "127.0.0.1", "evil.example"):
        main, stream = f"http://{host}:{exporter.port}", f"{host}:{exporter.stream_port}"
        for url in (f"{main}/api/v1/status", f"{main}/metrics", f"http://{stream}/api/v1/trends"):
            assert page.evaluate(FETCH, [url, {}]) == "failed"
        assert page.evaluate(FOLLOW, f"ws://{stream}/stream") == "refused"
        for kind in ("application/json", "text/plain"):
            for mode in ("cors", "no-cors"):
                how = {"method": "POST", "body": BODY, "mode": mode}
                page.evaluate(FETCH, [f"{main}/api/v1/alerts", how | {"headers": {"a": "b"}}])
                page.evaluate(
                    FETCH, [f"{main}/api/v1/alerts", how | {"headers": {"Content-Type": kind}}]
                )
    alerts = json.loads(exporter.get("/api/v1/status"))["alerts"]
    assert [alert["alertname"] for alert in alerts] == ["CriticalPerformanceRegression"]


def test_a_name_that_was_pointed_here_reads_nothing(page: Page, exporter: Exporter) -> None:
    """The page is then of the same origin, so nothing but the name tells it apart."""
    for port in (exporter.port, exporter.stream_port):
        answer = page.goto(f"http://evil.example:{port}/")
        assert answer is not None
        assert answer.status == 403
        assert "allowed_hosts" in page.content()
        path = "/api/v1/status" if port == exporter.port else "/api/v1/trends"
        assert page.evaluate(FETCH, [path, {}]).startswith("403 ")
    assert page.evaluate(FOLLOW, f"ws://evil.example:{exporter.stream_port}/stream") == "refused"


def test_a_link_from_a_foreign_page_opens(page: Page, exporter: Exporter) -> None:
    for port in (exporter.port, exporter.stream_port):
        page.evaluate("(url) => { location.href = url; }", f"http://localhost:{port}/")
        page.wait_for_url(f"http://localhost:{port}/")
        assert "benchmark" in page.content()
