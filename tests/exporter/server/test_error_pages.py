"""Errors as people read them in a browser, in their language, and as programs do."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape

import pytest

from tests.support.asking import ask
from tests.support.page_reading import ReadPage
from tests.support.process import Exporter

# What Chromium sends with an address that is opened.
OPENED = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ENGLISH = {**OPENED, "Accept-Language": "en-GB,en;q=0.9"}
JAPANESE = {**OPENED, "Accept-Language": "ja,en-US;q=0.9,en;q=0.8"}
TOKEN = "a-token-of-the-tests-own"


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One whose stream requires a token."""
    folder = tmp_path_factory.mktemp("errors")
    (folder / "tokens").write_text(f"{TOKEN}\n")
    tokens = f"--stream-tokens={folder / 'tokens'}"
    running = Exporter(folder, free_port(), tokens, stream_port=free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


CASES = [
    # port, path, further headers, status, in Japanese, as programs get it
    ("exporter", "/nothing/here", {}, 404, "ページが見つかりません", "404: Not Found"),
    ("exporter", "/-/ready/x", {}, 404, "このアドレスには何もありません", "404: Not Found"),
    ("exporter", "/runbooks/Odd", {}, 404, "Odd のランブックはありません", "no runbook for Odd"),
    ("exporter", "/triage", {}, 400, "がありません", "benchmark_name or since_commit is missing"),
    ("exporter", "/triage?odd=1", {}, 400, "不明です", "'odd' is unknown"),
    ("exporter", "/metrics?collect[]=odd", {}, 400, "collect[]=odd は不明です", "is unknown"),
    ("exporter", "/api/v1/runs?limit=x", {}, 400, "数にしてください", "must be a number"),
    ("exporter", "/api/v1/github", {}, 405, "開くものではありません", "405: Method Not Allowed"),
    (
        "exporter",
        "/",
        {"Host": "evil.example"},
        403,
        "登録されていません",
        "is not known as a name",
    ),
    ("exporter", "/", {"Origin": "http://evil.example"}, 403, "応答しません", "are not answered"),
    ("stream", "/files", {}, 401, "このポートにはトークンが必要です", "this port requires a token"),
    ("stream", "/api/v1/trends", {}, 401, "トークンが必要です", "token required"),
    ("stream", "/stream", {}, 426, "ストリームは WebSocket です", "the stream is a WebSocket"),
    ("stream", "/odd", {}, 404, "もう一方のポート", "not found; this port serves pages"),
]


@pytest.mark.parametrize(("port", "path", "headers", "status", "japanese", "english"), CASES)
def test_an_address_that_is_opened(
    exporter: Exporter,
    port: str,
    path: str,
    headers: dict[str, str],
    status: int,
    japanese: str,
    english: str,
) -> None:
    number = exporter.port if port == "exporter" else exporter.stream_port
    for language, accept, expected in (("ja", JAPANESE, japanese), ("en", ENGLISH, english)):
        answer = ask(number, path, {**accept, **headers})
        text = answer.body.decode()
        assert answer.status == status
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Vary"] == "Accept-Language, Cookie"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert f'<html lang="{language}">' in text
        assert expected in unescape(text) or english.startswith("40")
        page = ReadPage(text)
        assert len(page.headings) == 1
        assert not (language == "ja" and re.search(r"[A-Za-z]{3,}", page.headings[0]))
        if status == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    program = ask(number, path, headers)
    assert program.status == status
    assert english in program.body.decode()
    assert program.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_addresses_of_the_page_lead_to_this_site(exporter: Exporter) -> None:
    text = ask(exporter.port, "/nothing/here/at/all", JAPANESE).body.decode()
    assert 'href="../../../site.css"' in text
    assert ReadPage(text).address_of("開始") == "../../../"


def test_what_is_asked_for_is_text_and_not_markup(exporter: Exporter) -> None:
    text = ask(exporter.port, "/triage?%3Cimg%20src=x%3E=1", JAPANESE).body.decode()
    assert "&lt;img" in text
    assert "<img" not in text


def test_a_program_gets_text_in_the_language_that_it_asks_for(exporter: Exporter) -> None:
    answer = ask(exporter.port, "/runbooks/Odd", {"Accept-Language": "ja"})
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.body.decode() == "Odd のランブックはありません\n"
    assert answer.headers["Vary"] == "Accept-Language, Cookie"
    assert ask(exporter.port, "/runbooks/Odd").body == b"there is no runbook for Odd\n"


def test_json_stays_json_for_programs(exporter: Exporter) -> None:
    """Whatever language they ask for: its words are not for people."""
    for headers in ({}, {"Accept-Language": "ja"}, {"Accept": "text/html, */*"}):
        answer = ask(exporter.port, "/api/v1/results", headers, "POST", b"{}")
        assert answer.status == 403
        assert json.loads(answer.body)["reason"] == "uploads_off"


def test_the_live_page_gets_text_of_json(exporter: Exporter) -> None:
    headers = {"Accept": "text/plain", "Accept-Language": "ja"}
    answer = ask(exporter.port, "/api/v1/triage", headers, "POST", b"{}")
    assert (answer.status, answer.headers["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert answer.body.decode().startswith("トリアージのトークンがありません。")


def test_what_has_no_japanese_says_that_it_is_english(exporter: Exporter) -> None:
    answer = ask(exporter.port, "/api/v1/results", JAPANESE, "POST", b"{}")
    assert '<p lang="en">uploads are off' in answer.body.decode()
