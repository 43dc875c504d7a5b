"""Takes the README's screenshots of the exporter's pages, in a browser, from a running stack.

    make up && make demo && make screenshots

Chromium must be on PATH, as for the tests of pages. A page that has little to show makes a poor
picture: take them within minutes after the demo.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from stack.settings import EXPORTER, STREAM, load

FOLDER = Path(__file__).parent.parent / "docs" / "img"
WIDTH, HEIGHT = 1280, 800
MOST_BYTES = 300_000
SHOWN_MS = 30_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes docs/img/*.png."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--exporter", help="address of the exporter; by default the stack's")
    parser.add_argument("--stream", help="address of its stream; by default the stack's")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write")
    given = parser.parse_args(arguments)
    exporter, stream = given.exporter, given.stream
    if exporter is None or stream is None:
        settings = load()
        exporter = exporter or settings.public_url(EXPORTER)
        stream = stream or settings.public_url(STREAM)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium on PATH; Debian and Ubuntu have it as a package")
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(SHOWN_MS)
        page.goto(f"{exporter}/")
        page.get_by_role("heading", name="Newest runs").wait_for()
        _take(page, given.folder / "start.png")
        if _opened_benchmark(page):
            _take(page, given.folder / "benchmark.png")
        page.goto(f"{stream}/live")
        page.locator("#connection[data-state=live]").wait_for()
        page.locator("#benchmarks svg").first.wait_for()  # a trend
        _take(page, given.folder / "live.png")
        browser.close()


def _opened_benchmark(page: Page) -> bool:
    """Opens the page of the worst benchmark; False if there is no such page."""
    worst = page.locator(".entry.critical a[href^='benchmark?']")
    links = worst if worst.count() else page.locator("a[href^='benchmark?']")
    address = links.first.get_attribute("href")
    answer = page.goto(re.sub(r"[^/]*$", "", page.url) + (address or ""))
    return answer is not None and answer.ok


def _take(page: Page, path: Path) -> None:
    page.screenshot(path=path)
    size = path.stat().st_size
    if size > MOST_BYTES:
        sys.exit(f"{path} has {size:,} bytes, more than {MOST_BYTES:,}")
    print(f"{path}: {size:,} bytes")


if __name__ == "__main__":
    main()
