"""Japanese pages are in step with the English ones, and follow docs/ja/glossary.md."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.paths import REPOSITORY
from tools.japanese.compare import GLOSSARY, differences
from tools.japanese.pages import japanese_pages, japanese_path
from tools.japanese.wording import avoided_words, wording_faults

PAGES = japanese_pages(REPOSITORY)
NAMES = (
    *("alert-handling", "branches", "formats", "glossary", "index", "operations", "pages"),
    *("security", "site"),
)
FIRST_PAGES = [REPOSITORY / name for name in ("README.md", *(f"docs/{page}.md" for page in NAMES))]
EVERY_PAGE = pytest.mark.parametrize(
    "path", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY))
)


@EVERY_PAGE
def test_a_page_is_in_step_with_its_english_one(path: Path) -> None:
    assert differences(REPOSITORY, path) == []


@EVERY_PAGE
def test_a_page_is_written_as_the_glossary_says(path: Path) -> None:
    assert wording_faults(REPOSITORY, path) == []


def test_the_glossary_has_the_terms_of_the_english_one_in_their_order() -> None:
    english, japanese = (
        re.findall(r"^\| (\*\*.+?) \|", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in (REPOSITORY / "docs/glossary.md", REPOSITORY / GLOSSARY)
    )
    terms = [term for row in english for term in re.findall(r"\*\*([^*]+)\*\*", row)]
    assert len(terms) > 100
    assert [term.strip("*") for term in japanese] == terms


def test_a_term_of_the_glossary_has_a_translation_and_a_meaning() -> None:
    rows = re.findall(
        r"^\| \*\*.+?\*\* \| ([^|]+) \| ([^|]+) \|$",
        (REPOSITORY / GLOSSARY).read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) > 100
    assert avoided_words(REPOSITORY / GLOSSARY).keys() & {each for row in rows for each in row} == (
        set()
    )


def test_every_runbook_and_the_first_pages_are_translated() -> None:
    runbooks = (REPOSITORY / "docs/runbooks").glob("*.md")
    expected = {japanese_path(REPOSITORY, path) for path in (*runbooks, *FIRST_PAGES)}
    assert [path.name for path in sorted(expected - set(PAGES))] == []


def test_containers_have_the_runbooks_of_both_languages_in_folders_as_here() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    mounts = dict(
        volume.removesuffix(":ro").split(":")
        for volume in compose["services"]["exporter"]["volumes"]
        if isinstance(volume, str) and volume.startswith("./docs/")
    )
    documents = (REPOSITORY / "kubernetes/base/exporter.yaml").read_text(encoding="utf-8")
    (container,) = (
        document["spec"]["template"]["spec"]["containers"][0]
        for document in yaml.safe_load_all(documents)
        if document["kind"] == "Deployment"
    )
    in_pods = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    english = Path(mounts["./docs/runbooks"])
    assert Path(mounts["./docs/ja/runbooks"]) == english.parent / "ja" / english.name
    assert in_pods["runbooks"] == str(english)
    assert in_pods["runbooks-ja"] == mounts["./docs/ja/runbooks"]
