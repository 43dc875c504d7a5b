"""The live page for readers of Japanese: all that it says, as it comes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browsing import drop, notify
from tests.support.documents import perf_suite, result
from tests.support.histories import LEAST
from tests.support.live_files import LiveFile
from tests.support.page_texts import not_japanese
from tests.support.process import DEADLINE_SECONDS, Exporter, ended

# What is a name or others' own words: of benchmarks, projects, alerts, files and programs.
NAMES = (
    *("orbit", "saturn", "venus", "router", "parse", "compiled", "fallback", "gone wrong"),
    *("lex", "self-hosted", "commit-"),
    *("ci", "main", "pytest", "a1b2c3d", "CriticalPerformanceRegression", "orbit is slow"),
    *("critical", "warning", "ok"),  # verdicts and severities
    *("odd.json", "benchmark-exporter", "unknown_format", "English"),
)
NUMBER = re.compile(r"\d[\d:.-]*(?: ?(?:[nµm]?s|MB|%|×)(?![a-z]))?")
# The facts on the page, and what its charts say.
FACTS = """() => [...document.querySelectorAll("#benchmarks td, .spark, dd, time")]
  .filter(element => element.checkVisibility())
  .map(element => element.ariaLabel ?? element.textContent)"""
QUERY = "?branch=main&project=r*&project=o*&project=s*&project=v*"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Of a browser whose user reads Japanese."""
    opened = browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(DEADLINE_SECONDS * 1000)
    expect.set_options(timeout=DEADLINE_SECONDS * 1000)
    yield opened
    opened.close()


def open_live(context: BrowserContext, exporter: Exporter, query: str = "") -> Page:
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/live{query}")
    expect(page.locator("#connection")).to_have_text("ライブ")
    return page


def show_all(exporter: Exporter) -> None:
    """Something of everything: what runs, fails and ends, verdicts, gates, alerts, a bad file."""
    for number, value in enumerate([*[1.0] * LEAST, 2.0, 2.0]):
        drop(exporter, f"{number}.json", result(number, {"parse": value}))
    for project, speedup in (("orbit", 5.0), ("saturn", 12.0), ("venus", 30.0)):
        drop(exporter, f"{project}.json", perf_suite(project, project=project, speedup=speedup))
    document = result(99, {"lex": 1.0}) | {"failures": [{"benchmark": "lex", "error": "oops"}]}
    drop(exporter, "failing.json", document)
    drop(exporter, "odd.json", {"keys": "of no format"})
    notify(exporter, "firing")
    run_one(exporter)


def run_one(exporter: Exporter) -> None:
    running = LiveFile(exporter.results, "running")
    for number in range(1, 4):
        running.iteration(number)


def end_some(exporter: Exporter) -> None:
    """Those that have completed are shown for 20 s."""
    LiveFile(exporter.results, "ended").end("completed")
    LiveFile(exporter.results, "failed").end("failed", error="gone wrong")
    LiveFile(exporter.results, "interrupted").end("interrupted")


def test_all_that_it_shows_is_japanese(context: BrowserContext, exporter: Exporter) -> None:
    page = open_live(context, exporter)
    expect(page.get_by_text("実行中のものはありません。")).to_be_visible()
    expect(page.get_by_text("実行はまだありません。")).to_be_visible()
    assert not_japanese(page, (*NAMES, exporter.results.as_posix())) == []
    end_some(exporter)  # while the page is open
    expect(page.get_by_text("完了")).to_be_visible()
    show_all(exporter)
    for text in (
        *("実行中", "失敗", "中断", "発生中のアラート", "拒否されたファイル"),
        *("critical、100.0% 悪化", "失敗、critical の回帰", "失敗、warning の回帰", "合格"),
        *("エラーで終了", "3 / 100", "ゲートと判定"),
    ):
        expect(page.get_by_text(text, exact=True).first).to_be_visible()
    expect(page.locator("li", has_text="orbit is slow")).to_contain_text("critical：orbit is slow")
    expect(page.get_by_role("progressbar", name="router の進み具合").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^直近 3 回の反復の時間、"))).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text(re.compile("[ぁ-ん]"))
    # The reason of a rejected file comes from its parser, in English, and says so.
    expect(page.locator('.rejected .why [lang="en"]')).to_contain_text("no known format")
    names = (*NAMES, exporter.results.as_posix())
    assert not_japanese(page, names) == []
    violations = Axe().run(page).response["violations"]
    serious: list[Any] = [each for each in violations if each["impact"] in ("serious", "critical")]
    assert serious == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not_japanese(page, names) == []
    assert exporter.stop() == 0
    expect(page.locator("#connection")).to_contain_text("接続が切れました。")
    assert not_japanese(page, names) == []
    exporter.start()
    expect(page.locator("#connection")).to_have_text("ライブ")


def test_numbers_and_times_are_as_in_english(
    browser: Browser, context: BrowserContext, exporter: Exporter
) -> None:
    show_all(exporter)
    japanese = open_live(context, exporter)
    others = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    english = others.new_page()
    english.goto(f"http://127.0.0.1:{exporter.stream_port}/live")
    shown = []
    for page in (japanese, english):
        for name in ("venus", "saturn", "orbit", "parse", "lex"):
            expect(page.get_by_role("row").filter(has_text=name)).to_be_visible()
        expect(page.locator(".card")).to_contain_text("500 µs")
        expect(page.locator(".alerts time")).to_be_visible()
        expect(page.locator(".spark")).to_have_count(5)
        shown.append(sorted(NUMBER.findall(" ".join(page.evaluate(FACTS)))))
    others.close()
    assert shown[0] == shown[1]
    assert "500 µs" in shown[0]
    assert any(re.fullmatch(r"\d\d:\d\d:\d\d", each) for each in shown[0])


def test_it_says_that_a_token_is_required(
    context: BrowserContext, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "tokens").write_text("a-token-of-the-tests-own\n")
    tokens = f"--stream-tokens={tmp_path / 'tokens'}"
    exporter = Exporter(tmp_path, free_port(), tokens, stream_port=free_port())
    with ended(exporter):
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{exporter.stream_port}/live")
        expect(page.locator("#connection")).to_contain_text(
            "このストリームにはトークンが必要です。"
        )
        page.goto(f"http://127.0.0.1:{exporter.stream_port}/files")
        expect(page.get_by_role("heading", level=1, name="トークンが必要です")).to_be_visible()
        assert not_japanese(page, (*NAMES, "/live#token=TOKEN")) == []
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", level=1, name="A token is required")).to_be_visible()
        page.close()


def test_the_switch_keeps_what_is_selected_and_the_token(
    context: BrowserContext, exporter: Exporter
) -> None:
    page = open_live(context, exporter, QUERY)
    page.get_by_role("link", name="English").click()
    expect(page.locator("#connection")).to_have_text("Live")
    assert page.url.endswith(f"/live{QUERY}")
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("heading", name="Running now")).to_be_visible()
    page.reload()  # it is remembered
    expect(page.get_by_role("heading", name="Running now")).to_be_visible()
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/live{QUERY}#token=made-up")
    page.reload()
    page.get_by_role("link", name="日本語").click()
    expect(page.locator("#connection")).to_have_text("ライブ")
    assert page.url.endswith(f"/live{QUERY}#token=made-up")
