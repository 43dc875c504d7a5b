"""The confirmation page for readers of Japanese: what will happen, what happened, and why not."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from benchmark_exporter.ledger.triage_rows import TriagedRegression
from benchmark_exporter.model import Scope
from benchmark_exporter.server.triage_page import TriagePage
from benchmark_exporter.texts.catalog import say_in
from benchmark_exporter.triage.rule import ITSELF
from tests.support.asking import Answer, ask
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.process import Exporter

PAGE = "/triage?benchmark_name=parsing&project=router&environment=ci"
JAPANESE = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language": "ja,en-US;q=0.9",
}
# Names: of states as `triage` and the API have them, and of what the regression is of.
NAMES = re.compile(
    r"\b(new|acknowledged|expected|fixing|fixed|noise|parsing|router|main|ci|commit-\d+|linux"
    r"|x86|cpus|ann|benchmark-exporter|English|until|too slow|T-1)(?![a-z])"
)


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One with a confirmed regression."""
    running = Exporter(tmp_path_factory.mktemp("triage"), free_port())
    for number, milliseconds in enumerate([*STEADY, 1.5, 1.5]):
        document = json.dumps(result(number, {"parsing": milliseconds}))
        (running.results / f"{number}.json").write_text(document)
    running.until(lambda: json.loads(running.get("/api/v1/triage")))
    yield running
    assert running.stop() == 0, running.log.read_text()


def opened(exporter: Exporter, path: str = PAGE) -> str:
    return ask(exporter.port, path, JAPANESE).body.decode()


def sent(exporter: Exporter, **fields: str) -> Answer:
    token = re.search(r'name="form_token" value="([^"]*)"', opened(exporter))
    assert token is not None
    body = urlencode({"form_token": token[1], "who": "ann"} | fields).encode()
    headers = {
        **JAPANESE,
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://127.0.0.1:{exporter.port}",
    }
    return ask(exporter.port, PAGE, headers, "POST", body)


def text_of(page: str) -> str:
    """All that the page says."""
    body = re.sub(r"<head>.*</head>|<header>.*</header>|<footer>.*</footer>", "", page)
    return unescape(re.sub(r"<[^>]*>", " ", body))


def english_in(page: str) -> list[str]:
    return re.findall(r"[A-Za-z]{2,}[^　-龯]*", NAMES.sub("", text_of(page)))


def test_all_that_it_says_is_japanese(exporter: Exporter) -> None:
    page = opened(exporter)
    assert '<html lang="ja">' in page
    assert "<title>トリアージ · ベンチマーク</title>" in page
    assert english_in(page) == []
    for words in ("新しい状態", "fixing ：誰かが対応している", "あなたの名前", "記録する"):
        assert words in " ".join(text_of(page).split())


def test_it_says_what_was_recorded(exporter: Exporter) -> None:
    answer = sent(exporter, state="fixing", why="too slow", ticket="T-1")
    assert answer.status == 303
    page = opened(exporter, f"/{answer.headers['Location']}")
    assert "記録しました：fixing。" in page
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\dZ、ann。too slow。T-1<", page)
    assert english_in(page) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "何も記録していません：状態を選んでください。"),
        ({"state": "fixing", "who": ""}, "何も記録していません：名前がありません。"),
        ({"state": "fixing", "why": "x" * 10_000}, "長すぎます：理由、10000 文字、"),
        ({"state": "expected"}, "expected とする期限がありません。"),
        ({"state": "expected", "until": "soon"}, "2026-12-01 のような日付にしてください。"),
        ({"state": "expected", "until": "2001-01-01"}, "未来の日付にしてください。"),
        ({"state": "expected", "until": "2999-01-01"}, "日以内にしてください。"),
    ],
)
def test_it_says_why_nothing_was_recorded(
    exporter: Exporter, fields: dict[str, str], words: str
) -> None:
    answer = sent(exporter, **fields)
    assert answer.status == 400
    assert words in answer.body.decode()
    assert english_in(answer.body.decode()) == []


def test_a_form_that_is_too_old(exporter: Exporter) -> None:
    answer = sent(exporter, state="fixing", form_token="0" * 64)
    assert answer.status == 403
    assert "このフォームは別のページのものか、古すぎます。" in answer.body.decode()


def test_there_is_no_such_regression(exporter: Exporter) -> None:
    page = opened(exporter, "/triage?benchmark_name=odd")
    assert "該当する回帰はありません。" in page
    assert english_in(page) == []


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("became worse", "さらに悪化した"),
        (
            "is still worse in 5 runs after it was said to be fixed",
            "修正済みとされた後も 5 回の実行で悪いまま",
        ),
        ("withdrawn by ann", "ann が取り消した"),
    ],
)
def test_what_the_exporter_said_itself_is_japanese(why: str, words: str) -> None:
    """It is in the ledger in English. What a person wrote stays, whatever it is."""
    regression = TriagedRegression(
        scope=Scope("router", "ci", "", "main"),
        name="parsing",
        state="new",
        since_seconds=0.0,
        who=ITSELF,
        why=why,
        ticket="",
        began_seconds=0.0,
        began_commit="",
        ended_seconds=None,
        step=0,
        until_seconds=None,
    )
    own = replace(regression, who="ann")
    page = TriagePage([regression, own], "triage", "", say=say_in("ja")).html()
    assert f"{ITSELF}。{words}<" in page
    assert f"ann。{why}<" in page
