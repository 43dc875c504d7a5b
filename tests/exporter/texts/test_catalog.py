"""The catalog of the pages' texts, held against the code that says them."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_exporter.texts.catalog import PAGE_LANGUAGES, SECTIONS, Section, say_in, section_of
from benchmark_exporter.texts.say import Say
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "exporter" / "benchmark_exporter"
FIELD = re.compile(r"\{(\w+)\}")
CATALOG = {section: section_of("ja", section) for section in SECTIONS}
MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "benchmark_exporter.texts.say import" in path.read_text(encoding="utf-8")
]
# Those that are filled in with words of the language.
JAPANESE_FIELDS = {"form", "outcome", "statistic", "title"}
SCRIPTS = {
    "live": sorted((PACKAGE / "stream" / "page").glob("*.js")),
    "start": [PACKAGE / "site" / "site.js"],
}
_SAID_BY_SCRIPT = re.compile(r'\b(?:say|phrase)\(\s*("(?:[^"\\]|\\.)*")')
_COUNTED_BY_SCRIPT = re.compile(
    r'\bcounted\(\s*[^"]+?,\s*("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*")'
)
# What a reader sees: what stands between tags, or in an attribute that is read out.
_SHOWN = re.compile(r'>([^<>{}]*)<|(?:aria-label|title|alt|placeholder)="([^"{}]*)"')


def said_in(path: Path) -> Iterator[str]:
    """The texts that a module says, or marks as phrases."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
        arguments = {"say": node.args[:1], "phrase": node.args, "counted": node.args[1:3]}
        for argument in arguments.get(name, []):
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def said_by_script(path: Path) -> set[str]:
    code = path.read_text(encoding="utf-8")
    found = [*_SAID_BY_SCRIPT.findall(code), *sum(_COUNTED_BY_SCRIPT.findall(code), ())]
    return {json.loads(text) for text in found}


# The live page has its texts in a file.
LIVE_BODY = (PACKAGE / "stream" / "page" / "live.html").read_text(encoding="utf-8")
SAID = {text for path in MODULES for text in said_in(path)} | set(
    re.findall(r"\{\{(.+?)\}\}", LIVE_BODY)
)


def test_every_text_of_a_page_is_in_the_catalog() -> None:
    assert SAID - {*CATALOG["words"], *CATALOG["pages"]} == set()


@pytest.mark.parametrize("section", SCRIPTS)
def test_every_text_of_a_script_is_in_the_catalog(section: Section) -> None:
    said = set().union(*map(said_by_script, SCRIPTS[section]))
    assert said - {*CATALOG["words"], *CATALOG[section]} == set()
    assert set(CATALOG[section]) - said == set()


def test_every_text_of_the_catalog_is_said() -> None:
    scripts = set().union(*map(said_by_script, SCRIPTS["live"]))
    assert set(CATALOG["pages"]) - SAID == set()
    assert set(CATALOG["words"]) - SAID - scripts == set()


def test_no_text_is_there_twice() -> None:
    def without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), sorted(keys)
        return dict(pairs)

    for language in PAGE_LANGUAGES[1:]:
        text = (PACKAGE / "texts" / f"{language}.json").read_text(encoding="utf-8")
        catalog = json.loads(text, object_pairs_hook=without_doubles)
        assert list(catalog) == list(SECTIONS)
        every = [english for texts in catalog.values() for english in texts]
        assert len(every) == len(set(every))
        for texts in catalog.values():
            assert list(texts) == sorted(texts)


@pytest.mark.parametrize("section", SECTIONS)
def test_translations_keep_fields_and_are_the_same_as_html(section: Section) -> None:
    for english, said in CATALOG[section].items():
        assert sorted(FIELD.findall(said)) == sorted(FIELD.findall(english)), english
        assert not set('<>&"') & {*english, *said}, english
        assert not re.search(r"[{}]", FIELD.sub("", english + said)), english
        assert said.strip(), english


@pytest.mark.parametrize("section", SECTIONS)
def test_translations_keep_numbers_and_spacing(section: Section) -> None:
    for english, said in CATALOG[section].items():
        assert re.findall(r"\d+", said) == re.findall(r"\d+", english)
        # As in the documentation: a space between Japanese and Latin letters, digits or fields.
        plain = FIELD.sub(lambda field: "語" if field[1] in JAPANESE_FIELDS else "x", said)
        assert not re.search(r"[ぁ-んァ-ヶ一-龠ー][A-Za-z0-9/]", plain), said
        assert not re.search(r"[A-Za-z0-9][ぁ-んァ-ヶ一-龠ー]", plain), said


def markup_of(path: Path) -> Iterator[str]:
    """The strings of a module that are HTML, with `{}` for what is filled in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize(
    "pages", ["site/*.py", "benchmark_page/*.py", "server/triage_page.py", "server/error_pages.py"]
)
def test_no_page_has_a_text_that_is_not_said(pages: str) -> None:
    for path in sorted(PACKAGE.glob(pages)):
        for markup in markup_of(path):
            if "</" not in markup and "<" not in markup:
                continue
            shown = re.sub(r"<code>.*?</code>", "", markup)
            for match in _SHOWN.finditer(shown):
                text = match[1] or match[2] or ""
                assert not re.search(r"[A-Za-z]{2}", text), f"{path.name}: {text}"


def test_the_live_page_has_no_text_that_is_not_said() -> None:
    shown = [match[1] or match[2] or "" for match in _SHOWN.finditer(LIVE_BODY)]
    assert len(shown) > 20
    assert not re.search(r"[A-Za-z]{2}", "".join(shown))


def test_a_text_without_a_translation_stays_english() -> None:
    say = say_in("ja")
    assert say("There is no {such} text", such="<b>") == "There is no <b> text"
    assert say_in("fr").language == "en"


def test_counts_have_the_form_of_their_language() -> None:
    forms = "{count} warning", "{count} warnings"
    english = [say_in("en").counted(count, *forms) for count in (0, 1, 2, 1000)]
    assert english == ["0 warnings", "1 warning", "2 warnings", "1,000 warnings"]
    japanese = [say_in("ja").counted(count, *forms) for count in (0, 1, 2, 1000)]
    assert japanese == ["warning 0 件", "warning 1 件", "warning 2 件", "warning 1,000 件"]


def test_what_is_filled_in_is_not_a_format() -> None:
    say = Say("ja", {"No benchmark {name}": "{name} はありません"})
    assert say("No benchmark {name}", name="{0.__class__}{x}") == "{0.__class__}{x} はありません"
