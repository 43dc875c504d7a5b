"""The Markdown pages of the repository: their prose, their links and their headings."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.paths import REPOSITORY

# What git ignores at the top of a checkout, and what is not part of the project anywhere.
_TOP_FOLDERS_LEFT_OUT = {".git", ".venv", ".local", "results"}
_FOLDERS_LEFT_OUT = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules"}

_FENCE = re.compile(r"^ *(```|~~~)")
_CODE_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
# A text may contain code spans and line ends; a target contains neither spaces nor parentheses.
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)\)")
_ADDRESS = re.compile(r"\b[a-z]+://\S+")
_HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file. `path` is absolute, `lines` are those outside of code fences by number."""

    path: Path
    lines: Mapping[int, str]

    @property
    def name(self) -> str:
        """Path in the repository."""
        return str(self.path.relative_to(REPOSITORY))

    @property
    def is_generated(self) -> bool:
        """Whether a program wrote it; its lines are as long as what it shows."""
        first = next(iter(self.lines.values()), "")
        return first.startswith(("<!-- Generated", "# `python -m benchmarks."))

    @property
    def targets(self) -> Sequence[str]:
        """The targets of all links and pictures, in order."""
        return [match[1] for match in _LINK.finditer(_without_code("\n".join(self.lines.values())))]

    @property
    def anchors(self) -> frozenset[str]:
        """The fragments that lead to a heading, formed as GitHub does."""
        seen: Counter[str] = Counter()
        anchors = []
        for heading in _HEADING.findall("\n".join(self.lines.values())):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            anchors.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return frozenset(anchors)

    def too_long(self, characters: int) -> list[str]:
        """Lines of prose that are longer, as `NAME:LINE`; tables and addresses do not count."""
        return [
            f"{self.name}:{number}"
            for number, line in self.lines.items()
            if not line.lstrip().startswith("|") and len(_without_addresses(line)) > characters
        ]


def _without_code(text: str) -> str:
    """The text with code spans blanked: brackets in them are not links."""
    return _CODE_SPAN.sub(lambda span: "x" * len(span[0]), text)


def _without_addresses(line: str) -> str:
    return _ADDRESS.sub("", re.sub(r"\]\([^()\s]+\)", "]", line))


@cache
def pages() -> Sequence[Page]:
    """Every Markdown file of the checkout."""
    return [read_page(path) for path in sorted(_files()) if path.suffix == ".md"]


@cache
def read_page(path: Path) -> Page:
    """One file as a page."""
    lines, is_fenced = {}, False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if _FENCE.match(line):
            is_fenced = not is_fenced
        elif not is_fenced:
            lines[number] = line
    return Page(path, lines)


def _files() -> Iterator[Path]:
    for folder, folders, names in os.walk(REPOSITORY):
        left_out = _FOLDERS_LEFT_OUT
        if Path(folder) == REPOSITORY:
            left_out = left_out | _TOP_FOLDERS_LEFT_OUT
        folders[:] = [name for name in folders if name not in left_out]
        yield from (Path(folder) / name for name in names)
