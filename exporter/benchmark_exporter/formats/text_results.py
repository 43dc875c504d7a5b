"""Results that a tool has printed as text, and which of its options writes JSON instead."""

import re
from typing import NamedTuple

from benchmark_exporter.model import Rejected

# How far into a file its kind shows.
SEARCHED_BYTES = 4096

_KINDS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), what)
    for pattern, what in (
        (
            rb"Time \(mean . .{1,3}\):|^Benchmark #?\d+: |^\| Command \| Mean|^command,mean,",
            "what hyperfine prints; its option --export-json FILE writes JSON",
        ),
        (
            rb"^Benchmark +Time +CPU|^name,iterations,real_time|^Run on \(\d+ X ",
            (
                "what Google Benchmark prints; its options --benchmark_out=FILE "
                "--benchmark_out_format=json write JSON"
            ),
        ),
        (
            rb"^# JMH version|^Benchmark .*Mode +Cnt +Score|^\"?Benchmark\"?,\"?Mode\"?,",
            "what JMH prints; its options -rf json -rff FILE write JSON",
        ),
        (
            rb"^-+ benchmark.*: \d+ tests|^Name \(time in |^name,min,max,mean",
            "what pytest-benchmark prints; its option --benchmark-json=FILE writes JSON",
        ),
        (
            rb"^goos: |^ok  \t",
            "what go test prints without a benchmark; its option -bench=. measures",
        ),
        (
            rb"^benchmark name +samples +iterations",
            "what Catch2 prints; its option --reporter xml writes XML, which is read",
        ),
        (
            rb"^.+ x [\d,.]+ ops/sec \xc2\xb1",
            "what benchmark.js prints; write an array of name, unit and value",
        ),
        (
            rb"\A\s*window\.BENCHMARK_DATA",
            "the history of github-action-benchmark; let the tool write its results themselves",
        ),
        (rb"\A\s*<(?:\?xml|!DOCTYPE|html|testsuite)", "XML or HTML; let the tool write JSON"),
        (rb"\A(?:---\s|[\w-]+: )", "YAML or text; let the tool write JSON"),
    )
)


class Printed(NamedTuple):
    """The text of a file that is not JSON, and its rejection if no format reads such text."""

    text: str
    rejected: Rejected


def hint(data: bytes) -> str | None:
    """What a file that is not JSON looks like, and how to get JSON; None if that is not known."""
    start = data[:SEARCHED_BYTES]
    return next((what for pattern, what in _KINDS if pattern.search(start)), None)
