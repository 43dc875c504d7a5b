"""What a translation must not change in a paragraph, a list's item, a table's cell or a code block.

These are inline code, links, addresses, numbers, names and bold words.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from markdown_it.token import Token

_ADDRESS = re.compile(r"https?://[^\s、。「」（）)\]}>'\"`]+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*", re.ASCII)
# Paths such as `docs/detection.md`, names such as `node_exporter` and `CommonRegression`.
_NAME = re.compile(
    r"[A-Za-z0-9-]*[A-Za-z0-9](?:[/_.][A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*)+/?"
    r"|\b[A-Z][a-z]+(?:[A-Z][a-z]*)+[A-Za-z]*\b"
)
_NUMBER_WORDS = {
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
    "10": "ten",
    "11": "eleven",
    "12": "twelve",
    "15": "fifteen",
    "20": "twenty",
    "30": "thirty",
}
_NUMERALS = {"2": "二両", "3": "三", "4": "四", "5": "五", "6": "六", "7": "七", "8": "八"}
# Numbers that a translation may write for these words, or leave out.
_LOOSE_WORDS = {
    "1": r"an?|one|once|single|first|second|last|next|previous|each|every|other|another|the",
    "2": r"twice|both|half|second",
    "3": r"third|thirds",
    "4": r"quarter",
    "5": r"fifth",
    "10": r"tenth",
    "30": r"half a minute",
}

Resolve = Callable[[str], str]


@dataclass(frozen=True)
class Facts:
    """Those of one piece of text. `numbers` are those in digits; `text` is without code."""

    code: Counter[str]
    links: Counter[str]
    addresses: Counter[str]
    names: frozenset[str]
    numbers: Counter[str]
    bold: int
    text: str


def facts(inline: Token, resolve: Resolve) -> Facts:
    """The facts of an inline token; `resolve` gives what a link's target leads to."""
    code: Counter[str] = Counter()
    links: Counter[str] = Counter()
    bold, words = 0, []
    for child in inline.children or ():
        if child.type == "code_inline":
            code[" ".join(child.content.split())] += 1
            words.append(" ")
        elif child.type in ("link_open", "image"):
            links[resolve(unquote(str(child.attrGet("href") or child.attrGet("src"))))] += 1
        elif child.type == "strong_open":
            bold += 1
        elif child.type in ("softbreak", "hardbreak"):
            words.append(" ")
        else:
            words.append(child.content)
    text = "".join(words)
    addresses = Counter(each.rstrip(".,;:") for each in _ADDRESS.findall(text))
    rest = _ADDRESS.sub(" ", text)
    names = frozenset(each.removesuffix(".") for each in _NAME.findall(rest))
    return Facts(code, links, addresses, names, Counter(_NUMBER.findall(rest)), bold, rest)


def faults(english: Facts, japanese: Facts) -> Iterator[str]:
    """What the Japanese text has lost, added or changed."""
    yield from _unlike("code", english.code, japanese.code)
    yield from _unlike("link", english.links, japanese.links)
    yield from _unlike("address", english.addresses, japanese.addresses)
    yield from _unlike("name", Counter(english.names), Counter(japanese.names))
    yield from _numbers(english, japanese)
    if english.bold != japanese.bold:
        yield f"{japanese.bold} bold texts instead of {english.bold}"


def _unlike(kind: str, english: Counter[str], japanese: Counter[str]) -> Iterator[str]:
    yield from (f"{kind} is missing: {each}" for each in sorted((english - japanese).elements()))
    yield from (f"{kind} is not there: {each}" for each in sorted((japanese - english).elements()))


def _numbers(english: Facts, japanese: Facts) -> Iterator[str]:
    added = japanese.numbers - english.numbers
    yield from (
        f"number is missing: {each}"
        for each in sorted((english.numbers - japanese.numbers).elements())
    )
    for number, word in _NUMBER_WORDS.items():
        written = _count(word, english.text)
        digits = added.pop(number, 0)
        numerals = sum(japanese.text.count(each) for each in _NUMERALS.get(number, ""))
        if digits + numerals < written:
            yield f"number is missing: {number} ({word})"
        loose = _count(_LOOSE_WORDS[number], english.text) if number in _LOOSE_WORDS else 0
        if digits > written + loose:
            yield f"number is not there: {number}"
    if not _count(_LOOSE_WORDS["1"], english.text):
        yield from ["number is not there: 1"] * added["1"]
    del added["1"]
    yield from (f"number is not there: {each}" for each in sorted(added))


def _count(words: str, text: str) -> int:
    return len(re.findall(rf"\b(?:{words})\b", text, re.IGNORECASE))


def skeleton(tokens: Iterable[Token]) -> Sequence[str]:
    """The blocks in order: headings with their level, paragraphs, lists, tables' rows and cells."""
    return [
        f"{token.type.removesuffix('_open')} {token.tag}".strip()
        for token in tokens
        if token.nesting >= 0 and token.type != "inline"
    ]


def inlines(tokens: Iterable[Token]) -> Sequence[Token]:
    """The pieces of text in order."""
    return [token for token in tokens if token.type == "inline"]


def code_blocks(tokens: Iterable[Token]) -> Sequence[str]:
    """Fenced and indented ones, with the language that a fence states."""
    return [
        f"{token.info}\n{token.content}"
        for token in tokens
        if token.type in ("fence", "code_block")
    ]
