"""Links in Markdown lead somewhere, every page can be found, and lines can be read."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import Page, pages, read_page
from tests.support.paths import REPOSITORY

LINE_CHARACTERS = 100
INDEX = REPOSITORY / "docs" / "index.md"
EVERY_PAGE = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)


def resolve(page: Page, target: str) -> tuple[Path, str] | None:
    """The file or folder that a link leads to and its fragment; None: another server."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    path = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    return path, unquote(parts.fragment)


def is_broken(page: Page, target: str) -> bool:
    found = resolve(page, target)
    if found is None:
        return False
    path, fragment = found
    if not path.exists() or not path.is_relative_to(REPOSITORY):
        return True
    if not fragment:
        return False
    there = page if path == page.path else read_page(path) if path.suffix == ".md" else None
    return there is None or fragment not in there.anchors


def linked_pages(page: Page) -> set[Path]:
    found = [resolve(page, target) for target in page.targets]
    return {each[0] for each in found if each is not None and each[0].suffix == ".md"}


@EVERY_PAGE
def test_a_relative_link_leads_to_a_file_and_a_heading_of_the_repository(page: Page) -> None:
    assert [target for target in page.targets if is_broken(page, target)] == []


@EVERY_PAGE
def test_lines_of_prose_fit_the_width(page: Page) -> None:
    assert page.is_generated or page.too_long(LINE_CHARACTERS) == []


def test_the_index_names_every_page_beside_it() -> None:
    assert set(INDEX.parent.glob("*.md")) - {INDEX} <= linked_pages(read_page(INDEX))


def test_every_page_of_the_documentation_is_reached_from_the_index() -> None:
    reached, ahead = {INDEX}, [INDEX]
    while ahead:
        found = linked_pages(read_page(ahead.pop())) - reached
        reached |= found
        ahead += [path for path in found if path.is_file()]
    assert set(INDEX.parent.rglob("*.md")) <= reached


@pytest.mark.parametrize(
    ("target", "broken"),
    [
        ("docs/index.md", False),
        ("docs/index.md#runbooks", False),
        ("#text-in-code-again", False),
        ("#text-in-code-again-1", False),
        ("docs", False),
        ("https://example.org/missing.md#at-all", False),
        ("docs/missing.md", True),
        ("docs/index.md#missing", True),
        ("#missing", True),
        ("../outside.md", True),
        ("LICENSE#a-fragment", True),
    ],
)
def test_a_broken_link_is_told_from_a_good_one(target: str, broken: bool) -> None:
    headings = {1: "# Text in `code`, again", 2: "## Text in code again"}
    page = Page(REPOSITORY / "README.md", {**headings, 3: f"a [link\nof two lines]({target})"})
    assert page.targets == [target]
    assert is_broken(page, target) is broken


@pytest.mark.parametrize(
    ("line", "long"),
    [
        ("x" * LINE_CHARACTERS, False),
        ("x" * (LINE_CHARACTERS + 1), True),
        (f"| {'x' * LINE_CHARACTERS} |", False),
        (f"a [link](docs/{'x' * LINE_CHARACTERS}.md)", False),
        (f"at https://example.org/{'x' * LINE_CHARACTERS}", False),
        (f"{'x' * LINE_CHARACTERS} at https://example.org/", True),
    ],
)
def test_a_long_line_is_told_from_a_table_or_an_address(line: str, long: bool) -> None:
    page = Page(REPOSITORY / "README.md", {7: line})
    assert page.too_long(LINE_CHARACTERS) == (["README.md:7"] if long else [])


def test_links_in_code_and_in_fences_are_not_links(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("`[a](b.md)`\n```\n[c](d.md)\n```\n[e `f]`](g.md)\n")
    assert read_page(path).targets == ["g.md"]
