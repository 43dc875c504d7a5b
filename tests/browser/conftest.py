"""The browser that the tests of both pages drive, and the live page in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.chromium import running_browser
from tests.support.process import DEADLINE_SECONDS, Exporter


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from running_browser()


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
    opened.goto(f"http://127.0.0.1:{exporter.stream_port}/live")
    expect(opened.locator("#connection")).to_have_text("Live")
    yield opened
    assert errors == []
