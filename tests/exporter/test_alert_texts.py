"""The file that names the language of alerts, and what the exporter then says."""

from pathlib import Path
from string import Formatter

import pytest

from benchmark_exporter.alert_texts.absence import annotations
from benchmark_exporter.alert_texts.language import LANGUAGES, Language, language_in
from benchmark_exporter.digest.words import WORDS


def test_the_file_is_read_each_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "alert_language"
    file.write_text("ja\n", encoding="utf-8")
    language = language_in(file)
    assert language() == "ja"
    file.write_text("en", encoding="utf-8")
    assert language() == "en"
    assert caplog.messages == []


def test_without_a_file_it_is_english() -> None:
    assert language_in(None)() == "en"


@pytest.mark.parametrize("content", [None, b"", b"fr", b"\x93\xfa"])
def test_what_names_no_language_is_logged_once_and_means_english(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    file = tmp_path / "alert_language"
    if content is not None:
        file.write_bytes(content)
    language = language_in(file)
    assert [language(), language()] == ["en", "en"]
    assert caplog.messages == ["no language of alerts, so they are in English"]
    file.write_text("ja", encoding="utf-8")
    assert language() == "ja"


def test_prometheus_down_says_the_same_in_japanese() -> None:
    texts = annotations(60.0, 600.0, "http://localhost:8000", "PrometheusDown", "ja")
    assert texts["summary"] == ("Prometheus がベンチマークエクスポーターをスクレイプしていません")
    assert "60 秒間" in texts["description"]
    assert "600 秒後" in texts["description"]
    assert texts["runbook_url"] == "http://localhost:8000/runbooks/ja/PrometheusDown"
    english = annotations(60.0, 600.0, "http://localhost:8000", "PrometheusDown", "en")
    assert english["runbook_url"] == "http://localhost:8000/runbooks/PrometheusDown"
    for text in (*texts.values(), *english.values()):
        assert ": " not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_a_digest_have_the_same_fields(language: Language) -> None:
    for name in WORDS["en"].__slots__:
        fields = [
            {field for _, field, _, _ in Formatter().parse(getattr(words, name)) if field}
            for words in (WORDS["en"], WORDS[language])
        ]
        assert fields[0] == fields[1], name
