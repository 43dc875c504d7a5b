"""Results that a tool has printed as text, and which of its options writes JSON instead."""

import re
from typing import NamedTuple

from benchmark_exporter.model import Rejected

# How far into a file its kind shows.
SEARCHED_BYTES = 4096

_ARRAY = "write an array of objects with name, unit and value"
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
            f"what benchmark.js prints; {_ARRAY}",
        ),
        (
            rb"^ +execution: (?:local|cloud)|^ +http_req_duration\.+: ",
            "what k6 prints; its option --summary-export=FILE writes JSON",
        ),
        (
            rb"^// Validating benchmarks|^BenchmarkDotNet[ =]v|^\| +Method +\|",
            "what BenchmarkDotNet prints; its option --exporters json writes JSON",
        ),
        (
            rb"^ +(?:RUN|DEV) +v\d|^ *BENCH +Summary|name +hz +min +max",
            "what vitest prints; its option --outputJson FILE writes JSON",
        ),
        (
            rb"^clk: ~|^cpu: .*\n+runtime: |^benchmark +(?:time \(avg\)|avg \(min)",
            "what mitata prints; run({format: {json: {samples: false}}}) writes JSON",
        ),
        (
            rb"\xe2\x94\x82 +'?Task [Nn]ame",
            "what tinybench's table shows; JSON.stringify(bench.table()) writes JSON",
        ),
        (
            rb"^Running \S+ test @ \S+\n\d+ connections",
            "what autocannon prints; its option -j writes JSON",
        ),
        (
            rb"^Summary:\s+Success rate:",
            "what oha prints; its option --output-format json writes JSON",
        ),
        (
            rb"^Requests +\[total, rate|^Bucket +# +%",
            "what vegeta prints; its option -type=json writes JSON",
        ),
        (
            rb"^\S.*: \(g=\d+\): rw=|^\S.*: \(groupid=\d+, jobs=\d+\)",
            "what fio prints; its options --output-format=json --output=FILE write JSON",
        ),
        (
            rb"^\[ *\d+\.\d+%\] \xc2\xb7|^\xc2\xb7 ",
            "what asv prints; the files of its results folder are read",
        ),
        (rb": Mean \+- std dev: ", "what pyperf prints; its option -o FILE writes JSON"),
        (
            rb"^\|.* (?:[num]?s|\xc2\xb5s)/(?:op|\w+) \|.* err% \|",
            "what nanobench prints; its template json() writes JSON",
        ),
        (
            rb"^(?:\d+-element )?BenchmarkTools\.",
            'what BenchmarkTools shows; BenchmarkTools.save("x.json", results) writes JSON',
        ),
        (
            rb"^group,function,value,throughput_num",
            "what criterion keeps for other programs; its estimates.json is read",
        ),
        (rb"^ +Instructions: +\d", f"what gungraun or iai prints; {_ARRAY}"),
        (rb"^Timer precision: .*\n.* fastest ", f"what divan prints; {_ARRAY}"),
        (rb"^This is ApacheBench", f"what ab prints; {_ARRAY}"),
        (
            rb"\A\s*window\.BENCHMARK_DATA",
            "the history of github-action-benchmark; bring it in with benchmark-exporter import",
        ),
        (rb"\A\s*<(?:\?xml|!DOCTYPE|html|testsuite)", "XML or HTML; let the tool write JSON"),
        (rb"\A(?:---\s|[\w-]+: )", "YAML or text; let the tool write JSON"),
    )
)


class Printed(NamedTuple):
    """The text of a file that is not JSON, and why it is not: if no format reads such text."""

    text: str
    rejected: Rejected


def with_hint(rejected: Rejected, data: bytes) -> Rejected:
    """The rejection of a file that is not JSON, which says what it is if that is known."""
    start = data[:SEARCHED_BYTES]
    for pattern, what in _KINDS:
        if rejected.reason == "malformed_json" and pattern.search(start):
            return Rejected("malformed_json", f"not JSON but {what}")
    return rejected
