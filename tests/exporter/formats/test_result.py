"""Our own format for raw samples."""

import pytest

from benchmark_exporter.model import Failure
from tests.support.parsing import run_of


def test_our_own_format_is_read_with_all_it_states() -> None:
    run = run_of("result/1-run")
    assert (run.project, run.environment, run.commit_hash, run.branch, run.run_id) == (
        "router",
        "self-hosted",
        "a1b2c3d",
        "main",
        "ci-17",
    )
    assert run.suite_duration_seconds == 61.5
    times, memory, hits = run.results
    assert times.samples == pytest.approx((0.001, 0.002, 0.003, 0.004, 0.005))
    assert times.statistics.p95 == pytest.approx(0.0048)
    assert (memory.unit, memory.better, memory.statistics.p50) == ("bytes", "lower", 65536)
    assert (hits.unit, hits.better) == ("ratio", "higher")
    assert run.failures == (Failure("rendering", "TypeError: no template"),)
