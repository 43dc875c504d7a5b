"""The live page for everyone: contrast, keyboard, screen reader, phone and slow networks."""

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browsing import drop, notify
from tests.support.documents import perf_suite
from tests.support.live_files import LiveFile
from tests.support.process import Exporter

PAGE_BYTES = 60_000
# Relative luminance and contrast as WCAG 2.2 defines them, of an element's text on the first
# background behind it.
CONTRAST = """element => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const linear = c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => [r, g, b].map(c => linear(c / 255))
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const background = element => getComputedStyle(element).backgroundColor;
  let behind = element;
  while (behind && (channels(background(behind))[3] ?? 1) === 0) behind = behind.parentElement;
  const pair = [getComputedStyle(element).color, background(behind)]
    .map(colour => luminance(channels(colour)));
  return (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(browser: Browser, exporter: Exporter, scheme: Any) -> None:
    drop(exporter, "a.json", perf_suite(project="orbit", speedup=5.0))
    drop(exporter, "b.json", perf_suite(project="saturn", speedup=12.0))
    drop(exporter, "c.json", perf_suite(project="venus", speedup=30.0))
    drop(exporter, "odd.json", {})
    notify(exporter, "firing")
    LiveFile(exporter.results, "failing").end("failed", error="no")
    LiveFile(exporter.results, "fine").iteration(3)
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/live")
    for text in (
        "failed, critical regression",
        "failed, warning regression",
        "passed",
        "unknown_format",
        "orbit is slow",
        "3 of 100",
    ):
        expect(page.get_by_text(text, exact=False).first).to_be_visible()
    for selector in (
        "h1",
        "h2",
        ".card h3",
        ".of",
        ".badge",
        "dt",
        "dd",
        "thead th",
        ".badge.critical",
        ".badge.warning",
        ".badge.good",
        ".why",
        "time",
        "footer p",
    ):
        contrast = page.locator(f"{selector}:visible").first.evaluate(CONTRAST)
        assert contrast >= 4.5, (selector, contrast)
    context.close()


def test_keyboard_and_screen_reader_find_everything(live_page: Page, exporter: Exporter) -> None:
    drop(exporter, "a.json", perf_suite(project="orbit"))
    LiveFile(exporter.results).iteration(3)
    expect(live_page.get_by_role("row").filter(has_text="orbit")).to_be_visible()
    live_page.keyboard.press("Tab")
    expect(live_page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for name in ("Benchmarks", "Start", "Benchmarks", "Live", "Files", "Addresses", "日本語"):
        live_page.keyboard.press("Tab")
        assert live_page.evaluate("document.activeElement.textContent") == name
    live_page.keyboard.press("Tab")
    expect(live_page.get_by_role("region", name="Newest runs").last).to_be_focused()
    assert live_page.locator("html").get_attribute("lang") == "en"
    assert live_page.get_by_role("heading", level=1).count() == 1
    for name in ("Running now", "Newest runs"):
        expect(live_page.get_by_role("heading", name=name)).to_be_visible()
    expect(live_page.get_by_role("rowheader", name="orbit")).to_be_visible()
    assert live_page.get_by_role("columnheader").count() == 9
    unnamed = live_page.evaluate(
        "[...document.querySelectorAll('[role=img], progress')]"
        ".filter(e => !e.ariaLabel && e.checkVisibility()).length"
    )
    assert unnamed == 0


def test_updates_are_announced_but_seldom(live_page: Page, exporter: Exporter) -> None:
    live_page.evaluate("""() => {
      window.announced = [];
      const announcement = document.querySelector("#announcement");
      new MutationObserver(() => window.announced.push(announcement.textContent))
        .observe(announcement, { childList: true });
    }""")
    started = time.monotonic()
    for number in range(20):
        drop(
            exporter,
            f"{number}.json",
            perf_suite(f"r{number}", project=f"orbit{number}", speedup=5.0),
        )
    expect(live_page.get_by_role("status")).to_contain_text("critical regression")
    announced = live_page.evaluate("window.announced")
    assert len(announced) <= 1 + (time.monotonic() - started) / 5, announced


def test_it_fits_a_phone(live_page: Page, exporter: Exporter) -> None:
    name = "a-benchmark-with-a-rather-long-name-of-its-own"
    drop(exporter, "a.json", perf_suite(project=name))
    LiveFile(exporter.results, benchmark=name).iteration(1)
    expect(live_page.get_by_role("row").filter(has_text=name)).to_be_visible()
    live_page.set_viewport_size({"width": 390, "height": 800})
    assert live_page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_is_small_and_loads_nothing_from_elsewhere(
    context: BrowserContext, exporter: Exporter
) -> None:
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/live", wait_until="networkidle")
    assert all(url.startswith(f"http://127.0.0.1:{exporter.stream_port}/") for url in sizes)
    assert len(sizes) >= 4
    assert sum(sizes.values()) < PAGE_BYTES
