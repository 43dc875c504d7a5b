"""The live page in a browser, over a real exporter: what appears, what it survives, and whom it serves."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.relay import Relay
from tests.support.documents import perf_suite
from tests.support.live_files import LiveFile
from tests.support.process import DEADLINE_SECONDS, Exporter

PAGE_BYTES = 60_000
LINES_A_SECOND, LOAD_SECONDS = 1000, 5.0
# What a person notices, doubled, since the machine of the tests is slow and busy.
STALL_MS = 200.0
NAME = "<img src=x onerror=document.title='taken'>"
# Relative luminance and contrast as WCAG 2.2 defines them, of an element's text on the first background behind it.
CONTRAST = """element => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  let behind = element;
  while (behind && (channels(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
  const pair = [luminance(channels(getComputedStyle(element).color)), luminance(channels(getComputedStyle(behind).backgroundColor))];
  return (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
}"""


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port(), stream_port=free_port())
    yield running
    assert running.stop() == 0


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(DEADLINE_SECONDS * 1000)
    expect.set_options(timeout=DEADLINE_SECONDS * 1000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, exporter: Exporter) -> Iterator[Page]:
    opened = context.new_page()
    mistakes: list[str] = []
    opened.on("pageerror", lambda error: mistakes.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            mistakes.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    opened.goto(f"http://127.0.0.1:{exporter.stream_port}/")
    expect(opened.locator("#connection")).to_have_text("Live")
    yield opened
    assert mistakes == []


def drop(exporter: Exporter, name: str, document: object) -> None:
    (exporter.results / name).write_text(json.dumps(document))


def alert(exporter: Exporter, status: str) -> None:
    labels = {
        "alertname": "CriticalPerformanceRegression",
        "benchmark_name": "orbit",
        "severity": "critical",
    }
    told = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": "orbit is slow"},
        "fingerprint": "f1",
    }
    assert exporter.status_of("/api/v1/alerts", json.dumps({"alerts": [told]}).encode())[0] == 200


def test_a_run_is_seen_while_it_runs_and_when_it_ends(page: Page, exporter: Exporter) -> None:
    expect(page.get_by_text("Nothing runs.")).to_be_visible()
    file = LiveFile(exporter.results, iterations=40)
    for number in range(1, 11):
        file.iteration(number)
    card = page.locator(".card")
    expect(card).to_contain_text("10 of 40")
    expect(card).to_contain_text("500 µs")
    expect(card).to_contain_text("51.2 MB")
    assert (
        card.get_by_role("progressbar", name="Progress of router").get_attribute("value") == "0.25"
    )
    expect(card.get_by_role("img")).to_have_accessible_name(re.compile("last 10 iterations"))
    file.end("failed", error="ValueError: too slow")
    expect(card).to_contain_text("failed")
    expect(card).to_contain_text("ValueError: too slow")


def test_a_new_run_appears_with_its_verdict_and_trend(page: Page, exporter: Exporter) -> None:
    for number, speedup in enumerate((20.0, 21.0, 5.0)):
        timestamp = f"2026-03-01T12:00:0{number}Z"
        drop(
            exporter,
            f"{number}.json",
            perf_suite(f"r{number}", project="orbit", speedup=speedup, timestamp=timestamp),
        )
    row = page.get_by_role("row").filter(has_text="orbit")
    expect(row).to_contain_text("critical regression")
    expect(row).to_contain_text("5×")
    expect(row.get_by_role("img")).to_have_accessible_name(
        "Speedup of the last 3 runs, 20× to 5×, threshold 15×"
    )


def test_alerts_come_and_go(page: Page, exporter: Exporter) -> None:
    shown = page.get_by_role("listitem").filter(has_text="CriticalPerformanceRegression")
    alert(exporter, "firing")
    expect(shown).to_contain_text("orbit is slow")
    alert(exporter, "resolved")
    expect(shown).to_have_count(0)
    expect(page.get_by_text("Firing alerts")).to_be_hidden()


def test_a_rejected_file_is_named_with_its_reason(page: Page, exporter: Exporter) -> None:
    drop(exporter, "odd.json", {"keys": "of nothing known"})
    expect(page.get_by_role("listitem").filter(has_text="odd.json")).to_contain_text(
        "unknown_format"
    )
    (exporter.results / "odd.json").unlink()
    expect(page.get_by_text("Rejected files")).to_be_hidden()


def test_it_says_when_no_result_is_taken_in(page: Page, exporter: Exporter) -> None:
    heading, away = page.get_by_text("No result is taken in"), exporter.folder / "away"
    expect(heading).to_have_count(1)
    expect(heading).to_be_hidden()
    exporter.results.rename(away)
    expect(page.get_by_role("heading", name="No result is taken in")).to_be_visible()
    expect(
        page.get_by_role("listitem").filter(has_text="No such file or directory")
    ).to_contain_text("What is shown was known before.")
    page.reload()
    expect(page.get_by_role("heading", name="No result is taken in")).to_be_visible()
    away.rename(exporter.results)
    expect(page.get_by_role("heading", name="No result is taken in")).to_have_count(0)


def test_names_are_text_and_never_markup(page: Page, exporter: Exporter) -> None:
    drop(exporter, "a.json", perf_suite(project=NAME))
    drop(exporter, f"{NAME.replace('/', '')}.json", {})
    LiveFile(exporter.results, benchmark=NAME).end("failed", error=NAME)
    expect(page.get_by_role("row").filter(has_text=NAME)).to_be_visible()
    expect(page.locator(".card .error")).to_have_text(NAME)
    expect(page.locator(".rejected code")).to_contain_text(NAME)
    assert page.locator("img").count() == 0
    assert page.title() == "Benchmarks, live"


def test_it_comes_back_by_itself_after_a_restart(page: Page, exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    file.iteration(5)
    expect(page.locator(".card")).to_contain_text("5 of 100")
    assert exporter.stop() == 0
    expect(page.locator("#connection")).to_contain_text("Connection lost, next try")
    expect(page.locator(".card")).to_contain_text("5 of 100")
    exporter.start()
    expect(page.locator("#connection")).to_have_text("Live")
    file.iteration(6)
    expect(page.locator(".card")).to_contain_text("6 of 100")
    assert page.locator(".card").count() == 1


def test_what_happened_during_a_lost_connection_is_made_up_for(
    context: BrowserContext, exporter: Exporter
) -> None:
    relay = Relay(exporter.stream_port)
    page = context.new_page()
    places: list[str] = []
    page.on("websocket", lambda socket: places.append(socket.url))
    page.goto(f"http://127.0.0.1:{relay.port}/")
    file = LiveFile(exporter.results)
    file.iteration(1)
    expect(page.locator(".card")).to_contain_text("1 of 100")
    relay.cut()
    file.iteration(2)
    file.iteration(3, execution_time_ms=0.75)
    expect(page.locator(".card")).to_contain_text("3 of 100")
    expect(page.locator(".card").get_by_role("img")).to_have_accessible_name(
        re.compile("last 3 iterations")
    )
    assert ["since=" in place for place in places] == [False, True]
    page.close()
    relay.close()


def test_a_slow_network_is_enough(context: BrowserContext, page: Page, exporter: Exporter) -> None:
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {
        "offline": False,
        "latency": 400,
        "downloadThroughput": 50_000 / 8,
        "uploadThroughput": 20_000 / 8,
    }
    session.send("Network.emulateNetworkConditions", limits)  # a bad mobile network's
    page.reload()
    expect(page.locator("#connection")).to_have_text("Live")
    LiveFile(exporter.results).iteration(5)
    expect(page.locator(".card")).to_contain_text("5 of 100")


def test_a_token_is_asked_for(
    context: BrowserContext, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-the-tests-own\n")
    exporter = Exporter(tmp_path, free_port(), f"--stream-tokens={tokens}", stream_port=free_port())
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/")
    expect(page.locator("#connection")).to_contain_text("asks for a token")
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/#token=a-token-of-the-tests-own")
    page.reload()
    expect(page.locator("#connection")).to_have_text("Live")
    page.close()
    assert exporter.stop() == 0


def test_a_thousand_messages_a_second_stall_nobody(page: Page, exporter: Exporter) -> None:
    """The longest task of the page's thread, by the browser's own measure, while a run writes a thousand lines a second."""
    page.evaluate("""() => {
      window.stalls = [];
      new PerformanceObserver(list => window.stalls.push(...list.getEntries().map(entry => entry.duration))).observe({ type: "longtask" });
    }""")
    files = [
        LiveFile(
            exporter.results, f"run-{number}", benchmark=f"benchmark {number}", iterations=10**6
        )
        for number in range(4)
    ]
    writer = threading.Thread(target=write_lines, args=(files,))
    writer.start()
    writer.join()
    last = int(LINES_A_SECOND * LOAD_SECONDS) // len(files) - 1
    for file in files:
        expect(page.locator(f'.card[data-key="{file.run_id}"]')).to_contain_text(f"{last} of")
    stalls = page.evaluate("window.stalls")
    assert max(stalls, default=0.0) < STALL_MS, sorted(stalls)


def write_lines(files: list[LiveFile]) -> None:
    """At an even pace, as far as the machine lets it."""
    handles = [file.path.open("ab", buffering=0) for file in files]
    started = time.monotonic()
    for number in range(int(LINES_A_SECOND * LOAD_SECONDS)):
        line: dict[str, Any] = {
            "type": "iteration",
            "timestamp": datetime.now(UTC).isoformat(),
            "iteration": number // len(files),
        }
        line |= {"execution_time_ms": 0.5 + number % 7 / 10, "memory_mb": 51.2, "cpu_percent": 97.5}
        handles[number % len(files)].write(json.dumps(line).encode() + b"\n")
        if number % 10 == 0:
            time.sleep(max(0.0, started + number / LINES_A_SECOND - time.monotonic()))
    for handle in handles:
        handle.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: Browser, exporter: Exporter, scheme: Any) -> None:
    drop(exporter, "a.json", perf_suite(project="orbit", speedup=5.0))
    drop(exporter, "b.json", perf_suite(project="saturn", speedup=12.0))
    drop(exporter, "c.json", perf_suite(project="venus", speedup=30.0))
    drop(exporter, "odd.json", {})
    alert(exporter, "firing")
    LiveFile(exporter.results, "failing").end("failed", error="no")
    LiveFile(exporter.results, "fine").iteration(3)
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/")
    for text in (
        "critical regression",
        "regression",
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
        ".bad",
        ".warn",
        ".good",
        ".why",
        "time",
        "footer p",
    ):
        contrast = page.locator(f"{selector}:visible").first.evaluate(CONTRAST)
        assert contrast >= 4.5, (selector, contrast)
    context.close()


def test_a_keyboard_and_a_screen_reader_find_everything(page: Page, exporter: Exporter) -> None:
    drop(exporter, "a.json", perf_suite(project="orbit"))
    LiveFile(exporter.results).iteration(3)
    expect(page.get_by_role("row").filter(has_text="orbit")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to what runs now")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("region", name="Newest runs").last).to_be_focused()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("heading", level=1).count() == 1
    for name in ("Running now", "Newest runs"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("rowheader", name="orbit")).to_be_visible()
    assert page.get_by_role("columnheader").count() == 8
    unnamed = page.evaluate(
        "[...document.querySelectorAll('[role=img], progress')].filter(e => !e.ariaLabel && e.checkVisibility()).length"
    )
    assert unnamed == 0


def test_news_are_said_in_words_but_seldom(page: Page, exporter: Exporter) -> None:
    page.evaluate("""() => {
      window.said = [];
      new MutationObserver(() => window.said.push(document.querySelector("#announcement").textContent))
        .observe(document.querySelector("#announcement"), { childList: true });
    }""")
    started = time.monotonic()
    for number in range(20):
        drop(
            exporter,
            f"{number}.json",
            perf_suite(f"r{number}", project=f"orbit{number}", speedup=5.0),
        )
    expect(page.get_by_role("status")).to_contain_text("critical regression")
    said = page.evaluate("window.said")
    assert len(said) <= 1 + (time.monotonic() - started) / 5, said


def test_it_fits_a_telephone(page: Page, exporter: Exporter) -> None:
    name = "a-benchmark-with-a-rather-long-name-of-its-own"
    drop(exporter, "a.json", perf_suite(project=name))
    LiveFile(exporter.results, benchmark=name).iteration(1)
    expect(page.get_by_role("row").filter(has_text=name)).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_is_small_and_loads_nothing_from_elsewhere(
    context: BrowserContext, exporter: Exporter
) -> None:
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/", wait_until="networkidle")
    assert all(url.startswith(f"http://127.0.0.1:{exporter.stream_port}/") for url in sizes)
    assert len(sizes) >= 4
    assert sum(sizes.values()) < PAGE_BYTES
