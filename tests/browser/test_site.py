"""The site's pages in a browser: accessible, small, and updated without disturbing the reader."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browsing import drop
from tests.support.documents import perf_suite
from tests.support.paths import REPOSITORY
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.site_pages import BROKEN, PAGES, break_all, run_two

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCRIPT_BYTES = 100_000
TRIAGE = "/triage?benchmark_name=bench-00"


@pytest.fixture(scope="module")
def shown(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One for the tests that change nothing: something of everything is on its pages."""
    runbooks = REPOSITORY / "docs" / "runbooks"
    running = Exporter(
        tmp_path_factory.mktemp("shown"),
        free_port(),
        f"--runbooks-dir={runbooks}",
        stream_port=free_port(),
    )
    break_all(running)
    run_two(running)
    yield running
    assert running.stop() == 0


def open_page(
    browser: Browser,
    address: str,
    size: dict[str, int],
    scheme: Literal["light", "dark"] = "light",
) -> Page:
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]}, color_scheme=scheme
    )
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    page = context.new_page()
    page.goto(address)
    return page


@pytest.mark.parametrize("path", [*PAGES, TRIAGE])
def test_axe_finds_nothing_serious(browser: Browser, shown: Exporter, path: str) -> None:
    found: list[Any] = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        for size in (DESK, PHONE):
            page = open_page(browser, f"http://127.0.0.1:{shown.stream_port}{path}", size, scheme)
            if path == "/live":
                expect(page.get_by_role("row").filter(has_text="bench-00")).to_be_visible()
            violations = Axe().run(page).response["violations"]
            found += [
                (scheme, size, each["id"], [node["html"] for node in each["nodes"]])
                for each in violations
                if each["impact"] in ("serious", "critical")
            ]
            page.context.close()
    assert found == []


@pytest.mark.parametrize("path", [*PAGES, TRIAGE])
def test_axe_finds_nothing_serious_in_japanese(
    browser: Browser, shown: Exporter, path: str
) -> None:
    context = browser.new_context(locale="ja-JP")
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{shown.stream_port}{path}")
    found: list[Any] = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        for size in (DESK, PHONE):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            violations = Axe().run(page).response["violations"]
            found += [
                (scheme, size, each["id"], [node["html"] for node in each["nodes"]])
                for each in violations
                if each["impact"] in ("serious", "critical")
            ]
    context.close()
    assert found == []


def test_the_switch_works_without_javascript(browser: Browser, shown: Exporter) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    page = context.new_page()
    address = f"http://127.0.0.1:{shown.stream_port}/benchmarks?q=bench-0&sort=name"
    page.goto(address)
    page.get_by_role("link", name="日本語").click()
    expect(page.get_by_role("heading", level=1, name="ベンチマーク")).to_be_visible()
    expect(page).to_have_url(address)
    # Both ports have the same language: cookies know none.
    page.goto(f"http://127.0.0.1:{shown.port}/files")
    expect(page.get_by_role("heading", level=1, name="ファイル")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1, name="Files")).to_be_visible()
    context.close()


def test_the_start_pages_script_says_its_texts_in_japanese(
    browser: Browser, shown: Exporter
) -> None:
    context = browser.new_context(locale="ja-JP")
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    page = context.new_page()
    page.route("**/start-content", lambda route: route.abort())
    page.goto(f"http://127.0.0.1:{shown.port}/")
    expect(page.locator("#update")).to_have_text(
        re.compile(r"\d\d:\d\d:\d\d から更新されていません：エクスポーターが応答しません。")
    )
    context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("port", ["exporter", "stream"])
