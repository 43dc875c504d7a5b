"""How a Japanese page differs from the English one, as lines that name the page and the section."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from urllib.parse import urlsplit

from tools.japanese.facts import code_blocks, facts, faults, inlines, skeleton
from tools.japanese.pages import (
    LEFT_OUT,
    Page,
    PageError,
    Record,
    Section,
    japanese_path,
    read_page,
    read_record,
)

# Written for its purpose, not a translation: only its digests are compared.
GLOSSARY = "docs/ja/glossary.md"
EXCERPT_CHARACTERS = 30


def differences(repository: Path, path: Path) -> Sequence[str]:
    """Everything in which the Japanese page at `path` is out of step; empty if it is in step."""
    name = str(path.relative_to(repository))
    try:
        japanese = read_page(path)
        record = read_record(japanese)
        english = read_page(repository / record.english)
        found = list(_language_links(repository, english, japanese))
        found += _digests(english, record)
        if name != GLOSSARY and not found_gaps(english, record):
            found += _sections(repository, english, japanese, record)
    except (PageError, OSError) as error:
        return [f"{name}: {error}"]
    return [f"{name}: {each}" for each in found]


def found_gaps(english: Page, record: Record) -> bool:
    """Whether the record lists other sections than the English page has."""
    return [each.heading for each in english.sections] != [each for each, _ in record.digests]


def _language_links(repository: Path, english: Page, japanese: Page) -> Iterator[str]:
    if japanese.path != japanese_path(repository, english.path):
        yield f"this is not where the translation of {english.path.name} belongs"
    for page, other in ((english, japanese), (japanese, english)):
        expected = os.path.relpath(other.path, page.path.parent)
        if page.language_link != expected:
            yield (
                f"{page.path.relative_to(repository)} does not link to {expected} below its title"
            )


def _digests(english: Page, record: Record) -> Iterator[str]:
    listed, there = [each for each, _ in record.digests], english.sections
    if not found_gaps(english, record):
        for section, (heading, digest) in zip(there, record.digests, strict=True):
            if digest not in (LEFT_OUT, section.digest):
                yield f"section {heading!r} of {record.english} has changed"
        return
    headings = [section.heading for section in there]
    yield from (
        f"section {each!r} of {record.english} is not listed"
        for each in headings
        if each not in listed
    )
    yield from (
        f"section {each!r} is not in {record.english}" for each in listed if each not in headings
    )
    if sorted(headings) == sorted(listed):
        yield f"the sections of {record.english} have another order"


def _sections(repository: Path, english: Page, japanese: Page, record: Record) -> Iterator[str]:
    translated = [
        section
        for section, (_, digest) in zip(english.sections, record.digests, strict=True)
        if digest != LEFT_OUT
    ]
    links = _Links(repository, english, japanese)
    for source, target in zip_longest(translated, japanese.sections):
        if source is None:
            yield f"section {target.heading!r} translates none of {record.english}"
        elif target is None:
            yield f"section {source.heading!r} of {record.english} is missing"
        else:
            for fault in _section(links, source, target):
                yield f"section {source.heading!r}: {fault}"


def _section(links: "_Links", english: Section, japanese: Section) -> Iterator[str]:
    if english.tokens[0].tag != japanese.tokens[0].tag:
        yield f"the heading is {japanese.tokens[0].tag}, not {english.tokens[0].tag}"
        return
    for ours, theirs in zip_longest(code_blocks(japanese.tokens), code_blocks(english.tokens)):
        if ours != theirs:
            yield f"code block differs: {_excerpt(ours)} instead of {_excerpt(theirs)}"
    there, here = skeleton(english.tokens), skeleton(japanese.tokens)
    if there != here:
        first = next(
            (n for n, pair in enumerate(zip_longest(there, here)) if pair[0] != pair[1]), 0
        )
        yield (
            f"block {first} is {_at(here, first)}, not {_at(there, first)}"
            f" ({len(here)} blocks, {len(there)} in English)"
        )
        return
    for theirs, ours in zip(inlines(english.tokens), inlines(japanese.tokens), strict=True):
        source = facts(theirs, links.expected)
        source = replace(source, names=frozenset(map(links.expected_name, source.names)))
        found = faults(source, facts(ours, links.actual))
        yield from (f"{fault} in {_excerpt(ours.content)}" for fault in found)


def _at(blocks: Sequence[str], index: int) -> str:
    return blocks[index] if index < len(blocks) else "missing"


def _excerpt(text: str | None) -> str:
    return "nothing" if text is None else repr(" ".join(text.split())[:EXCERPT_CHARACTERS])


class _Links:
    """Where links of the two pages lead."""

    def __init__(self, repository: Path, english: Page, japanese: Page) -> None:
        self._repository, self._english, self._japanese = repository, english, japanese

    def actual(self, target: str) -> str:
        """Of the Japanese page: path in the repository and fragment, or an address."""
        return self._resolved(self._japanese.path, target)

    def expected(self, target: str) -> str:
        """Of the English page: the same in the Japanese page where there is one."""
        path, _, fragment = self._resolved(self._english.path, target).partition("#")
        if urlsplit(target).scheme:
            return target
        japanese = japanese_path(self._repository, self._repository / path)
        if not japanese.exists():
            return f"{path}#{fragment}"
        if fragment and (fragment := self._anchors(path, japanese).get(fragment, "")) == "":
            return self._resolved(self._english.path, target)
        return f"{japanese.relative_to(self._repository)}#{fragment}"

    def expected_name(self, name: str) -> str:
        """Of a page that is named from the top of the repository: its Japanese one."""
        path = self._repository / name
        japanese = japanese_path(self._repository, path)
        is_page = path.suffix == ".md" and path.is_file() and japanese.is_file()
        return str(japanese.relative_to(self._repository)) if is_page else name

    def _resolved(self, page: Path, target: str) -> str:
        parts = urlsplit(target)
        if parts.scheme:
            return target
        path = Path(os.path.normpath(page.parent / parts.path)) if parts.path else page
        return f"{os.path.relpath(path, self._repository)}#{parts.fragment}"

    def _anchors(self, english: str, japanese: Path) -> Mapping[str, str]:
        """The fragment of each translated section, by that of the English one."""
        source, target = read_page(self._repository / english), read_page(japanese)
        record = read_record(target)
        if found_gaps(source, record):
            return {}
        translated = [
            anchor
            for anchor, (_, digest) in zip(source.anchors, record.digests, strict=True)
            if digest != LEFT_OUT
        ]
        return dict(zip(translated, target.anchors, strict=False))
