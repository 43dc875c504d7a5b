"""What the tests of the `resources` part share."""

import pytest

from benchmark_exporter.metrics.live import LiveProgress
from benchmark_exporter.stream.hub import Lag, StreamFigures
from benchmark_exporter.stream.process_usage import ProcessUsage


@pytest.fixture
def progress() -> LiveProgress:
    """A benchmark that runs, one that calls itself what only the host is called, and a stream."""
    usages = [
        ProcessUsage(
            "bench", {"current": 40.5, "warmup": 64.0}, {"all": 97.5, "3": 97.5}, "router"
        ),
        ProcessUsage("system", {"current": 1.0}, {"0": 1.0}, "router"),
    ]
    lag = Lag((0.005, 0.05), (1, 2, 1), 0.75)
    stream = StreamFigures(4, {"progress": 9, "gap": 1}, 5, lag)
    return LiveProgress({"router": 2}, usages, {"not_json": 3}, stream)
