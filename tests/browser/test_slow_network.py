"""The start page, the list and a benchmark's page over a slow network, and one that goes away."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Request, Route, expect

from tests.support.browsing import drop
from tests.support.documents import perf_suite, result
from tests.support.histories import STEADY
from tests.support.process import DEADLINE_SECONDS, Exporter

OLD = re.compile(r"^Not updated since .*\d.*: the exporter ")
SLOW = {
    "offline": False,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}
CONTENT = "**/start-content"


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """A regression, and a benchmark that is well."""
    running = Exporter(tmp_path_factory.mktemp("slow"), free_port())
    for number, value in enumerate([*STEADY, 1.5, 1.5]):
        drop(running, f"{number}.json", result(number, {"parsing": value, "calm": 1.0}))
    running.until(lambda: b"1 critical" in running.get("/"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def page(context: BrowserContext, exporter: Exporter) -> Page:
    """The start page. An error of its script fails the test."""
    opened = context.new_page()
    opened.on("pageerror", lambda error: pytest.fail(str(error)))
    opened.goto(f"http://127.0.0.1:{exporter.port}/")
    expect(opened.get_by_role("heading", name="1 critical")).to_be_visible()
    return opened


def slow_down(page: Page, latency_ms: float) -> None:
    """Emulates a bad mobile network."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {**SLOW, "latency": latency_ms})


class InFlight:
    """How many requests for the page's content are on their way, and the most at a time."""

    def __init__(self, page: Page) -> None:
        self.now = self.most = self.ended = 0
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if request.url.endswith("/start-content"):
            self.now += 1
            self.most = max(self.most, self.now)

    def _end(self, request: Request) -> None:
        if request.url.endswith("/start-content"):
            self.now -= 1
            self.ended += 1


def wait_for(page: Page, condition: Callable[[], Any]) -> None:
    """Waits while the browser's events are handled."""
    for _ in range(int(DEADLINE_SECONDS * 20)):
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail("not within the deadline")


def test_while_offline_it_says_since_when_it_is_old_and_catches_up(
    context: BrowserContext, page: Page, exporter: Exporter
) -> None:
    update = page.locator("#update")
    context.set_offline(True)
    expect(update).to_have_text(OLD)
    expect(update).to_have_attribute("role", "status")
    expect(page.get_by_role("heading", name="1 critical")).to_be_visible()
    drop(exporter, "meanwhile.json", perf_suite(project="meanwhile", speedup=30.0))
    context.set_offline(False)
    expect(update).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text="meanwhile")).to_be_visible()


def test_an_answer_that_does_not_come_is_said_before_it_is_given_up(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(CONTENT, hold)
    expect(page.locator("#update")).to_have_text(re.compile("has not answered yet"))
    assert len(held) == 1
    page.unroute(CONTENT)
    with suppress(Error):  # the page may have given it up by now
        held[0].abort()
    expect(page.locator("#update")).to_be_hidden()


def test_an_error_is_named_and_the_page_stays(page: Page) -> None:
    page.route(CONTENT, lambda route: route.fulfill(status=502, body="bad gateway"))
    expect(page.locator("#update")).to_have_text(re.compile("the exporter answered 502"))
    expect(page.get_by_role("heading", name="1 critical")).to_be_visible()
    page.unroute(CONTENT)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#update")).to_be_hidden()


def test_slow_answers_do_not_pile_up_however_often_someone_looks(
    page: Page, exporter: Exporter
) -> None:
    slow_down(page, 2000)
    requests = InFlight(page)
    for _ in range(3):
        page.evaluate("""() => {
          for (let number = 0; number < 5; number++) {
            document.dispatchEvent(new Event("visibilitychange"));
          }
        }""")
        ended = requests.ended
        wait_for(page, lambda ended=ended: requests.ended > ended)  # type: ignore[misc]
    assert requests.most == 1
    drop(exporter, "slowly.json", perf_suite(project="slowly", speedup=30.0))
    expect(page.get_by_role("row").filter(has_text="slowly")).to_be_visible()


def test_links_and_forms_work_over_a_slow_network(page: Page) -> None:
    slow_down(page, 500)
    page.get_by_role("link", name="Benchmarks").last.click()
    page.get_by_role("searchbox", name="Search").fill("pars")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="parsing", exact=True).click()
    expect(page.locator("h1")).to_contain_text("critical, 50.0% worse")
    page.go_back()
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("pars")
