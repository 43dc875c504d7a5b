"""Chromium, driven by the tests of pages: those of the exporter alone and those of a stack."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.forgeries import EVIL_HOST

CHROMIUM = shutil.which("chromium")
# It makes no requests of its own, and can run as root.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {EVIL_HOST} 127.0.0.1",
]


def running_browser() -> Iterator[Browser]:
    """For a fixture: a browser, closed at the end. Skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH; Debian and Ubuntu have it as a package")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()
