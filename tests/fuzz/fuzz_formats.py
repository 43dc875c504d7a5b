"""Hostile documents against the parser: each is accepted or rejected with a reason, within a second, and nothing else ever happens.

The documents are the golden ones, changed where their structure is (values, keys, whole parts of one another) and where their bytes are.
What document a number stands for follows from the seed alone: `--only NUMBER` writes it to standard output.
"""

import argparse
import json
import math
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache

import msgspec

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Rejected, RejectionReason
from tests.support.paths import REPOSITORY

LIMIT_SECONDS = 1.0
HANG_SECONDS = 300  # for a chunk
CHUNK_DOCUMENTS = 2000
PROGRESS_DOCUMENTS = 100_000
FAILURES_SHOWN = 10
# What a document can be rejected for; the other reasons are about files.
REASONS: frozenset[RejectionReason] = frozenset(
    {"malformed_json", "truncated", "not_utf8", "not_finite", "invalid_value", "unknown_format"}
)

# Numbers that Python's own encoder cannot write stand in a document as this text around a number's, until it has been written.
RAW = "\N{OBJECT REPLACEMENT CHARACTER}"
VALUES: Sequence[object] = (
    *(
        None,
        True,
        False,
        0,
        -0.0,
        -1,
        1,
        0.5,
        2**31,
        2**53 + 1,
        2**63,
        2**64,
        -(2**63) - 1,
        10**300,
    ),
    *(5e-324, 1e-15, 1e15, 1e16, 1.7976931348623157e308, math.nan, math.inf, -math.inf),
    *(
        f"{RAW}{number}{RAW}"
        for number in (
            "1e400",
            "-1e400",
            "1e-400",
            "9" * 5000,
            "0." + "3" * 5000,
            "01",
            "+1",
            ".5",
            "0x10",
        )
    ),
    *(
        "",
        " ",
        "0",
        "a",
        '"',
        "\\",
        "\n",
        "\r\n\t",
        "\0",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\ud800",
        "\udc00\ud800",
        "é",
        "e\u0301",
    ),
    *(
        "\N{GRINNING FACE}",
        "\N{RIGHT-TO-LEFT OVERRIDE}abc",
        "x" * 1024,
        "x" * 1025,
        "\N{GRINNING FACE}" * 1024,
        "{}",
        "$.a[0]",
        "` - at `$.x`",
    ),
    *(
        "2026-03-01T12:00:00",
        "2026-03-01T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-14:00",
        "2026-02-30T00:00:00Z",
    ),
    *(
        "1969-12-31T23:59:59Z",
        "2026-03-01 21:00:00 JST",
        "2026-03-01 21:00:00 XYZ",
        "2026-06-30T23:59:60Z",
        "\u0662026-03-01T12:00:00Z",
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        {"": ""},
        {"a": None},
        [None] * 1000,
        [0.001] * 1000,
        {str(number): number for number in range(1000)},
    ),
)


