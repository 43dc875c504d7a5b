"""The baseline file of the second perf_suite's regression test; not a run.

It holds the last run that passed, with which the test compares the next one. Of it, only the names
are read.
"""

import msgspec

from benchmark_exporter.formats.fields import LongName, objects_with
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import Baseline

NAME = "bench_suite_baseline"


def matches(document: object) -> bool:
    return isinstance(document, dict) and objects_with(
        ("mean_us", "p95_us", "ops_per_second"), document
    )


def parse(raw: object, _: Origin) -> Baseline:
    return Baseline(NAME, tuple(msgspec.convert(raw, dict[LongName, object])))
