"""The made-up benchmark `orbit`, and what the stack says of it."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stack.demo_documents import PerfSuiteBenchmark, perf_suite_document
from stack.settings import EXPORTER
from tests.stack.backends import Backend, get_text, query
from tests.support.process import shown_value

FAST = PerfSuiteBenchmark("orbit", 0.05, 1.0, 0.0)  # 20 times faster than its reference
SLOW = PerfSuiteBenchmark("orbit", 0.20, 1.0, 0.0)  # 5 times


def drop(backend: Backend, name: str, document: Mapping[str, Any] | bytes) -> float:
    """Writes a result in place, as perf_suite does; gives the Unix time of its completion."""
    data = document if isinstance(document, bytes) else json.dumps(document, indent=2).encode()
    (backend.settings.results_dir / name).write_bytes(data)
    return time.time()


def run_of(benchmark: PerfSuiteBenchmark, number: int) -> dict[str, Any]:
    """A run whose samples are all alike."""
    return perf_suite_document(
        benchmark, f"{number:07x}", datetime.now(UTC), lambda _mean, _sigma: 1.0
    )


def value(backend: Backend, expression: str) -> float | None:
    """The value of the one series of an instant query."""
    series = query(backend.settings, expression)
    return float(series[0]["value"][1]) if len(series) == 1 else None


def counter(backend: Backend, series: str) -> float:
    """What the exporter itself shows for the series with these labels; 0 if it has none."""
    shown = get_text(EXPORTER.url(backend.settings, "/metrics"))
    return shown_value(shown, series) or 0.0
