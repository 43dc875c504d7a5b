"""The list of benchmarks and the page of one, in a browser, on a desk and on a phone."""

import re
from collections.abc import Callable, Iterator
from typing import Literal, get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from benchmark_exporter.benchmark_page import address
from benchmark_exporter.model import Scope
from tests.support.browsing import drop
from tests.support.documents import perf_suite, result
from tests.support.histories import STEADY
from tests.support.paths import REPOSITORY
from tests.support.process import DEADLINE_SECONDS, Exporter

WIDE = "w" * 200
LONG, ODD = "x" * 500, "<img src=x onerror=document.title='taken'> a/b  c 全角"
SCOPE = Scope("router", "ci", "linux x86_64 4 cpus", "main")
PAGES = {
    "list": "benchmarks",
    "regression": f"{address('parsing', SCOPE)}&days=all",
    "errored": address("broken", SCOPE),
    "one run": f"{address('young', SCOPE)}&days=all",
    "long name": f"{address(LONG, SCOPE)}&days=all",
    "wide project": address(WIDE),
    "start": "",
    "unknown": address("parsnig"),
    "wrong": "benchmark?days=1",
}
ColorScheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """A regression, an error, a benchmark of one run, and names that are hard to show."""
    runbooks = f"--runbooks-dir={REPOSITORY / 'docs' / 'runbooks'}"
    running = Exporter(
        tmp_path_factory.mktemp("pages"), free_port(), runbooks, stream_port=free_port()
    )
    for number, value in enumerate([*STEADY, 1.5, 1.5]):
        drop(running, f"{number}.json", result(number, {"parsing": value}))
    last = result(100, {"young": 1.25, LONG: 1.0, ODD: 1.0})
    last["failures"] = [{"benchmark": "broken", "error": "out of memory"}]
    drop(running, "last.json", last)
    wide = result(101, {"全角のベンチマーク（解析）": 1.0, WIDE: 1.0}) | {"project": WIDE}
    drop(running, "wide.json", wide)
    drop(running, "gate.json", perf_suite(project="orbit", speedup=5.0))
    running.until(lambda: b"critical, 50.0% worse" in running.get("/benchmarks"))
    running.until(lambda: WIDE.encode() in running.get("/benchmarks"))
    running.until(lambda: b"orbit" in running.get("/benchmarks?q=orbit&state=critical"))
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def open_page(browser: Browser, exporter: Exporter) -> Iterator[Callable[..., Page]]:
    """Opens a page by its address; fails the test on an error that the browser reports."""
    contexts, errors = [], []

    def opened(path: str, width: int = 1280, scheme: ColorScheme = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(DEADLINE_SECONDS * 1000)
        expect.set_options(timeout=DEADLINE_SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                errors.append(message.text) if "Content Security Policy" in message.text else None
            ),
        )
        page.goto(f"http://127.0.0.1:{exporter.port}/{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize("scheme", get_args(ColorScheme))
@pytest.mark.parametrize("width", [1280, 390, 360])
def test_every_page_fits_and_has_its_style(
    open_page: Callable[..., Page], exporter: Exporter, width: int, scheme: ColorScheme
) -> None:
    page = open_page(PAGES["list"], width, scheme)
    for path in PAGES.values():
        page.goto(f"http://127.0.0.1:{exporter.port}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.title() != "taken"
        expect(page.locator("h1")).to_have_count(1)
        red, green, blue = map(
            int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).color"))[:3]
        )
        assert (red + green + blue > 384) is (scheme == "dark")


@pytest.mark.parametrize(("path", "column"), [("list", 2), ("regression", 3)])
@pytest.mark.parametrize("width", [390, 360])
def test_on_a_phone_what_is_said_of_a_row_is_within_the_tables_box(
    open_page: Callable[..., Page], width: int, path: str, column: int
) -> None:
    page = open_page(PAGES[path], width)
    cells = f"td:nth-child({column}) .badge"
    table = page.locator(".table", has=page.locator(cells)).last
    right = page.evaluate("each => each.getBoundingClientRect().right", table.element_handle())
    badges = table.locator(cells).evaluate_all(
        "found => found.map(each => [each.textContent, each.getBoundingClientRect().right])"
    )
    assert len(badges) > 2
    assert [text for text, end in badges if end > right] == []


def test_a_command_that_is_wider_than_a_phone_can_be_scrolled_by_the_keyboard(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(PAGES["regression"], 390)
    page.get_by_text("Say what becomes of this regression").click()
    commands = page.locator("pre")
    expect(commands).to_have_count(2)
    for command in commands.all():
        assert command.evaluate("each => each.scrollWidth > each.clientWidth")
    # Chromium reaches what scrolls by itself; other browsers do not.
    violations = Axe().run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_chart_is_as_wide_as_the_page_and_its_labels_can_be_read(
    open_page: Callable[..., Page], width: int
) -> None:
    page = open_page(PAGES["regression"], width)
    chart = page.locator("svg.chart")
    box = chart.bounding_box()
    assert box is not None
    assert 0.65 * width < box["width"] < width
    assert box["height"] > 150
    labels = page.locator(".plot .values text")
    boxes = [labels.nth(at).bounding_box() for at in range(labels.count())]
    assert len(boxes) >= 2
    for label in boxes:
        assert label is not None
        assert label["height"] >= 10
        assert label["x"] >= 0
        assert label["x"] + label["width"] <= box["x"]
    expect(page.get_by_role("img", name=re.compile("parsing: history"))).to_be_visible()
    assert page.locator(".chart .point.critical").count() == 1


def test_the_data_of_a_chart_is_a_table_for_those_who_cannot_see_it(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(PAGES["regression"])
    table = page.get_by_role("region", name="History of parsing")
    expect(table).to_be_hidden()
    page.get_by_text("The chart as a table").focus()
    page.keyboard.press("Enter")
    expect(table.get_by_role("row")).to_have_count(len(STEADY) + 3)


def test_from_the_list_to_the_commit_and_the_runbook_in_three_clicks(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("benchmarks")
    page.get_by_role("link", name="2 critical", exact=True).click()
    page.get_by_role("link", name="parsing", exact=True).click()
    expect(page.locator(".result")).to_contain_text(f"commit-{len(STEADY) - 1}")
    page.get_by_role("link", name="Runbook", exact=True).first.click()
    expect(page.locator("body")).to_contain_text("PerformanceRegression")


def test_slash_moves_to_the_search_and_filters_stay_in_the_address(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("benchmarks?sort=name")
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Search")
    expect(field).to_be_focused()
    page.keyboard.type("pars/")
    expect(field).to_have_value("pars/")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    query = parse_qs(urlsplit(page.url).query)
    assert (query["q"], query["sort"]) == (["pars"], ["name"])
    page.get_by_role("link", name="parsing", exact=True).click()
    expect(page.locator("h1")).to_contain_text("parsing")
    page.go_back()
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("pars")


def test_without_scripts_it_works_too(browser: Browser, exporter: Exporter) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.port}/benchmarks")
    page.get_by_role("searchbox", name="Search").fill("a/b")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=ODD).click()
    expect(page.locator("h1")).to_contain_text("<img src=x")
    context.close()


def test_the_live_page_leads_to_them(live_page: Page) -> None:
    link = live_page.locator("#benchmarks").get_by_role("link", name="parsing", exact=True)
    expect(link).to_be_visible()
    href = link.get_attribute("href") or ""
    assert parse_qs(urlsplit(href).query) == parse_qs(urlsplit(address("parsing", SCOPE)).query)