@dataclass
class Tally:
    """What became of documents: how many by outcome, the slowest with its number, and what must not happen."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.failures += other.failures


def fuzz(seed: int, numbers: range) -> Tally:
    """Parses the documents of these numbers in this process, which ends where that never does."""
    # Not handled: a parser that hangs in C would never come back to handle it.
    signal.alarm(HANG_SECONDS)
    tally = Tally()
    for number in numbers:
        data = document(seed, number)
        started = time.perf_counter()
        outcome, failure = _outcome(data)
        seconds = time.perf_counter() - started
        if (
            seconds > LIMIT_SECONDS
        ):  # once more by the CPU's time, which no other load on the machine changes
            started = time.process_time()
            _outcome(data)
            seconds = time.process_time() - started
            failure = f"took {seconds:.2f} s" if seconds > LIMIT_SECONDS else failure
        tally.outcomes[outcome] += 1
        tally.slowest = max(tally.slowest, (seconds, number))
        if failure:
            tally.failures.append(f"document {number}: {failure}")
    signal.alarm(0)
    return tally


def _outcome(data: bytes) -> tuple[str, str | None]:
    """The format or reason, and what is wrong with it."""
    try:
        accepted = parse(data)
    except Rejected as rejected:
        whole = (
            rejected.reason in REASONS
            and rejected.detail.strip()
            and rejected.json_path.startswith(("$", "key in $"))
        )
        return rejected.reason, None if whole else f"a rejection that says too little: {rejected}"
    except BaseException as error:
        return "raised", f"{type(error).__name__}: {error}"
    return f"accepted as {accepted.format}", next(_unusable(msgspec.to_builtins(accepted)), None)


def _unusable(value: object) -> Iterator[str]:
    """What a metric or a label cannot be."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _unusable(key)
            yield from _unusable(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _unusable(item)
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"accepted with {value}"
    elif isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        yield f"accepted with {value!r}"


def document(seed: int, number: int) -> bytes:
    """The document of a number: one by chance, or from -1 downwards one of the extremes."""
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
    if chance.random() < 0.4:
        for _ in range(chance.choice((1, 1, 2, 5))):
            data = _bytes_changed(chance, data)
    return data


@cache
def _corpus() -> tuple[Sequence[bytes], Sequence[bytes]]:
    """The golden documents, and those among them that Python can read."""
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
    """Documents too large or deep to be made by chance: ten megabytes is what a file may have."""
    size, (texts, _) = 10 * 1024 * 1024, _corpus()
    start = texts[0].rstrip().removesuffix(b"}")
    bodies = [
        *(
            b"[" * size,
            b'{"a":' * (size // 5),
            b"[" * (size // 2) + b"]" * (size // 2),
            b'{"a":' * 1000 + b"1" + b"}" * 1000,
        ),
        *(
            b"9" * size,
            b"0." + b"9" * size,
            b"1" + b"0" * size + b"e-" + b"9" * 100,
            b'"' + b"x" * size + b'"',
            b'"' + b"\\ud800" * (size // 6),
        ),
        *(
            b'"' + b"\\u0000" * (size // 6) + b'"',
            b" " * size,
            b"\0" * size,
            b"\xff" * size,
            b"[" + b"null," * (size // 5) + b"NaN]",
            b'["' + b"x" * size + b'", NaN]',
        ),
        *(
            b"{" + b'"a":1,' * (size // 6) + b'"a":NaN}',
            b"{" + b",".join(b'"%d":1' % number for number in range(size // 12)) + b"}",
        ),
    ]
    return [
        *bodies,
        *(start + b', "benchmarks": ' + body + b"}" for body in bodies),
        *(b'{"schema": ' + body + b"}" for body in bodies),
    ]


def _places(tree: object) -> list[tuple[dict[str, object] | list[object], str | int]]:
    """Every container's every key or index."""
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
    places = _places(tree)
    if not places or chance.random() < 0.02:
        return deepcopy(chance.choice(VALUES))  # the next change is made in place
    container, key = chance.choice(places)
    value = container[key]  # type: ignore[index]  # the key is the container's own
    way = chance.randrange(9)
    if way == 0:
        del container[key]  # type: ignore[arg-type]  # as above
        return tree
    if way == 1 and isinstance(container, dict):  # another name, or one more
        container[chance.choice([*_keys(), str(chance.choice(VALUES))[:2000]])] = (
            container.pop(str(key)) if chance.random() < 0.5 else value
        )
        return tree
    if way == 2:  # a part of another document
        other, other_key = chance.choice(_places(json.loads(chance.choice(_corpus()[1]))))
        new = deepcopy(other[other_key])  # type: ignore[index]  # as above
    elif way == 3 and isinstance(value, int | float):
        new = value * chance.choice((-1, 1e-12, 1e-3, 1e3, 1e12))
    elif way == 4 and isinstance(value, str):
        cut = chance.randrange(len(value) + 1)
        new = value[:cut] + str(chance.choice(VALUES))[:2000] + value[cut:]
    elif way == 5:
        new = [value] * chance.choice((1, 2, 4))  # no more: the next change may multiply it again
    elif way == 6:
        new = value
        for _ in range(chance.choice((1, 10, 150))):
            new = {"a": new} if chance.random() < 0.5 else [new]
    else:
        new = deepcopy(chance.choice(VALUES))
    container[key] = new  # type: ignore[index]  # as above
    return tree


@cache
def _keys() -> list[str]:
    return sorted(
        {
            key
            for text in _corpus()[1]
            for _, key in _places(json.loads(text))
            if isinstance(key, str)
        }
    )


def _written(chance: random.Random, tree: object) -> bytes:
    text = json.dumps(tree, ensure_ascii=chance.random() < 0.5)
    for quoted in (f'"{RAW}', f'{RAW}"', json.dumps(RAW)[:-1], json.dumps(RAW)[1:]):
        text = text.replace(quoted, "")
    if chance.random() < 0.05:  # a key that stands twice
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
        return (
            data[:start]
            + chance.choice(
                (
                    b'"',
                    b"{",
                    b"}",
                    b"[",
                    b"]",
                    b",",
                    b":",
                    b"\\",
                    b"\xff",
                    b"\xed\xa0\x80",
                    b"\0",
                    b"-",
                    b"e9",
                )
            )
            + data[start:]
        )
    return data[:start] + bytes(byte ^ 1 << chance.randrange(8) for byte in middle) + data[end:]


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Parses changed documents and fails on what is neither accepted nor rejected with a reason."
    )
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument(
        "--only",
        type=int,
        metavar="NUMBER",
        help="write the document of a number to standard output",
    )
    options = parser.parse_args()
    if options.only is not None:
        sys.stdout.buffer.write(document(options.seed, options.only))
        return 0
    print(f"seed {options.seed}", flush=True)
    started, tally = time.monotonic(), Tally()
    starts = range(0, options.documents, CHUNK_DOCUMENTS)
    chunks = [
        range(-len(extremes()), 0),
        *(range(start, min(start + CHUNK_DOCUMENTS, options.documents)) for start in starts),
    ]
    with ProcessPoolExecutor(options.processes) as pool:
        for done, part in zip(
            chunks, pool.map(fuzz, [options.seed] * len(chunks), chunks), strict=True
        ):
            tally.add(part)
            if done.stop and done.stop % PROGRESS_DOCUMENTS == 0:
                print(
                    f"{done.stop:,} of {options.documents:,}, {len(tally.failures)} failures",
                    file=sys.stderr,
                    flush=True,
                )
    seconds = time.monotonic() - started
    print(
        f"{options.documents} documents in {seconds:.1f} s, {options.documents / seconds:.0f} a second, making them included"
    )
    print(f"slowest: {tally.slowest[0]:.3f} s, document {tally.slowest[1]}")
    for outcome, count in tally.outcomes.most_common():
        print(f"{count:>9}  {outcome}")
    for failure in tally.failures[:FAILURES_SHOWN]:
        print(failure, file=sys.stderr)
    print(f"{len(tally.failures)} failures")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
