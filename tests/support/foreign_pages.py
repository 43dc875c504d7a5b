"""A page of somebody else in a browser, and the ways in which it can send requests.

Each way gives what a script of the page gets to know of the answer. A foreign page should get to
know nothing, which is the empty text.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.support.forgeries import EVIL_HOST

_FETCH = """async ([url, how]) => {
  try {
    const answer = await fetch(url, how);
    return answer.type === "opaque" ? "" : `${answer.status} ${await answer.text()}`;
  } catch (error) { return ""; }
}"""
_FOLLOW = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onopen = () => resolve("followed");
  socket.onerror = () => resolve("");
})"""
_EMBED = """([kind, url]) => new Promise((resolve) => {
  const element = document.createElement(kind);
  element.onload = () => resolve("loaded");
  element.onerror = () => resolve("");
  element.src = url;
  document.body.append(element);
})"""
_SUBMIT = """([url, body]) => {
  const form = document.createElement("form");
  Object.assign(form, {method: "POST", action: url, enctype: "text/plain"});
  const field = document.createElement("input");
  [field.name, field.value] = [body.slice(0, -1) + ',"x":"', '"}'];
  form.append(field);
  document.body.append(form);
  form.submit();
}"""
_LINK = """(url) => {
  const link = document.createElement("a");
  link.href = url;
  document.body.append(link);
  link.click();
}"""


@contextmanager
def foreign_page(context: BrowserContext) -> Iterator[Page]:
    """A page of http://evil.example, on a port of its own."""

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
        try:
            opened = context.new_page()
            opened.goto(f"http://{EVIL_HOST}:{site.server_port}/")
            yield opened
            opened.close()
        finally:
            site.shutdown()
            thread.join()


def fetch(page: Page, url: str, how: Mapping[str, Any] | None = None) -> str:
    """The status and text of an answer, as `fetch` of the page gives it."""
    answer: str = page.evaluate(_FETCH, [url, how or {}])
    return answer


def follow(page: Page, url: str) -> str:
    """`followed` if the page can open a WebSocket."""
    opened: str = page.evaluate(_FOLLOW, url)
    return opened


def embed(page: Page, element: str, url: str) -> str:
    """`loaded` if the page can load an address as a script or an image."""
    loaded: str = page.evaluate(_EMBED, [element, url])
    return loaded


def framed_text(page: Page, url: str) -> str:
    """What a frame of the page shows of an address; empty if the answer forbids to be framed.

    The page cannot read it, but can have a user click on it.
    """
    assert page.evaluate(_EMBED, ["iframe", url]) == "loaded"  # also where it is forbidden
    frame = page.locator("iframe").last.element_handle().content_frame()
    assert frame is not None
    return "" if frame.url.startswith("chrome-error:") else frame.inner_text("body")


def submit(page: Page, url: str, body: str) -> int:
    """Sends a JSON object by a form of the page, in a navigation; the answer's status."""
    return _navigation(page, _SUBMIT, [url, body or "{}"])


def click_link(page: Page, url: str) -> int:
    """Follows a link of the page; the answer's status."""
    return _navigation(page, _LINK, url)


def _navigation(page: Page, script: str, argument: object) -> int:
    with page.expect_navigation() as opened:
        page.evaluate(script, argument)
    assert opened.value is not None
    return opened.value.status
