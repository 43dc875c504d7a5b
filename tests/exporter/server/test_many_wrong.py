"""The start page while very much is wrong at once, and how it is sent."""

import gzip
import re
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from email.message import Message
from urllib.error import HTTPError

import pytest

from benchmark_exporter.site.wrong_part import ENTRIES_OPEN, ENTRIES_SHOWN, LINES_SHOWN
from tests.support.browsing import drop
from tests.support.documents import perf_suite
from tests.support.process import DEADLINE_SECONDS, Exporter

PROJECTS = ENTRIES_SHOWN + LINES_SHOWN + 3


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One whose gates have failed in many projects."""
    running = Exporter(tmp_path_factory.mktemp("wrong"), free_port())
    for number in range(PROJECTS):
        project = f"project-{number:02}"
        drop(running, f"{project}.json", perf_suite(project=project, speedup=5.0))
    running.until(
        lambda: f"<h1>{PROJECTS} problems: {PROJECTS} critical</h1>".encode() in running.get("/")
    )
    yield running
    assert running.stop() == 0


def ask(exporter: Exporter, headers: dict[str, str]) -> tuple[int, bytes, Message]:
    """The status, body and headers of what the open page asks for."""
    url = f"http://127.0.0.1:{exporter.port}/start-content"
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
            return answer.status, answer.read(), answer.headers
    except HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_a_few_entries_are_open_and_the_others_a_line_each(exporter: Exporter) -> None:
    page = exporter.get("/").decode()
    assert f">{PROJECTS} benchmarks are wrong in {PROJECTS} projects</a>" in page
    assert page.count('<li class="entry critical"') == ENTRIES_SHOWN
    assert page.count('<details class="folded">') == ENTRIES_SHOWN - ENTRIES_OPEN
    beyond = page.partition('<details id="beyond">')[2].partition("</details>")[0]
    assert f"<summary>{PROJECTS - ENTRIES_SHOWN} more</summary>" in beyond
    assert beyond.count('<span class="badge critical">critical</span>') == LINES_SHOWN
    assert '<a href="benchmarks">3 more</a>' in beyond


def test_each_project_is_named_once_and_leads_to_its_benchmarks(exporter: Exporter) -> None:
    page = exporter.get("/").decode()
    section = page.partition('id="wrong"')[2].partition("</section>")[0]
    named = re.findall(r"(?:strong>|>)(project-\d\d)(?:, \w+)?: 1 gate failed", section)
    assert len(named) == len(set(named)) == ENTRIES_SHOWN + LINES_SHOWN
    lines = re.findall(r'href="benchmarks\?project=([^"&]+)', section)
    assert len(lines) == LINES_SHOWN
    assert exporter.get(f"/benchmarks?project={lines[0]}").count(b"<tr>") == 2


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_it_is_sent_compressed_to_whoever_accepts_that(exporter: Exporter, coding: str) -> None:
    status, plain, headers = ask(exporter, {})
    assert (status, headers["Content-Encoding"], headers["Vary"]) == (
        200,
        None,
        "Accept-Language, Cookie, Accept-Encoding",
    )
    status, body, headers = ask(exporter, {"Accept-Encoding": coding})
    assert (status, headers["Content-Encoding"]) == (200, coding)
    assert len(body) < len(plain) / 5
    assert (gzip.decompress(body) if coding == "gzip" else zlib.decompress(body)) == plain


def test_what_has_not_changed_is_not_sent_again_in_any_coding(exporter: Exporter) -> None:
    tag = ask(exporter, {"Accept-Encoding": "gzip"})[2]["ETag"]
    assert tag.startswith('W/"')
    for headers in ({}, {"Accept-Encoding": "gzip"}):
        status, body, _ = ask(exporter, {"If-None-Match": tag, **headers})
        assert (status, body) == (304, b"")
