"""Numbers that JSON does not have, in every spelling that a tool writes.

C++ streams write `nan`, `-nan` and `inf`, Microsoft's older ones `1.#INF` and `-1.#IND`, glibc's
`nan(0x1)`, and JavaScript, Python and newer tools `NaN` and `Infinity`.
"""

import re
from collections.abc import Callable, Iterator

# What each spelling has in it, in lower case.
_MARKS = (b"nan", b"inf", b"1.#")
_NUMBER = re.compile(
    rb"(?<![\w.])(?P<sign>[-+]?)"
    rb"(?:(?P<nan>[sq]?nan(?:\([^()\"\n]{0,40}\))?|1\.#(?:q?nan|snan|ind)\d*)"
    rb"|inf(?:inity)?|1\.#inf\d*)(?!\w)",
    re.IGNORECASE,
)
# No tool writes so many: a file with more of them is read as if they were none.
MAX_NUMBERS = 100_000
_BEFORE_MARK = b"+-sSqQ"
_TEXT = re.compile(_NUMBER.pattern.decode(), re.IGNORECASE)
# The first letters of one, at the end of the file. Those of `null` and `nan` are alike.
_BEGUN = re.compile(
    rb"(?<![\w.])[-+]?"
    rb"(?:n|na|i|in|inf|infi|infin|infini|infinit|[sq]?nan\([^()\"\n]{0,40}|1\.#\w*)\Z",
    re.IGNORECASE,
)
_BEGUN_CHARACTERS = 64


def nulled(data: bytes) -> bytes:
    """The document with null in their places; the document itself if there are none."""
    return _replaced(data, lambda _: b"null")


def quoted(data: bytes) -> bytes:
    """The document with strings in their places, for what has to tell them from null."""
    return _replaced(data, lambda found: b'"NaN"' if found["nan"] else b'"Infinity"')


def respelled(data: bytes) -> bytes:
    """The document with these numbers as Python's decoder reads them: NaN and Infinity."""
    return _replaced(data, _python_word)


def zeroed(data: bytes) -> bytes:
    """The document with zeros in their places, of the same length, and without a begun one."""
    whole = _replaced(data, lambda found: b"0".ljust(len(found[0])))
    begun = _BEGUN.search(whole, max(0, len(whole) - _BEGUN_CHARACTERS))
    if begun is None or _without_escapes(whole).count(b'"', 0, begun.start()) % 2:
        return whole
    return whole[: begun.start()]


def is_non_json_number(text: str) -> bool:
    """Whether a text is one of these numbers."""
    return len(text) < 64 and _TEXT.fullmatch(text) is not None


def _replaced(data: bytes, replacement: Callable[["re.Match[bytes]"], bytes]) -> bytes:
    parts, end = list[bytes](), 0
    for found in _outside_strings(data):
        parts += data[end : found.start()], replacement(found)
        end = found.end()
    return b"".join((*parts, data[end:])) if parts else data


def _outside_strings(data: bytes) -> Iterator["re.Match[bytes]"]:
    """The numbers in order. An odd number of quotes precedes what is inside a string."""
    lowered = data.lower()
    if sum(map(lowered.count, _MARKS)) > MAX_NUMBERS:
        return
    starts = sorted(start for mark in _MARKS for start in _starts(lowered, mark))
    if not starts:
        return
    plain, quotes, end = _without_escapes(data), 0, 0
    for start in starts:
        if start < end:
            continue
        quotes, end = quotes + plain.count(b'"', end, start), start
        if quotes % 2:
            continue
        begin = start
        while begin and data[begin - 1] in _BEFORE_MARK and start - begin < 2:
            begin -= 1
        if found := _NUMBER.match(data, begin):
            yield found
            end = found.end()


def _starts(data: bytes, mark: bytes) -> Iterator[int]:
    start = data.find(mark)
    while start >= 0:
        yield start
        start = data.find(mark, start + 1)


def _without_escapes(data: bytes) -> bytes:
    """The document without escaped quotes, of the same length, so that each is a string's end."""
    return data.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in data else data


def _python_word(found: "re.Match[bytes]") -> bytes:
    if found["nan"]:
        return b"NaN"
    return b"-Infinity" if found["sign"] == b"-" else b"Infinity"
