"""Files that the real tools wrote."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Rejected, Run
from tests.exporter.wired import Wired
from tests.paths import SAMPLES

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the tools' own results are not at {SAMPLES}")
SPEEDUP = {"percentile": "p50", "baseline_version": "v0.3.0"}


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "format_name", "run_id"),
    [
        ("perf_suite-pass.json", "perf_suite", "20250901T045919Z"),
        ("perf_suite-slow.json", "perf_suite", "20261123T221933Z"),
        ("perf_guard-fail.json", "perf_guard", "20261123T221933Z"),
        ("bench_guard-fail.json", "bench_guard", "20261123T132339Z"),
    ],
)
def test_each_is_recognised(name: str, format_name: str, run_id: str) -> None:
    run = parse(sample(name))
    assert isinstance(run, Run)
    assert (run.format, run.run_id) == (format_name, run_id)


def test_a_pass_then_a_slow_run_then_its_verdict(wired: Wired) -> None:
    wired.take("pass.json", sample("perf_suite-pass.json"))
    assert wired.value("speedup_ratio", benchmark_name="strataregula", **SPEEDUP) == pytest.approx(16.5856, abs=1e-4)
    assert wired.value("benchmark_gate_passed", benchmark_name="strataregula", criterion="overall") == 1
    wired.take("slow.json", sample("perf_suite-slow.json"))
    wired.take("guard.json", sample("perf_guard-fail.json"))
    assert wired.value("speedup_ratio", benchmark_name="strataregula", **SPEEDUP) == pytest.approx(6.8817, abs=1e-4)
    assert wired.value("benchmark_gate_passed", benchmark_name="strataregula", criterion="overall") == 0
    assert wired.value("performance_regressions_total", benchmark_name="strataregula", severity="critical") == 1
    assert wired.value("benchmark_runs_total", benchmark_name="strataregula", environment="github-hosted") == 2


def test_bench_guards_benchmarks_fail_by_its_own_rule(wired: Wired) -> None:
    wired.take("guard.json", sample("bench_guard-fail.json"))
    config = json.loads(sample("bench_guard-fail.json"))["config"]
    for name, part in json.loads(sample("bench_guard-fail.json"))["benchmarks"].items():
        passed = part["ratio"] >= config["min_ratio"] and part["fast"]["p95_us"] <= config["max_p95_us"]
        assert wired.value("benchmark_gate_passed", benchmark_name=name, criterion="overall") == passed
        assert wired.value("speedup_ratio", benchmark_name=name, **SPEEDUP) == part["ratio"]
    assert wired.value("performance_regression_active", benchmark_name="pattern_expansion", severity="critical") == 1


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_every_beginning_of_each_is_truncated(path: Path) -> None:
    whole = path.read_bytes()
    for end in range(0, len(whole.rstrip()), max(1, len(whole) // 500)):
        with pytest.raises(Rejected) as caught:
            parse(whole[:end])
        assert caught.value.reason == "truncated"
