"""Hostile documents for the parser: the golden ones with changes.

Changes are made to their structure (values, keys, whole parts of one another) and to their bytes.
A seed and a number determine the document.
"""

import gzip
import json
import math
import random
from collections.abc import Sequence
from copy import deepcopy
from functools import cache

from tests.support.paths import REPOSITORY

# Numbers that Python's encoder cannot write are strings between two of these characters, which are
# removed, with the quotes, from the encoded document.
RAW = "\N{OBJECT REPLACEMENT CHARACTER}"
RAW_NUMBERS = (
    "1e400",
    "-1e400",
    "1e-400",
    "9" * 5000,
    "0." + "3" * 5000,
    "01",
    "+1",
    ".5",
    "0x10",
    *(
        "nan",
        "-nan",
        "-NaN",
        "nan(0x1)",
        "-nan(ind)",
        "inf",
        "+inf",
        "1.#INF",
        "-1.#IND",
        "1.#QNAN",
    ),
)
VALUES: Sequence[object] = [
    *(None, True, False),
    *(0, -0.0, -1, 1, 0.5, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**300),
    *(5e-324, 1e-15, 1e15, 1e16, 1.7976931348623157e308, math.nan, math.inf, -math.inf),
    *(f"{RAW}{number}{RAW}" for number in RAW_NUMBERS),
    *("", " ", "0", "a", '"', "\\", "\n", "\r\n\t", "\0", "\x7f", "\x85", "\u2028", "\ufeff"),
    *("\ud800", "\udc00\ud800", "é", "e\u0301"),
    *("\N{GRINNING FACE}", "\N{RIGHT-TO-LEFT OVERRIDE}abc"),
    *("x" * 1024, "x" * 1025, "\N{GRINNING FACE}" * 1024),
    *("{}", "$.a[0]", "` - at `$.x`"),
    "2026-03-01T12:00:00",
    "2026-03-01T12:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "2026-02-30T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-03-01 21:00:00 JST",
    "2026-03-01 21:00:00 XYZ",
    "2026-06-30T23:59:60Z",
    "\u0662026-03-01T12:00:00Z",
    *("2018/01/30-18:40:25", "03/31/26 10:00:00", "31/03/26 10:00:00", "13/13/13 25:61:61"),
    *("0/0/0 0:0:0", "99/99/9999 99:99:99 PM", "2026/11/28 10:00:00 +99:99"),
    *("nan", "-inf", "hr/op", "ops/day", "Mbps", "ops per second", "kiB", "x" * 5000),
    *([0, 1, None], [[1.0, 2]], [[[[1.0, 3], [2.0, 5]]]], [5e15, -1, 0.5], ["-Xmx1g"]),
    *([], {}, [[]], [{}], {"": ""}, {"a": None}),
    *([None] * 1000, [0.001] * 1000, {str(number): number for number in range(1000)}),
]
# What is inserted between bytes.
TOKENS = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\"),
    *(b"\xff", b"\xed\xa0\x80", b"\0", b"-", b"e9"),
)


def document(seed: int, number: int) -> bytes:
    """The random document of a number, or of the extremes for numbers from -1 downwards."""
    if number < 0:
        return extremes()[number]
    chance = random.Random((seed << 64) + number)  # noqa: S311  # documents, not secrets
    texts, readable = _corpus()
    if chance.random() < 0.75:
        tree = json.loads(chance.choice(readable))
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 6))):
            tree = _changed(chance, tree)
        data = _written(chance, tree)
    else:
        data = chance.choice(texts)
        if data not in readable or chance.random() < 0.1:
            data = _lines_changed(chance, data)
    if chance.random() < 0.4:
        for _ in range(chance.choice((1, 1, 2, 5))):
            data = _bytes_changed(chance, data)
    if chance.random() < 0.1:
        data = _stored(chance, data)
        if chance.random() < 0.3:
            data = _bytes_changed(chance, data)
    return data


def _lines_changed(chance: random.Random, data: bytes) -> bytes:
    """The document with some of its lines, and of the words in them, in another place or order."""
    lines = data.splitlines(keepends=True) or [b""]
    for _ in range(chance.choice((0, 1, 2, 5))):
        at, way = chance.randrange(len(lines)), chance.randrange(6)
        if way == 0 and len(lines) > 1:
            del lines[at]
        elif way == 1:
            lines[at:at] = [lines[at]] * chance.choice((1, 100))
        elif way == 2:  # a line of another document
            lines[at] = chance.choice(chance.choice(_corpus()[0]).splitlines(keepends=True))
        else:
            words = lines[at].split(b" ")
            word = str(chance.choice(VALUES))[:2000].encode("utf-8", "surrogatepass")
            words[chance.randrange(len(words))] = word.replace(RAW.encode(), b"")
            lines[at] = b" ".join(words)
    return b"".join(lines)


def _stored(chance: random.Random, data: bytes) -> bytes:
    """The document as a shell may store it: encoded, compressed, or with others after it."""
    way = chance.randrange(6)
    if way == 0:
        return b"\xef\xbb\xbf" + data
    if way in (1, 2):
        encoding = chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32"))
        return data.decode(errors="replace").encode(encoding)
    if way == 3:
        return gzip.compress(data, mtime=0)
    if way == 4:
        return data.replace(b"\n", b"\r\n")
    other = data if chance.random() < 0.7 else chance.choice(_corpus()[0])
    return data + chance.choice((b"", b"\n", b"\r\n", b",")) + other


@cache
def _corpus() -> tuple[Sequence[bytes], Sequence[bytes]]:
    """The golden documents, and those of them that Python's decoder accepts."""
    texts = [
        path.read_bytes() for path in sorted((REPOSITORY / "tests/exporter/golden").rglob("*.json"))
    ]
    return texts, [text for text in texts if _is_readable(text)]


