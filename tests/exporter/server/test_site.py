"""The site's pages as the exporter answers them, on both ports."""

import html
import re
import shlex
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from benchmark_exporter.model import RejectionReason
from benchmark_exporter.site.files_page import FIXES
from tests.support.browsing import drop
from tests.support.command import run
from tests.support.documents import perf_suite, result
from tests.support.histories import LEAST
from tests.support.paths import REPOSITORY
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.site_pages import BROKEN, PAGES, alert, break_all, regressed, run_two, send

LINK = re.compile(r'(?:href|src|data-from)="([^"]*)"')


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One for the tests that change nothing."""
    running = Exporter(
        tmp_path_factory.mktemp("site"),
        free_port(),
        f"--runbooks-dir={REPOSITORY / 'docs' / 'runbooks'}",
        "--grafana-url=http://localhost:3000",
        stream_port=free_port(),
    )
    break_all(running)
    run_two(running)
    running.until(lambda: b"Running now" in running.get("/"))
    yield running
    assert running.stop() == 0


def ask(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, str, Message]:
    """The status, text and headers of an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


def wrong(page: str) -> list[str]:
    """The entries of what is wrong."""
    section = page.partition('<section aria-labelledby="wrong">')[2].partition("</section>")[0]
    return section.split('<li class="entry ')[1:]


@pytest.mark.parametrize("path", PAGES)
def test_both_ports_serve_the_same_pages_by_a_strict_policy(exporter: Exporter, path: str) -> None:
    for port in (exporter.port, exporter.stream_port):
        status, text, headers = ask(port, path)
        assert status == 200
        assert text.count('<nav aria-label="Pages">') == 1
        assert "<!--notices-->" not in text
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<style" not in text
        assert not re.search(r" (?:style|on\w+)=", text)


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_to_pages_also_under_a_path(exporter: Exporter, path: str) -> None:
    # /live of the exporter's port leads to that of the stream's.
    ports = (exporter.stream_port,) if path == "/live" else (exporter.port, exporter.stream_port)
    for port in ports:
        for found in LINK.findall(ask(port, path)[1]):
            address = html.unescape(found)
            if urlsplit(address).scheme or address.startswith("#"):
                continue
            assert not address.startswith("/"), address  # a proxy may serve the page under a path
            target = urlsplit(urljoin(path, address))
            leads_to = f"{target.path}?{target.query}" if target.query else target.path
            assert ask(port, leads_to)[0] == 200, (path, address)


def test_what_one_commit_broke_is_one_entry(exporter: Exporter) -> None:
    page = ask(exporter.port, "/")[1]
    (entry,) = [each for each in wrong(page) if "router, main" in each]
    assert "14 results are worse" in entry
    links = [urlsplit(html.unescape(link)) for link in LINK.findall(entry)]
    named = [parse_qs(link.query)["name"][0] for link in links if link.path == "benchmark"]
    assert named == BROKEN
    assert {"runbooks/CommonRegression", "runbooks/PerformanceRegression"} <= {
        link.path for link in links
    }
    # The alerts about them are there, not next to them.
    others = "".join(each for each in wrong(page) if each != entry)
    assert not any(name in others for name in BROKEN)
    assert "IngestLagging of 428.5 µs" in others
    assert "4 problems: 2 critical, 2 warnings" in page


def test_each_number_of_the_headline_is_explained_below_it(exporter: Exporter) -> None:
    page = ask(exporter.port, "/")[1]
    (headline,) = re.findall(r"<h1>(.*?)</h1>", page)
    entries = wrong(page)
    assert headline == "4 problems: 2 critical, 2 warnings"
    assert len(entries) == 4
    assert [each.partition('"')[0] for each in entries].count("critical") == 2
    assert "Each problem is what one commit broke, or alerts of one name." in page
    assert '<a href="benchmarks">15 benchmarks are wrong in 2 projects</a>' in page
    listed = ask(exporter.port, "/benchmarks")[1]
    assert "15 critical" in listed


def test_the_start_page_says_which_files_are_missing_in_it(exporter: Exporter) -> None:
    said = '<p id="rejected">1 file is rejected: <a href="files">Files</a> has the reason'
    assert said in ask(exporter.port, "/")[1]