def test_it_fits_a_phone_and_loads_nothing_from_elsewhere(
    browser: Browser, shown: Exporter, port: str, path: str
) -> None:
    number = shown.port if port == "exporter" else shown.stream_port
    page = open_page(browser, f"http://127.0.0.1:{number}{path}", PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    hosts = page.evaluate(
        "performance.getEntriesByType('resource').map(each => new URL(each.name).hostname)"
    )
    assert set(hosts) <= {"127.0.0.1"}
    page.context.close()


def test_all_scripts_together_are_small() -> None:
    package = REPOSITORY / "exporter" / "benchmark_exporter"
    scripts = list(package.rglob("*.js"))
    assert package / "site" / "site.js" in scripts
    assert sum(path.stat().st_size for path in scripts) <= SCRIPT_BYTES


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_what_runs_is_on_the_first_screen_next_to_what_is_wrong(
    browser: Browser, shown: Exporter, size: dict[str, int]
) -> None:
    page = open_page(browser, f"http://127.0.0.1:{shown.port}/", size)
    for name in ("Running now", "Wrong now"):
        box = page.get_by_role("heading", name=name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < size["height"], name
    cards = page.locator(".running .entry")
    expect(cards).to_have_count(2)
    last = cards.last.bounding_box()
    assert last is not None
    assert last["y"] + last["height"] < size["height"]
    page.context.close()


def test_the_keyboard_reaches_all_in_the_order_of_the_page(
    browser: Browser, shown: Exporter
) -> None:
    page = open_page(browser, f"http://127.0.0.1:{shown.port}/", DESK)
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert reached == [
        "Skip to the content",
        "Benchmarks",
        "Start",
        "Benchmarks",
        "Live",
        "Files",
        "Addresses",
        "日本語",
        "15 benchmarks are wrong in 2 projects",
        BROKEN[0],
    ]
    page.context.close()


def test_a_reader_gets_from_what_is_wrong_to_the_runbook(browser: Browser, shown: Exporter) -> None:
    page = open_page(browser, f"http://127.0.0.1:{shown.port}/", DESK)
    page.get_by_role("link", name="PerformanceRegression").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("PerformanceRegression")
    page.get_by_role("link", name="Start").click()
    expect(page.get_by_role("heading", name="Wrong now")).to_be_visible()
    page.context.close()


def test_it_is_there_before_any_script_ran(browser: Browser, shown: Exporter) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{shown.port}/")
    expect(page.get_by_text("14 results are worse")).to_be_visible()
    context.close()


def test_updates_keep_focus_selection_scrolling_and_what_is_unfolded(
    context: BrowserContext, exporter: Exporter
) -> None:
    break_all(exporter)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.port}/")
    page.locator("summary").first.click()
    page.get_by_role("link", name="bench-09").first.focus()
    page.evaluate("""() => {
      getSelection().selectAllChildren(document.querySelector(".entry strong"));
      scrollTo(0, 300);
      window.isSameDocument = true;
    }""")
    selected, scrolled = page.evaluate("[getSelection().toString(), scrollY]")
    drop(exporter, "pluto.json", perf_suite("r9", project="pluto", speedup=2.0))
    expect(page.locator(".entry").filter(has_text="pluto")).to_be_visible()
    assert page.evaluate("window.isSameDocument") is True
    assert page.evaluate("document.activeElement.textContent") == "bench-09"
    assert page.evaluate("document.querySelector('details').open") is True
    assert page.evaluate("getSelection().toString()") == selected
    assert abs(page.evaluate("scrollY") - scrolled) < 400  # the new entry may come above
    page.context.close()


def test_failures_come_and_go_on_the_open_page(context: BrowserContext, exporter: Exporter) -> None:
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.port}/")
    away = exporter.folder / "away"
    exporter.results.rename(away)
    expect(page.get_by_text("No results are ingested:")).to_be_visible()
    expect(page.get_by_role("heading", name="No results are ingested")).to_be_visible()
    expect(page.get_by_text("Nothing is wrong")).to_have_count(0)
    away.rename(exporter.results)
    expect(page.get_by_text("No results are ingested")).to_have_count(0)


def test_it_says_so_when_the_exporter_has_gone(
    browser: Browser, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    exporter = Exporter(tmp_path, free_port())
    page = open_page(browser, f"http://127.0.0.1:{exporter.port}/", DESK)
    assert exporter.stop() == 0
    expect(page.get_by_text("The exporter does not answer")).to_be_visible(
        timeout=DEADLINE_SECONDS * 1000
    )
    exporter.start()
    expect(page.get_by_text("The exporter does not answer")).to_be_hidden(
        timeout=2 * DEADLINE_SECONDS * 1000
    )
    page.context.close()
    assert exporter.stop() == 0
