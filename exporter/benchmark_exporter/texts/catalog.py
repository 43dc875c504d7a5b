"""The catalog of texts, one JSON file for each language but English, in sections by who says them.

`words` are said by pages and scripts, `pages` by pages, `live` by the live page's scripts, `start`
by the start page's; `errors` has what `texts.errors` recognizes. PO files would need a compiler or
a library, and the scripts JSON anyway.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from benchmark_exporter.texts.say import ENGLISH, Say

Section = Literal["words", "pages", "live", "start", "errors"]
SECTIONS: tuple[Section, ...] = get_args(Section)
PAGE_LANGUAGES = ("en", "ja")


def say_in(language: str) -> Say:
    """Says texts in a language; in English if it is another one than those of PAGE_LANGUAGES."""
    return _say_in(language) if language in PAGE_LANGUAGES else ENGLISH


def section_of(language: str, section: Section) -> Mapping[str, str]:
    """A section of a language's texts by their English; nothing for English."""
    return {} if language == ENGLISH.language else _catalog(language)[section]


@cache
def _say_in(language: str) -> Say:
    if language == ENGLISH.language:
        return ENGLISH
    catalog = _catalog(language)
    return Say(language, {**catalog["words"], **catalog["pages"]})


@cache
def _catalog(language: str) -> Mapping[Section, Mapping[str, str]]:
    path = Path(__file__).parent / f"{language}.json"
    catalog: Mapping[Section, Mapping[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return catalog
