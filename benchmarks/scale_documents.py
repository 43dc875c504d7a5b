"""What is sent in benchmarks.scale: results of many benchmarks, and the peers' figures of them.

Measurements vary by up to 2 %, so that nothing is a regression, but for the gate of every tenth run
of perf_suite's shape.
"""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks import documents

SUITE = 5  # benchmarks in a document of Google Benchmark's, as many as the smallest number has
_FIRST_RUN = datetime(2026, 1, 1, tzinfo=UTC)
# What a document of perf_suite's shape states: the names are those of its fields.
_FIGURES = (
    "compiled_p50_ms",
    "compiled_p95_ms",
    "fallback_p50_ms",
    "fallback_p95_ms",
    "speedup_p50",
    "speedup_p95",
    "absolute_p95_ms",
    "cv",
    "n_samples",
)


def perf_suite(benchmark: int, number: int) -> bytes:
    """Return run `number` of one benchmark, with two results."""
    return documents.perf_suite(f"project-{benchmark:05}", number)


def google_benchmark(benchmarks: Sequence[int], number: int) -> bytes:
    """Return run `number` of several benchmarks of one executable, with two results each."""
    dice = random.Random(number)  # noqa: S311  # no secret
    entries = []
    for benchmark in benchmarks:
        nanoseconds = (100 + benchmark % 1000) * dice.uniform(0.99, 1.01)
        name = f"BM_Case/{benchmark:05}"
        entries.append(
            {
                "name": name,
                "run_name": name,
                "run_type": "iteration",
                "repetitions": 1,
                "repetition_index": 0,
                "threads": 1,
                "iterations": 1000,
                "real_time": nanoseconds,
                "cpu_time": nanoseconds * 0.98,
                "time_unit": "ns",
            }
        )
    context = {
        "date": (_FIRST_RUN + timedelta(seconds=number)).isoformat(),
        "host_name": "bench",
        "executable": "./suite",
        "num_cpus": 4,
        "library_build_type": "release",
    }
    return json.dumps({"context": context, "benchmarks": entries}, indent=2).encode()


def pushed(benchmark: int, number: int, *, grouping_labels: bool) -> bytes:
    """Return the figures of run `number` as exposition text, with the number as one of them.

    Pushgateway adds job and instance itself; a text file needs them in the text.
    """
    labels = f'{{job="bench",instance="project-{benchmark:05}"}}' if grouping_labels else ""
    lines = []
    for figure in (*_FIGURES, "run_number"):
        name = f"bench_{figure}"
        value = number if figure == "run_number" else 0.05 * (1 + number % 100 / 1000)
        lines += [f"# HELP {name} Of the newest run.", f"# TYPE {name} gauge"]
        lines.append(f"{name}{labels} {value}")
    return "".join(f"{line}\n" for line in lines).encode()
