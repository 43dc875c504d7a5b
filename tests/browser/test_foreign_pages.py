"""What a page of somebody else can do to an exporter on the reader's machine: nothing."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.browsing import notify
from tests.support.foreign_pages import (
    click_link,
    embed,
    fetch,
    follow,
    foreign_page,
    framed_text,
    submit,
)
from tests.support.forgeries import EVIL_HOST, FORGED_ALERTS
from tests.support.process import Exporter

HOSTS = ("localhost", "127.0.0.1", EVIL_HOST)


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One for all tests of this file, since they change nothing; it knows one alert."""
    folder = tmp_path_factory.mktemp("attacked")
    running = Exporter(folder, free_port(), stream_port=free_port())
    notify(running, "firing")
    yield running
    assert running.stop() == 0


@pytest.fixture
def foreign(context: BrowserContext) -> Iterator[Page]:
    with foreign_page(context) as page:
        yield page


def has_only_its_own_alert(exporter: Exporter) -> bool:
    known = json.loads(exporter.get("/api/v1/status"))["alerts"]
    return [alert["alertname"] for alert in known] == ["CriticalPerformanceRegression"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_reads_nothing(foreign: Page, exporter: Exporter, host: str) -> None:
    main, stream = f"http://{host}:{exporter.port}", f"{host}:{exporter.stream_port}"
    for url in (f"{main}/api/v1/status", f"{main}/metrics", f"http://{stream}/api/v1/trends"):
        assert fetch(foreign, url) == ""
        assert embed(foreign, "script", url) == ""
    assert embed(foreign, "script", f"http://{stream}/live.js") == ""
    assert follow(foreign, f"ws://{stream}/stream") == ""


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_frames_nothing(foreign: Page, exporter: Exporter, host: str) -> None:
    for port in (exporter.port, exporter.stream_port):
        # The page that says so cannot be framed either.
        assert framed_text(foreign, f"http://{host}:{port}/") == ""


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_page_sends_no_alert(foreign: Page, exporter: Exporter, host: str) -> None:
    for mode in ("cors", "no-cors"):
        for headers in (
            {"Content-Type": "application/json"},
            {"Content-Type": "text/plain"},
            {"a": "b"},
        ):
            how = {"method": "POST", "body": FORGED_ALERTS, "mode": mode, "headers": headers}
            assert fetch(foreign, f"http://{host}:{exporter.port}/api/v1/alerts", how) == ""
    assert has_only_its_own_alert(exporter)


def test_a_form_of_a_foreign_page_sends_no_alert(foreign: Page, exporter: Exporter) -> None:
    assert submit(foreign, f"http://localhost:{exporter.port}/api/v1/alerts", FORGED_ALERTS) == 403
    assert has_only_its_own_alert(exporter)


def test_a_name_that_was_pointed_here_reads_nothing(foreign: Page, exporter: Exporter) -> None:
    """The page is then of the same origin, so nothing but the name tells it apart."""
    for port, path in (
        (exporter.port, "/api/v1/status"),
        (exporter.stream_port, "/api/v1/trends"),
    ):
        answer = foreign.goto(f"http://{EVIL_HOST}:{port}/")
        assert answer is not None
        assert answer.status == 403
        assert "allowed_hosts" in foreign.content()
        assert fetch(foreign, path).startswith("403 ")
    assert follow(foreign, f"ws://{EVIL_HOST}:{exporter.stream_port}/stream") == ""


def test_a_name_that_was_pointed_here_sends_no_alert(foreign: Page, exporter: Exporter) -> None:
    foreign.goto(f"http://{EVIL_HOST}:{exporter.port}/")
    how = {
        "method": "POST",
        "body": FORGED_ALERTS,
        "headers": {"Content-Type": "application/json"},
    }
    assert fetch(foreign, "/api/v1/alerts", how).startswith("403 ")
    assert has_only_its_own_alert(exporter)


def test_a_link_from_a_foreign_page_opens(foreign: Page, exporter: Exporter) -> None:
    page = foreign.url
    for port in (exporter.port, exporter.stream_port):
        assert click_link(foreign, f"http://localhost:{port}/") == 200
        assert "benchmark" in foreign.content()
        foreign.goto(page)
