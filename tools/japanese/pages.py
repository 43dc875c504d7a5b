"""Japanese pages, the English ones that they translate, and the sections of both."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

LEFT_OUT = "-"
_TO_THE_OTHER_LANGUAGE = re.compile(r"^\[(?:日本語|English)\]\([^()\s]+\)$")
_RECORD = re.compile(r"\n<!-- (\S+\.md)\n((?:\S+ .+\n)*)-->\n*$")
_PARSER = MarkdownIt("commonmark").enable("table")


class PageError(Exception):
    """A page that cannot be compared, with the reason."""


@dataclass(frozen=True)
class Section:
    """A heading and what follows it up to the next one. `tokens` are those of the parser."""

    heading: str
    tokens: Sequence[Token]
    text: str

    @property
    def digest(self) -> str:
        """Of the text; how its lines are broken does not count."""
        return hashlib.sha256(" ".join(self.text.split()).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Page:
    """The text of one file; `path` is absolute."""

    path: Path
    text: str

    @cached_property
    def sections(self) -> Sequence[Section]:
        """In order, without the link to the other language.

        What stands before the first heading belongs to no section.
        """
        lines = self.text.splitlines()
        tokens = _without_language_link(_PARSER.parse(_RECORD.sub("\n", self.text)))
        starts = [
            index
            for index, token in enumerate(tokens)
            if token.type == "heading_open" and token.level == 0
        ]
        found = []
        for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
            first = _line(tokens[start])
            last = _line(tokens[end]) if end < len(tokens) else len(lines)
            kept = [line for line in lines[first:last] if not _TO_THE_OTHER_LANGUAGE.match(line)]
            heading = " ".join(tokens[start + 1].content.split())
            found.append(Section(heading, tokens[start:end], "\n".join(kept)))
        return found

    @cached_property
    def anchors(self) -> Sequence[str]:
        """The fragment that leads to each section, formed as GitHub does."""
        seen: Counter[str] = Counter()
        anchors = []
        for section in self.sections:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", section.heading)
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            anchors.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return anchors

    @property
    def language_link(self) -> str | None:
        """The target of the link to the other language, which follows the title; or None."""
        found = re.match(r"# .+\n\n\[(?:日本語|English)\]\(([^()\s]+)\)\n", self.text)
        return found[1] if found else None


@dataclass(frozen=True)
class Record:
    """What the comment at the end of a Japanese page says: the English page, and its sections.

    `digests` holds the heading of each English section with the digest that was translated, or
    `LEFT_OUT` if the section is not translated on purpose.
    """

    english: str
    digests: Sequence[tuple[str, str]]

    def __str__(self) -> str:
        lines = [f"{digest} {heading}\n" for heading, digest in self.digests]
        return f"<!-- {self.english}\n{''.join(lines)}-->\n"


def read_page(path: Path) -> Page:
    """Raises OSError if there is no such file."""
    return Page(path, path.read_text(encoding="utf-8"))


def read_record(page: Page) -> Record:
    """Raises PageError if the page does not end with a record."""
    if (found := _RECORD.search(page.text)) is None:
        raise PageError("the page does not end with the comment that names its English page")
    entries = [line.partition(" ") for line in found[2].splitlines()]
    return Record(found[1], [(heading, digest) for digest, _, heading in entries])


def with_record(page: Page, record: Record) -> str:
    """The page's text with another record at its end, or with its first one."""
    return _RECORD.sub("\n", page.text).rstrip("\n") + f"\n\n{record}"


def japanese_path(repository: Path, english: Path) -> Path:
    """Where the translation of a page or folder belongs, whether or not it exists."""
    if english == repository / "README.md":
        return repository / "README.ja.md"
    if english.is_relative_to(repository / "docs"):
        return repository / "docs/ja" / english.relative_to(repository / "docs")
    return english.with_name(f"{english.stem}.ja{english.suffix}")


def japanese_pages(repository: Path) -> Sequence[Path]:
    """Every translated page: README.ja.md and those in docs/ja."""
    return sorted([*repository.glob("*.ja.md"), *(repository / "docs/ja").rglob("*.md")])


def _line(token: Token) -> int:
    if token.map is None:
        raise PageError(f"the parser does not say where {token.type} is")
    return token.map[0]


def _without_language_link(tokens: Sequence[Token]) -> Sequence[Token]:
    kept: list[Token] = []
    for token in tokens:
        if token.type == "inline" and _TO_THE_OTHER_LANGUAGE.match(token.content):
            kept.pop()
        elif not (
            token.type == "paragraph_close"
            and kept
            and kept[-1].type not in ("inline", "paragraph_open")
        ):
            kept.append(token)
    return kept
