"""Which language a header Accept-Language means, by RFC 9110, sections 12.4.2 and 12.5.4."""

import pytest

from benchmark_exporter.texts.preference import preferred


@pytest.mark.parametrize(
    "header",
    [
        "ja",
        "ja-JP",
        "JA-jp",
        "ja,en-US;q=0.9,en;q=0.8",  # Chrome's
        "ja,en-US;q=0.7,en;q=0.3",  # Firefox's
        "en;q=0.5, ja;q=0.6",
        "en ; q=0.5 , ja ; q=1.000",
        "fr, ja;q=0.4",  # there is no French, and English is not wanted
        "ja, *;q=0.5",
        "*;q=0.5, ja;q=0.5",
        "en;q=0, ja;q=0.001",
        "nonsense;;, ja",
    ],
)
def test_japanese(header: str) -> None:
    assert preferred(header) == "ja"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "*",
        "en",
        "fr",
        "en-GB,ja;q=0.9",
        "en, ja",
        "ja;q=0",
        "ja;q=0.4, *;q=0.5",
        "jam",  # Jamaican
        "x-ja",
    ],
)
def test_english(header: str) -> None:
    assert preferred(header) == "en"


@pytest.mark.parametrize(
    "header",
    [
        "ja;q=nan",
        "ja;q=inf",
        "ja;q=1e9",
        "ja;q=-1",
        "ja;q=2",
        "ja;q=",
        "ja;level=1",
        "ja\x00",
        "ｊａ",
        "ja;q=１",
        ";" * 8000,
        "a-" * 4000,
        "fr," * 10_000 + "ja",
        "ja" * 100_000,
    ],
)
def test_what_is_no_such_header_is_english(header: str) -> None:
    assert preferred(header) == "en"
