"""The live page over bad connections and under load."""

import json
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.relay import Relay
from tests.support.live_files import LiveFile
from tests.support.process import Exporter

LINES_PER_SECOND, LOAD_SECONDS = 1000, 5.0
# Five times what a person notices, since the machine of the tests is slow and busy.
STALL_MS = 500.0


def test_it_reconnects_after_a_restart(live_page: Page, exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    file.iteration(5)
    expect(live_page.locator(".card")).to_contain_text("5 of 100")
    assert exporter.stop() == 0
    expect(live_page.locator("#connection")).to_contain_text("Connection lost, retrying")
    expect(live_page.locator(".card")).to_contain_text("5 of 100")
    exporter.start()
    expect(live_page.locator("#connection")).to_have_text("Live")
    file.iteration(6)
    expect(live_page.locator(".card")).to_contain_text("6 of 100")
    assert live_page.locator(".card").count() == 1


def test_it_catches_up_after_a_lost_connection(context: BrowserContext, exporter: Exporter) -> None:
    relay = Relay(exporter.stream_port)
    page = context.new_page()
    urls: list[str] = []
    page.on("websocket", lambda socket: urls.append(socket.url))
    page.goto(f"http://127.0.0.1:{relay.port}/live")
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
    assert ["since=" in url for url in urls] == [False, True]
    page.close()
    relay.close()


def test_it_tries_again_where_nothing_answers(context: BrowserContext, exporter: Exporter) -> None:
    """Such a connection neither opens nor fails: a browser alone waits minutes for it."""
    relay = Relay(exporter.stream_port)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{relay.port}/live")
    expect(page.locator("#connection")).to_have_text("Live")
    relay.silent = True
    relay.cut()
    deadline = time.monotonic() + 30
    while not relay.unanswered:
        assert time.monotonic() < deadline, "no second attempt"
        page.wait_for_timeout(50)
    relay.silent = False
    expect(page.locator("#connection")).to_have_text("Live")
    page.close()
    relay.close()


def test_a_slow_network_is_sufficient(
    context: BrowserContext, live_page: Page, exporter: Exporter
) -> None:
    session = context.new_cdp_session(live_page)
    session.send("Network.enable")
    limits = {
        "offline": False,
        "latency": 400,
        "downloadThroughput": 50_000 / 8,
        "uploadThroughput": 20_000 / 8,
    }
    session.send("Network.emulateNetworkConditions", limits)  # a bad mobile network's
    live_page.reload()
    expect(live_page.locator("#connection")).to_have_text("Live")
    LiveFile(exporter.results).iteration(5)
    expect(live_page.locator(".card")).to_contain_text("5 of 100")


def test_it_says_that_a_token_is_required(
    context: BrowserContext, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-the-tests-own\n")
    exporter = Exporter(tmp_path, free_port(), f"--stream-tokens={tokens}", stream_port=free_port())
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/live")
    expect(page.locator("#connection")).to_contain_text("requires a token")
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/#token=a-token-of-the-tests-own")
    page.reload()
    expect(page.locator("#connection")).to_have_text("Live")
    page.close()
    assert exporter.stop() == 0


def test_a_thousand_messages_per_second_do_not_stall_it(
    live_page: Page, exporter: Exporter
) -> None:
    """The browser itself measures the longest task of the page's thread meanwhile."""
    live_page.evaluate("""() => {
      window.stalls = [];
      new PerformanceObserver(list => {
        window.stalls.push(...list.getEntries().map(entry => entry.duration));
      }).observe({ type: "longtask" });
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
    last = int(LINES_PER_SECOND * LOAD_SECONDS) // len(files) - 1
    for file in files:
        expect(live_page.locator(f'.card[data-key="{file.run_id}"]')).to_contain_text(f"{last} of")
    stalls = live_page.evaluate("window.stalls")
    assert max(stalls, default=0.0) < STALL_MS, sorted(stalls)


def write_lines(files: list[LiveFile]) -> None:
    """Writes at an even pace, as far as the machine allows."""
    handles = [file.path.open("ab", buffering=0) for file in files]
    started = time.monotonic()
    for number in range(int(LINES_PER_SECOND * LOAD_SECONDS)):
        line: dict[str, Any] = {
            "type": "iteration",
            "timestamp": datetime.now(UTC).isoformat(),
            "iteration": number // len(files),
        }
        line |= {"execution_time_ms": 0.5 + number % 7 / 10, "memory_mb": 51.2, "cpu_percent": 97.5}
        handles[number % len(files)].write(json.dumps(line).encode() + b"\n")
        if number % 10 == 0:
            time.sleep(max(0.0, started + number / LINES_PER_SECOND - time.monotonic()))
    for handle in handles:
        handle.close()
