"""perf_guard: perf_suite's document again, with the outcome of its gate.

It is the same run, so it amends that run's gate.
"""

import msgspec

from benchmark_exporter.formats import perf_suite
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import Run

NAME = "perf_guard"


def matches(document: object) -> bool:
    gate = document.get("gate") if isinstance(document, dict) else None
    return (
        perf_suite.matches(document)
        and isinstance(gate, dict)
        and gate.get("verdict", "PENDING") != "PENDING"
    )


def parse(document: object, _: Origin) -> Run:
    return perf_suite.to_run(msgspec.convert(document, perf_suite.PerfSuiteDocument), NAME)
