"""Parses hostile documents: each must be accepted or rejected with a reason, within a second.

Failures give the document's number; `--seed SEED --only NUMBER` writes it to standard output.
"""

import argparse
import math
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import msgspec

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Rejected, RejectionReason
from tests.fuzz.hostile_documents import document, extremes

LIMIT_SECONDS = 1.0
HANG_SECONDS = 300  # for a chunk
CHUNK_DOCUMENTS = 2000
PROGRESS_DOCUMENTS = 100_000
FAILURES_SHOWN = 10
# Reasons to reject a document; the other reasons concern files.
REASONS: frozenset[RejectionReason] = frozenset(
    {"malformed_json", "truncated", "not_utf8", "not_finite", "invalid_value", "unknown_format"}
)


@dataclass
class Tally:
    """Documents by outcome, the slowest with its number, and the failures."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.failures += other.failures


def fuzz(seed: int, numbers: range) -> Tally:
    """Parses the documents of these numbers; ends this process if the parser hangs."""
    # The signal has no handler, because a parser that hangs in C would never return to run it.
    signal.alarm(HANG_SECONDS)
    tally = Tally()
    for number in numbers:
        data = document(seed, number)
        started = time.perf_counter()
        outcome, failure = _outcome(data)
        seconds = time.perf_counter() - started
        if seconds > LIMIT_SECONDS:
            # Again by CPU time, which other load on the machine does not change.
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
    """The format or reason, and what is wrong with the outcome."""
    try:
        accepted = parse(data)
    except Rejected as rejected:
        whole = (
            (rejected.reason in REASONS or rejected.reason == "too_large")  # without its gzip
            and rejected.detail.strip()
            and rejected.json_path.startswith(("$", "key in $"))
        )
        return rejected.reason, None if whole else f"an incomplete rejection: {rejected}"
    except BaseException as error:
        return "raised", f"{type(error).__name__}: {error}"
    return f"accepted as {accepted.format}", next(_unusable(msgspec.to_builtins(accepted)), None)


def _unusable(value: object) -> Iterator[str]:
    """What neither a metric nor a label can be."""
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


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Parses changed documents and fails on any that is neither accepted nor "
        "rejected with a reason."
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
    return parser.parse_args()


def fuzz_in_processes(seed: int, documents: int, processes: int) -> Tally:
    """Parses the extremes and so many random documents, and reports progress on standard error."""
    tally = Tally()
    starts = range(0, documents, CHUNK_DOCUMENTS)
    chunks = [
        range(-len(extremes()), 0),
        *(range(start, min(start + CHUNK_DOCUMENTS, documents)) for start in starts),
    ]
    with ProcessPoolExecutor(processes) as pool:
        parts = pool.map(fuzz, [seed] * len(chunks), chunks)
        for chunk, part in zip(chunks, parts, strict=True):
            tally.add(part)
            if chunk.stop and chunk.stop % PROGRESS_DOCUMENTS == 0:
                print(
                    f"{chunk.stop:,} of {documents:,}, {len(tally.failures)} failures",
                    file=sys.stderr,
                    flush=True,
                )
    return tally


def main() -> int:
    chosen = options()
    if chosen.only is not None:
        sys.stdout.buffer.write(document(chosen.seed, chosen.only))
        return 0
    print(f"seed {chosen.seed}", flush=True)
    started = time.monotonic()
    tally = fuzz_in_processes(chosen.seed, chosen.documents, chosen.processes)
    seconds = time.monotonic() - started
    rate = chosen.documents / seconds
    print(f"{chosen.documents} documents made and parsed in {seconds:.1f} s, {rate:.0f} a second")
    print(f"slowest: {tally.slowest[0]:.3f} s, document {tally.slowest[1]}")
    for outcome, count in tally.outcomes.most_common():
        print(f"{count:>9}  {outcome}")
    for failure in tally.failures[:FAILURES_SHOWN]:
        print(failure, file=sys.stderr)
    print(f"{len(tally.failures)} failures")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
