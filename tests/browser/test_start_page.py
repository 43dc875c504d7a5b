"""The start page in a browser, for people without Grafana."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browsing import drop
from tests.support.documents import perf_suite
from tests.support.process import DEADLINE_SECONDS, Exporter


@pytest.fixture
def page(browser: Browser, exporter: Exporter) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    opened = context.new_page()
    opened.goto(f"http://127.0.0.1:{exporter.port}/")
    yield opened
    context.close()


def test_without_runs_it_says_what_to_do(page: Page, exporter: Exporter) -> None:
    expect(page.get_by_text(str(exporter.results))).to_be_visible()


def test_a_new_run_appears_by_itself(page: Page, exporter: Exporter) -> None:
    drop(exporter, "a.json", perf_suite(project="orbit", speedup=5.0))
    row = page.get_by_role("row").filter(has_text="orbit")
    expect(row).to_contain_text("5×", timeout=DEADLINE_SECONDS * 1000)
    expect(row).to_contain_text("failed, critical regression")


def test_a_rejected_file_is_named_with_its_reason(page: Page, exporter: Exporter) -> None:
    drop(exporter, "odd.json", {"keys": "of no format"})
    exporter.until(lambda: exporter.value("benchmark_exporter_rejected_files") == 1)
    page.get_by_role("navigation").get_by_role("link", name="Files").click()
    row = page.get_by_role("listitem").filter(has_text="odd.json")
    expect(row).to_contain_text("unknown_format", timeout=DEADLINE_SECONDS * 1000)


def test_names_are_text_and_never_markup(page: Page, exporter: Exporter) -> None:
    name = "<img src=x onerror=document.title='taken'>"
    drop(exporter, "a.json", perf_suite(project=name))
    expect(page.get_by_role("row").filter(has_text=name)).to_be_visible(
        timeout=DEADLINE_SECONDS * 1000
    )
    assert page.title() == "Start · Benchmarks"


def test_it_fits_a_phone(page: Page, exporter: Exporter) -> None:
    drop(exporter, "a.json", perf_suite(project="a-benchmark-with-a-rather-long-name-of-its-own"))
    expect(page.get_by_role("row").filter(has_text="a-benchmark")).to_be_visible(
        timeout=DEADLINE_SECONDS * 1000
    )
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
