"""The start page while very much is wrong and series are left out: accessible and no wider."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser

from benchmark_exporter.site.wrong_part import ENTRIES_SHOWN
from tests.support.browsing import drop
from tests.support.documents import perf_suite
from tests.support.process import DEADLINE_SECONDS, Exporter


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One with more entries than are shown, and more series than it may have."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "few.yaml").write_text("max_series: 1000\n")
    running = Exporter(folder, free_port(), f"--config={folder / 'few.yaml'}")
    names = [f"project-{number:02}" for number in range(ENTRIES_SHOWN + 2)]
    for number, name in enumerate([*names, "全角のプロジェクト", "w" * 200]):
        drop(running, f"{number}.json", perf_suite(project=name, speedup=5.0))
    running.until(lambda: b"Left out of /metrics" in running.get("/"))
    running.until(lambda: b"<summary>4 more</summary>" in running.get("/"))
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_unfolded_is_accessible_and_fits(
    browser: Browser, exporter: Exporter, scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.port}/")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    context.close()
    assert found == []