def test_nothing_wrong_is_not_said_of_now_while_nothing_is_ingested(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    exporter = Exporter(tmp_path, free_port())
    try:
        assert "<h1>Nothing yet</h1>" in exporter.get("/").decode()
        drop(exporter, "a.json", perf_suite(speedup=30.0))
        exporter.until(lambda: b"<h1>Nothing is wrong</h1>" in exporter.get("/"))
        exporter.results.rename(away := exporter.folder / "away")
        before = b"<h1>Nothing was wrong when results were last ingested</h1>"
        exporter.until(lambda: before in exporter.get("/"))
        away.rename(exporter.results)
        exporter.until(lambda: b"<h1>Nothing is wrong</h1>" in exporter.get("/"))
    finally:
        assert exporter.stop() == 0


def test_the_triage_command_acts_on_all_that_the_entry_lists(exporter: Exporter) -> None:
    exporter.until(lambda: exporter.value("benchmark_regression_triage_info"))
    (entry,) = [each for each in wrong(ask(exporter.port, "/")[1]) if "router, main" in each]
    (command,) = re.findall(r"<code>(benchmark-exporter triage set .*?)</code>", entry)
    words = shlex.split(html.unescape(re.sub(r"<[^>]+>", "", command)))[1:]
    ledger = f"--ledger={exporter.folder / 'ledger.sqlite3'}"
    done = run(*words, "--who=ann", ledger)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("→ acknowledged") == len(BROKEN)
    exporter.until(lambda: b"acknowledged by ann" in exporter.get("/"))


def test_other_wrong_results_of_the_project_are_other_entries(exporter: Exporter) -> None:
    entries = wrong(ask(exporter.port, "/")[1])
    (orbit,) = [each for each in entries if "orbit, main" in each]
    assert "1 gate failed" in orbit
    assert "runbooks/PerformanceGateFailed" in orbit


def test_results_that_moved_with_their_environment_are_no_regressions(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    exporter = Exporter(tmp_path, free_port(), f"--runbooks-dir={REPOSITORY / 'docs' / 'runbooks'}")
    try:
        for number in range(LEAST + 2):
            drop(
                exporter,
                f"{number}.json",
                result(number, dict.fromkeys(BROKEN, 1.0 if number < LEAST else 2.0)),
            )
        send(exporter, alert("EnvironmentShift", "warning", project="router", environment="ci"))
        exporter.until(lambda: len(regressed(exporter)) == len(BROKEN))
        exporter.until(lambda: b"14 results are worse" in exporter.get("/"))
        (entry,) = wrong(exporter.get("/").decode())
        assert "14 results are worse with their environment" in entry
        assert entry.startswith("warning")
        assert entry.count("runbooks/EnvironmentShift") == 1
        assert "PerformanceRegression" not in entry
        assert "triage" not in entry
    finally:
        assert exporter.stop() == 0


def test_an_alert_about_a_result_leads_to_the_page_of_its_benchmark(exporter: Exporter) -> None:
    (drifting,) = [
        each for each in wrong(ask(exporter.port, "/")[1]) if "BenchmarkDrifting" in each
    ]
    assert '<a href="benchmark?name=venus">venus/compiled</a>' in drifting


def test_files_are_named_with_the_reason_and_what_to_do(exporter: Exporter) -> None:
    page = ask(exporter.port, "/files")[1]
    assert "odd.json" in page
    assert "unknown_format" in page
    assert FIXES["unknown_format"] in page
    assert "half.json" in page
    assert "the file ends before its JSON does" in page


def test_each_reason_has_a_fix() -> None:
    assert set(FIXES) == set(get_args(RejectionReason))


def test_addresses_name_both_ports_and_the_parts(exporter: Exporter) -> None:
    for port in (exporter.port, exporter.stream_port):
        page = ask(port, "/addresses")[1]
        for address in (
            f"http://127.0.0.1:{exporter.port}/metrics",
            f"http://127.0.0.1:{exporter.stream_port}",
            "http://localhost:3000",
            f"ws://127.0.0.1:{exporter.stream_port}/stream",
        ):
            assert address in page
        assert "Not known here: Prometheus, Alertmanager." in page


def test_content_that_has_not_changed_is_not_sent_again(exporter: Exporter) -> None:
    tag = ""

    def is_known() -> bool:
        nonlocal tag
        status, text, headers = ask(exporter.port, "/start-content", {"If-None-Match": tag})
        tag = headers["ETag"]
        return status == 304 and text == ""

    exporter.until(is_known)


def test_a_runbook_is_a_page_and_a_text(exporter: Exporter) -> None:
    page, text = (ask(exporter.port, f"/runbooks/IngestFailing{end}") for end in ("", ".md"))
    assert page[2]["Content-Type"] == "text/html; charset=utf-8"
    assert "<h2>Meaning</h2>" in page[1]
    assert text[2]["Content-Type"] == "text/plain; charset=utf-8"
    assert text[1].startswith("# IngestFailing\n")


def test_names_and_runbooks_are_text_and_never_markup(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    name = "<img src=x onerror=alert(1)>"
    (tmp_path / "Slow.md").write_text(
        "# Slow\n<script>alert(1)</script> [a](javascript:alert(1)) [b](Other.md) [c](../c.md)\n"
    )
    exporter = Exporter(tmp_path, free_port(), stream_port=free_port())
    try:
        drop(exporter, "a.json", perf_suite(project=name, speedup=5.0))
        drop(exporter, f"{name.replace('/', '')}.json", {})
        send(exporter, alert(name, "critical", benchmark_name=name, project=name))
        exporter.until(lambda: b"&lt;img" in exporter.get("/files"))
        exporter.until(lambda: b"1 gate failed" in exporter.get("/"))
        for path in ("/", "/files", "/runbooks/Slow"):
            text = exporter.get(path).decode()
            assert "<img" not in text
            assert "<script>" not in text
            assert 'href="javascript' not in text
        runbook = exporter.get("/runbooks/Slow").decode()
        assert '<a href="Other">b</a>' in runbook
        assert "../c.md" not in runbook
        for missing in ("Nothing", "..%2Flog", "Slow%2F"):
            assert exporter.status_of(f"/runbooks/{missing}")[0] == 404
    finally:
        assert exporter.stop() == 0


def test_with_a_token_the_streams_port_shows_the_live_page_only(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-the-tests-own\n")
    exporter = Exporter(tmp_path, free_port(), f"--stream-tokens={tokens}", stream_port=free_port())
    try:
        run_two(exporter)
        exporter.until(lambda: exporter.value("benchmark_live_runs") == 2)
        for path in ("/start-content", "/files", "/addresses", "/runbooks/Slow"):
            assert ask(exporter.stream_port, path)[0] == 401, path
        status, text, _ = ask(exporter.stream_port, "/")  # leads to /live
        assert status == 200
        assert "live.js" in text
        assert "router" not in exporter.get("/").decode()
    finally:
        assert exporter.stop() == 0


def test_without_a_stream_its_page_says_so(tmp_path: Path, free_port: Callable[[], int]) -> None:
    exporter = Exporter(tmp_path, free_port())
    status, text = exporter.status_of("/live")
    assert exporter.stop() == 0
    assert status == 404
    assert "The stream is off" in text
