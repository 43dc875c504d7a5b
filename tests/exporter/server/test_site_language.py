"""The language of the pages: by the browser's, or as its switch says."""

import http.client
import re
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urljoin

import pytest

from benchmark_exporter.site.known import Failures
from benchmark_exporter.site.notices import notices
from benchmark_exporter.texts.catalog import say_in
from tests.support.paths import REPOSITORY
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.shown_texts import english_left, english_words, numbers
from tests.support.site_pages import BROKEN, BROKEN_BY, STEADY, break_all, run_two
from tests.support.site_pages import PAGES as RICH_PAGES

JAPANESE = {"Accept-Language": "ja,en-US;q=0.9,en;q=0.8"}
SWITCH = re.compile(r'<p class="language"><a href="([^"]*)" lang="(\w+)" hreflang="\2">')
PAGES = (
    *("/", "/benchmarks?q=a%20b&sort=name", "/files", "/addresses", "/live", "/benchmark?name=a"),
    "/commit?hash=a&project=b",
)


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    running = Exporter(
        tmp_path_factory.mktemp("language"),
        free_port(),
        f"--runbooks-dir={REPOSITORY / 'docs' / 'runbooks'}",
        stream_port=free_port(),
    )
    break_all(running)
    run_two(running)
    yield running
    assert running.stop() == 0


