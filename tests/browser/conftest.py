"""The browser that the tests of both pages drive, and the live page in it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.process import DEADLINE_SECONDS, Exporter

CHROMIUM = shutil.which("chromium")
# It makes no requests of its own, and can run as root.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
FLAGS += ["--disable-component-update", "--disable-sync"]
# A name that its owner has pointed at this machine.
FLAGS += ["--host-resolver-rules=MAP evil.example 127.0.0.1"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH; Debian and Ubuntu have it as a package")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """A running exporter with its stream."""
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
def live_page(context: BrowserContext, exporter: Exporter) -> Iterator[Page]:
    """The live page, connected; fails the test on an error of its script."""
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            errors.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    opened.goto(f"http://127.0.0.1:{exporter.stream_port}/")
    expect(opened.locator("#connection")).to_have_text("Live")
    yield opened
    assert errors == []
