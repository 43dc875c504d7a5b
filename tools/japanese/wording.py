"""How Japanese is written here: spaces, line ends, digits and the words of docs/ja/glossary.md."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

_KANA_AND_KANJI = "ぁ-ゖァ-ヺー々一-鿿"
_NEXT_TO_EACH_OTHER = re.compile(
    rf"[{_KANA_AND_KANJI}][A-Za-z0-9`(]|[A-Za-z0-9`)%][{_KANA_AND_KANJI}]"
)
_BESIDE_PUNCTUATION = re.compile(
    r"(?<=[、。「」（）：]) (?=[^|\s])|(?<=[^|\s-]) (?=[、。「」（）：])"
)
_FULL_WIDTH = re.compile(r"[０-９Ａ-Ｚａ-ｚ％]")
_ADDRESS_WITHOUT_SPACE = re.compile(r"https?://[^\s`]*?[^\x00-\x7f]")
_FENCE = re.compile(r"^ *(```|~~~)")


def wording_faults(repository: Path, path: Path) -> Sequence[str]:
    """What breaks the rules of the glossary's last section, as `PAGE:LINE: fault`."""
    name = path.relative_to(repository)
    avoided = avoided_words(repository / "docs/ja/glossary.md")
    is_glossary = name.as_posix() == "docs/ja/glossary.md"
    lines = _prose(path.read_text(encoding="utf-8"))
    return [
        f"{name}:{number}: {fault}"
        for number, line in lines.items()
        for fault in _faults(line, {} if is_glossary else avoided)
    ] + [
        f"{name}:{second}: the line before ends within a phrase"
        for first, second in pairwise(lines)
        if second == first + 1 and _breaks_within_a_phrase(lines[first], lines[second])
    ]


def avoided_words(glossary: Path) -> Mapping[str, str]:
    """Each word that is not to be used, with the one to use."""
    if not glossary.is_file():
        return {}
    table = glossary.read_text(encoding="utf-8").partition("| 使う | 使わない |\n")[2]
    rows = re.findall(r"^\| ([^|-][^|]*) \| ([^|]+) \|$", table, re.MULTILINE)
    return {word: used for used, words in rows for word in words.split("、")}


def _faults(line: str, avoided: Mapping[str, str]) -> Iterator[str]:
    marked = re.sub(r"\]\([^()\s]+\)", "", line).replace("[", "").replace("]", "")
    marked = re.sub(r"`[^`]*`", "``", marked)
    # Bold text that ends in punctuation needs a space after it, or it is not bold.
    if _BESIDE_PUNCTUATION.search(re.sub(r"https?://\S+ ", "", marked)):
        yield "a space beside punctuation"
    plain = marked.replace("**", "")
    yield from (f"no space in {each!r}" for each in _NEXT_TO_EACH_OTHER.findall(plain))
    yield from (f"full-width {each!r}" for each in _FULL_WIDTH.findall(plain))
    if found := _ADDRESS_WITHOUT_SPACE.search(plain):
        yield f"no space after the address {found[0][:-1]}"
    for word, used in avoided.items():
        # サーバ is one of サーバー.
        if re.search(rf"{word}(?!ー)", plain):
            yield f"{word!r} instead of {used!r}"


def _prose(text: str) -> Mapping[int, str]:
    """Lines by number, without code blocks and the record at the end."""
    lines, is_fenced = {}, False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("<!--"):
            break
        if _FENCE.match(line):
            is_fenced = not is_fenced
        elif not is_fenced and line.strip() and not line.startswith("    "):
            lines[number] = line
    return lines


def _breaks_within_a_phrase(first: str, second: str) -> bool:
    if first.lstrip().startswith(("|", "#")) or re.match(r"\s*([|#-]|\d+\.) ?", second):
        return False
    ends = re.search(rf"[{_KANA_AND_KANJI}]$", first)
    return bool(ends and re.match(rf"\s*[{_KANA_AND_KANJI}]", second))