def _is_readable(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@cache
def extremes() -> list[bytes]:
    """Documents too large or deep to arise at random; a file may have ten megabytes."""
    size, (texts, _) = 10 * 1024 * 1024, _corpus()
    start = texts[0].rstrip().removesuffix(b"}")
    bodies = [
        b"[" * size,
        b'{"a":' * (size // 5),
        b"[" * (size // 2) + b"]" * (size // 2),
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
        b"9" * size,
        b"0." + b"9" * size,
        b"1" + b"0" * size + b"e-" + b"9" * 100,
        b'"' + b"x" * size + b'"',
        b'"' + b"\\ud800" * (size // 6),
        b'"' + b"\\u0000" * (size // 6) + b'"',
        b" " * size,
        b"\0" * size,
        b"\xff" * size,
        b"[" + b"null," * (size // 5) + b"NaN]",
        b"[" + b"nan," * (size // 4) + b"nan]",
        b"[" + b"nan(" * (size // 4),
        b"[" + b"1.#INF," * (size // 7) + b'"nan',
        b'["' + b'\\"nan' * (size // 5) + b'", nan]',
        b"{}\n" * (size // 3),
        b"[]" * (size // 2) + b"[",
        b"[" + b"1e16," * (size // 5) + b"1]",
        gzip.compress(b"[" * (100 * 1024 * 1024), 9, mtime=0),
        gzip.compress(b"", mtime=0) * (size // 20),
        b"\xff\xfe" + b"[\0" * (size // 2),
        b"\xfe\xff" + b"\0 " * (size // 2),
        b'["' + b"x" * size + b'", NaN]',
        b"{" + b'"a":1,' * (size // 6) + b'"a":NaN}',
        b"{" + b",".join(b'"%d":1' % number for number in range(size // 12)) + b"}",
    ]
    return [
        *bodies,
        *(start + b', "benchmarks": ' + body + b"}" for body in bodies),
        *(b'{"schema": ' + body + b"}" for body in bodies),
    ]


def _positions(tree: object) -> list[tuple[dict[str, object] | list[object], str | int]]:
    """Every key or index of every container."""
    found: list[tuple[dict[str, object] | list[object], str | int]] = []
    stack = [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            found.extend((value, key) for key in value)
            stack.extend(value.values())
        elif isinstance(value, list):
            found.extend((value, index) for index in range(len(value)))
            stack.extend(value)
    return found


def _changed(chance: random.Random, tree: object) -> object:
    positions = _positions(tree)
    if not positions or chance.random() < 0.02:
        return deepcopy(chance.choice(VALUES))  # the next change is made in place
    container, key = chance.choice(positions)
    value = container[key]  # type: ignore[index]  # the key is the container's own
    way = chance.randrange(9)
    if way == 0:
        del container[key]  # type: ignore[arg-type]  # the key is the container's own
        return tree
    if way == 1 and isinstance(container, dict):  # another name, or one more
        container[chance.choice([*_keys(), str(chance.choice(VALUES))[:2000]])] = (
            container.pop(str(key)) if chance.random() < 0.5 else value
        )
        return tree
    if way == 2:  # a part of another document
        other, other_key = chance.choice(_positions(json.loads(chance.choice(_corpus()[1]))))
        new = deepcopy(other[other_key])  # type: ignore[index]  # the key is the container's own
    elif way == 3 and isinstance(value, int | float):
        new = value * chance.choice((-1, 1e-12, 1e-3, 1e3, 1e12))
    elif way == 4 and isinstance(value, str):
        cut = chance.randrange(len(value) + 1)
        new = value[:cut] + str(chance.choice(VALUES))[:2000] + value[cut:]
    elif way == 5:
        new = [value] * chance.choice(
            (1, 2, 4)
        )  # no more, since the next change may multiply it again
    elif way == 6:
        new = value
        for _ in range(chance.choice((1, 10, 150))):
            new = {"a": new} if chance.random() < 0.5 else [new]
    else:
        new = deepcopy(chance.choice(VALUES))
    container[key] = new  # type: ignore[index]  # the key is the container's own
    return tree


@cache
def _keys() -> list[str]:
    return sorted(
        {
            key
            for text in _corpus()[1]
            for _, key in _positions(json.loads(text))
            if isinstance(key, str)
        }
    )


def _written(chance: random.Random, tree: object) -> bytes:
    text = json.dumps(tree, ensure_ascii=chance.random() < 0.5)
    for quoted in (f'"{RAW}', f'{RAW}"', json.dumps(RAW)[:-1], json.dumps(RAW)[1:]):
        text = text.replace(quoted, "")
    if chance.random() < 0.05:  # a key that occurs twice
        text = text.replace(
            "{", f"{{{json.dumps(chance.choice(_keys()))}: {json.dumps(chance.choice(VALUES))}, ", 1
        )
    return text.encode("utf-8", "surrogatepass")


def _bytes_changed(chance: random.Random, data: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((0, 1, 1, 4, 64)))
    middle = data[start:end]
    way = chance.randrange(6)
    if way == 0:
        return data[:start]
    if way == 1:
        return data[:start] + data[end:]
    if way == 2:
        return data[:start] + middle * 3 + data[end:]
    if way == 3:
        return data[:start] + chance.randbytes(end - start) + data[end:]
    if way == 4:
        return data[:start] + chance.choice(TOKENS) + data[start:]
    return data[:start] + bytes(byte ^ 1 << chance.randrange(8) for byte in middle) + data[end:]
