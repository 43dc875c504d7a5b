"""The links that the exporter serves."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.links import ON_ONES_OWN_MACHINE, Links
from stack import settings
from stack.settings import LISTENERS, NODE_EXPORTER, VMAUTH
from tests.support.paths import REPOSITORY
from tests.support.process import Exporter

RUNBOOKS = sorted(
    path
    for folder in ("docs/runbooks", "docs/ja/runbooks")
    for path in (REPOSITORY / folder).glob("*.md")
)
URLS = {
    "exporter": "http://perf.example.org:8000",
    "stream": "http://perf.example.org:8765",
    "prometheus": "https://perf.example.org/prometheus",
    "grafana": "http://perf.example.org:3001",
}
TEXT = (
    "See http://localhost:9090, `curl http://localhost:8000/metrics`, "
    "http://localhost:9093/#/silences."
)


def test_a_runbook_gets_the_address_of_each_part() -> None:
    filled = (
        "See https://perf.example.org/prometheus, `curl http://perf.example.org:8000/metrics`, "
        "http://localhost:9093/#/silences."
    )
    assert Links(URLS).fill_in(TEXT) == filled


def test_an_unknown_address_is_left_unchanged() -> None:
    assert Links({}).fill_in(TEXT) == TEXT


def test_swapped_ports_are_not_swapped_back() -> None:
    swapped = Links({"exporter": "http://localhost:9090", "prometheus": "http://localhost:8000"})
    assert (
        swapped.fill_in("http://localhost:8000 http://localhost:9090")
        == "http://localhost:9090 http://localhost:8000"
    )


def test_every_address_in_a_runbook_is_that_of_a_part() -> None:
    defaults = settings.defaults().values
    parts = [part for part in LISTENERS if part not in (NODE_EXPORTER, VMAUTH)]
    assert {
        f"http://localhost:{defaults[part.port_setting]}": part.name for part in parts
    } == ON_ONES_OWN_MACHINE
    found = [
        address
        for path in RUNBOOKS
        for address in re.findall(r"https?://[^\s/'`,;)]*\w", path.read_text(encoding="utf-8"))
    ]
    assert found
    assert set(found) <= ON_ONES_OWN_MACHINE.keys()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://perf.example.org:8765", "http://perf.example.org:8765"),
        ("https://Perf.Example.org/live", "https://perf.example.org"),
        ("https://perf.example.org:443", "https://perf.example.org"),
        ("http://perf.example.org:443", "http://perf.example.org:443"),
    ],
)
def test_the_live_page_has_the_origin_that_browsers_send(url: str, origin: str) -> None:
    assert Links({"stream": url}).origins("stream") == [origin]
    assert Links({}).origins("stream") == []


def test_the_page_and_the_runbooks_link_to_the_parts(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "Slow.md").write_text(TEXT)
    exporter = Exporter(
        tmp_path, free_port(), *(f"--{part}-url={url}/" for part, url in URLS.items())
    )
    page, runbook = exporter.get("/addresses").decode(), exporter.get("/runbooks/Slow.md").decode()
    assert exporter.stop() == 0
    assert runbook == Links(URLS).fill_in(TEXT)
    links = re.findall(r'href="([^"]+)"', page)
    assert {URLS[part] for part in ("exporter", "grafana", "prometheus")} <= set(links)
    assert [
        link for link in links if link.startswith("/")
    ] == []  # a proxy may serve the page under a path