def ask(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[HTTPResponse, str]:
    """An answer, without following where it leads to."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    try:
        connection.putrequest("GET", path)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


def language(page: str) -> str:
    found = re.search(r'<html lang="(\w+)">', page)
    assert found is not None, page[:500]
    return found[1]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_the_browsers_language(exporter: Exporter, path: str) -> None:
    port = exporter.stream_port
    for headers, expected in (({}, "en"), (JAPANESE, "ja"), ({"Accept-Language": "fr"}, "en")):
        answer, page = ask(port, path, headers)
        assert language(page) == expected
        assert answer.headers["Vary"].startswith("Accept-Language, Cookie")


@pytest.mark.parametrize("path", PAGES)
def test_the_switch_keeps_the_page_and_is_remembered(exporter: Exporter, path: str) -> None:
    port = exporter.stream_port
    found = SWITCH.search(ask(port, path)[1])
    assert found is not None
    assert found[2] == "ja"
    there = urljoin(path, found[1].replace("&amp;", "&"))
    answer, _ = ask(port, there)
    assert answer.status == 303
    assert urljoin(there, answer.headers["Location"]) == path
    cookie = answer.headers["Set-Cookie"]
    assert {"SameSite=Lax", "Path=/", "HttpOnly"} <= set(cookie.split("; "))
    assert language(ask(port, path, {"Cookie": cookie.partition(";")[0]})[1]) == "ja"


def test_the_switch_wins_over_the_browsers_language(exporter: Exporter) -> None:
    for port in (exporter.port, exporter.stream_port):
        answer, _ = ask(port, "/language/en/files", JAPANESE)
        cookie = {"Cookie": "other=ja; " + answer.headers["Set-Cookie"].partition(";")[0]}
        assert language(ask(port, "/files", JAPANESE | cookie)[1]) == "en"


RUNBOOK, NAMED = "/runbooks/IngestFailing", "/runbooks/{}/IngestFailing"
MEANING = {"en": "<h2>Meaning</h2>", "ja": "<h2>意味</h2>"}


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        (RUNBOOK, {}, "en"),
        (RUNBOOK, JAPANESE, "ja"),
        (RUNBOOK, {"Cookie": "benchmark_language=ja"}, "ja"),
        (RUNBOOK, JAPANESE | {"Cookie": "benchmark_language=en"}, "en"),
        # As messages of a team that reads Japanese have it.
        (NAMED.format("ja"), {}, "ja"),
        (NAMED.format("ja"), {"Cookie": "benchmark_language=en"}, "ja"),
        (NAMED.format("en"), JAPANESE, "en"),
    ],
)
def test_a_runbook_is_in_the_readers_language_or_that_of_its_address(
    exporter: Exporter, path: str, headers: dict[str, str], expected: str
) -> None:
    for port in (exporter.port, exporter.stream_port):
        answer, page = ask(port, path, headers)
        assert answer.headers["Vary"].startswith("Accept-Language, Cookie")
        assert language(page) == expected
        assert f'<article class="prose" lang="{expected}">' in page
        assert MEANING[expected] in page
        assert "&lt;!--" not in page  # what a translation ends with is nobody's to read


@pytest.mark.parametrize("path", [RUNBOOK, NAMED.format("ja"), NAMED.format("en")])
@pytest.mark.parametrize("headers", [{}, JAPANESE], ids=["en", "ja"])
def test_a_runbook_has_one_switch_to_the_other_language(
    exporter: Exporter, path: str, headers: dict[str, str]
) -> None:
    page = ask(exporter.port, path, headers)[1]
    (found,) = SWITCH.finditer(page)
    assert found[2] != language(page)
    assert page.count("English") + page.count("日本語") == 1
    answer, _ = ask(exporter.port, switch := urljoin(path, found[1]), headers)
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    there = urljoin(switch, answer.headers["Location"])
    assert there == RUNBOOK
    assert language(ask(exporter.port, there, headers | cookie)[1]) == found[2]


def test_the_text_of_a_runbook_has_the_language_of_the_page(exporter: Exporter) -> None:
    for headers, begins in (({}, "## Meaning"), (JAPANESE, "## 意味")):
        page = ask(exporter.port, RUNBOOK, headers)[1]
        found = re.search(r'href="([^"]*IngestFailing\.md)"', page)
        assert found is not None
        assert begins in ask(exporter.port, urljoin(RUNBOOK, found[1]))[1]
    # Whoever asks by a program gets what the address says.
    assert MEANING["en"][4:-5] in ask(exporter.port, f"{RUNBOOK}.md", JAPANESE)[1]


def test_links_to_runbooks_leave_the_language_to_the_reader(exporter: Exporter) -> None:
    for path in ("/", "/files", f"/benchmark?name={BROKEN[0]}"):
        found = re.findall(r'href="(runbooks/[^"]+)"', ask(exporter.port, path, JAPANESE)[1])
        assert found, path
        assert not [each for each in found if each.startswith("runbooks/ja/")]


@pytest.mark.parametrize(
    "page",
    [
        "//evil.example",
        "/evil.example/",
        "https://evil.example",
        "https:evil.example",
        "%2F%2Fevil.example",
        "%5C%5Cevil.example",
        "\\\\evil.example",
        "..//evil.example",
        "../files",
        "metrics",
        "api/v1/status",
        "files/../../x",
        "commit/../../x",
        "commit%2F..%2F..%2Fx",
        "javascript:alert(1)",
        "files%0d%0aSet-Cookie:a=b",
        "runbooks/%0d%0aX",
        "files@evil.example",
        "files#x",
        "x" * 5000,
    ],
)
def test_the_switch_leads_nowhere_else(exporter: Exporter, page: str) -> None:
    answer, _ = ask(exporter.port, f"/language/ja/{page}")
    target = answer.headers.get("Location")
    if target is not None:  # some are paths of ours once they are read
        assert re.fullmatch(r"(\.\./){2}(files)?", target), target
    else:
        assert answer.status in (400, 404)
        assert "Set-Cookie" not in answer.headers


def test_an_unknown_language_is_not_found(exporter: Exporter) -> None:
    for path in ("/language/fr/files", "/language/en", "/language/%6Aa%0d/files"):
        assert ask(exporter.port, path)[0].status == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Accept-Language", "ja;q=nan"),
        ("Accept-Language", "fr," * 2_600 + "ja"),
        ("Accept-Language", "a-" * 4_000),
        ("Accept-Language", "\"\\'><script>"),
        ("Cookie", "benchmark_language=" + "j" * 8_000),
        ("Cookie", "benchmark_language=fr"),
        ("Cookie", 'benchmark_language="ja\\000"'),
        ("Cookie", "benchmark_language=../../ja"),
        ("Cookie", ";" * 8_000),
        ("Cookie", "=;a=\\;" * 1_000),
    ],
)
def test_hostile_headers_are_english(exporter: Exporter, name: str, value: str) -> None:
    answer, page = ask(exporter.port, "/", {name: value})
    assert answer.status == 200
    assert language(page) == "en"


@pytest.mark.parametrize("name", ["Accept-Language", "Cookie"])
def test_headers_that_http_forbids_are_refused(exporter: Exporter, name: str) -> None:
    for value in ("benchmark_language=ja\0", "j" * 9_000):
        assert ask(exporter.port, "/", {name: value})[0].status == 400
    assert exporter.get("/")


# What the exporter of these tests shows that is nobody's language: names in documents and alerts.
DATA = [
    *(*BROKEN, *STEADY, BROKEN_BY, "router", "orbit", "venus", "bench", "steady"),
    *("compiled", "fallback"),
    *("main", "ci", "perf_suite", "self-hosted", "docs/formats.md", "unknown_format"),
    *("odd.json", "half.json", "linux", "cpus", " of 428.5 µs", "/metrics", "/api/v1/openapi.json"),
    *("/api/v1/status", "/api/v1/changes", "/-/healthy", "/-/ready"),
]
ALERTS = [path.stem for path in (REPOSITORY / "docs" / "runbooks").glob("*.md")]


@pytest.mark.parametrize(
    "path", [page for page in RICH_PAGES if page[:5] not in ("/live", "/runb")]
)
def test_a_japanese_page_has_no_english_and_the_same_numbers(exporter: Exporter, path: str) -> None:
    def page(headers: dict[str, str]) -> str:
        return ask(exporter.port, path, headers)[1].partition("<footer>")[0]

    exporter.until(lambda: numbers(page(JAPANESE)) == numbers(page({})))
    japanese = page(JAPANESE)
    names = [*DATA, *ALERTS, str(exporter.results), "http://127.0.0.1"]
    assert english_words(japanese, names) == set()
    assert english_left(japanese) == set()


def test_messages_about_failures_have_no_english() -> None:
    failures = Failures(
        ingest="read-only", config="bad", dropped={"benchmark": 1200}, max_series=50_000,
        fallback_branches=[("router", "work")],
    )  # fmt: skip
    for each in (failures, Failures(unopened="damaged")):
        shown = f'<html lang="ja"><body>{notices(each, say_in("ja"))}</body></html>'
        names = ["read-only", "bad", "router", "work", "damaged", "/metrics"]
        assert english_words(shown, names) == set()
        for runbook in re.findall(r'href="([^"]*)"', shown):
            assert re.fullmatch(r"runbooks/\w+", runbook)


def test_content_known_in_one_language_is_sent_in_the_other(exporter: Exporter) -> None:
    def is_known() -> bool:
        tag = ask(exporter.port, "/start-content")[0].headers["ETag"]
        again = [
            ask(exporter.port, "/start-content", {"If-None-Match": tag} | headers)[0].status
            for headers in ({}, JAPANESE)
        ]
        assert again[1] == 200
        return again[0] == 304

    exporter.until(is_known)


def test_a_stream_with_a_token_shows_the_switch_of_the_live_page(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "tokens").write_text("a-token-of-the-tests-own\n")
    tokens = f"--stream-tokens={tmp_path / 'tokens'}"
    running = Exporter(tmp_path, free_port(), tokens, stream_port=free_port())
    try:
        page = ask(running.stream_port, "/live", JAPANESE)[1]
        assert language(page) == "ja"
        found = SWITCH.search(page)
        assert found is not None
        answer, _ = ask(running.stream_port, urljoin("/live", found[1]))
        assert (answer.status, answer.headers["Location"]) == (303, "../../live")
        assert ask(running.stream_port, "/texts.js")[0].status == 200
        assert ask(running.stream_port, "/files", JAPANESE)[0].status == 401
    finally:
        assert running.stop() == 0
