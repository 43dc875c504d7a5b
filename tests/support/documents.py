"""Documents as the benchmark tools write them, with values that the tests choose."""

import copy
import json
from typing import Any

from tests.support.paths import REPOSITORY

Json = dict[str, Any]


def golden(name: str) -> Any:
    """A document of tests/exporter/golden, for example `jmh/1-results`."""
    return json.loads(
        (REPOSITORY / "tests/exporter/golden" / f"{name}.json").read_text(encoding="utf-8")
    )


def perf_suite(
    run_id: str = "20260301T120000Z",
    *,
    project: str = "router",
    p50_ms: float = 0.05,
    speedup: float = 20.0,
    commit: str = "a1b2c3d",
    timestamp: str = "2026-03-01T12:00:02.500000Z",
    verdict: str = "PENDING",
) -> Json:
    """perf_suite 0.3's document; with PASS or FAIL it is perf_guard's.

    The tool's speedup_p95 is about 0.95 × speedup_p50; here it is exactly that.
    """
    return {
        "run": {
            "run_id": run_id,
            "timestamp": timestamp,
            "profile": "self-hosted",
            "project": project,
            "git_sha": commit,
        },
        "env": {
            "os": "Linux",
            "python": "3.11.7",
            "cpus": 4,
            "hostname": "bench",
            "architecture": "x86_64",
        },
        "params": {"warmup": 5, "repeats": 50},
        "metrics": {
            "compiled": {"p50_ms": p50_ms, "p95_ms": p50_ms * 2, "hits": 50, "rebuilds": 0},
            "fallback": {
                "p50_ms": p50_ms * speedup,
                "p95_ms": p50_ms * speedup * 2,
                "hits": 50,
                "regex": 0,
            },
            "speedup_p50": speedup,
            "speedup_p95": speedup * 0.95,
            "absolute_p95_ms": p50_ms * 2,
            "cv": 0.125,
            "n_samples": 50,
        },
        "gate": {
            "p50x": 15,
            "p95x": 12,
            "absolute_ms": 35,
            "verdict": verdict,
            "headroom_pct": 0.0,
        },
    }


def numbered_run(number: int) -> Json:
    """perf_suite's document of a run of its own, made in the given second."""
    return perf_suite(f"run-{number}", timestamp=f"2026-03-01T13:00:{number:02}Z")


def result(
    number: int,
    milliseconds: dict[str, float],
    *,
    environment: str = "ci",
    cpus: int = 4,
    unit: str = "milliseconds",
) -> Json:
    """A document of our own format, with one sample of each benchmark.

    The run was made in the given minute and has a commit of its own.
    """
    return {
        "schema": "strataregula.result/1",
        "timestamp": f"2026-03-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z",
        "project": "router",
        "environment": environment,
        "commit": f"commit-{number}",
        "machine": {"os": "Linux", "architecture": "x86_64", "cpu_count": cpus},
        "results": [
            {"benchmark": name, "unit": unit, "samples": [value]}
            for name, value in milliseconds.items()
        ],
    }


def google_benchmark(number: int, executable: str, times: dict[str, float]) -> Json:
    """Google Benchmark 1.8's document, made in the given minute; times in ns."""
    return {
        "context": {
            "date": f"2026-03-01T12:{number:02}:00+00:00",
            "host_name": "bench",
            "executable": f"./build/{executable}",
            "num_cpus": 4,
        },
        "benchmarks": [
            {
                "name": name,
                "run_name": name,
                "run_type": "iteration",
                "iterations": 1000,
                "real_time": time,
                "cpu_time": time,
                "time_unit": "ns",
            }
            for name, time in times.items()
        ],
    }


def pipeline(
    run_id: str = "101",
    *,
    status: str = "pass",
    timestamp: str = "2026-03-01T12:00:00Z",
    branch: str = "main",
) -> Json:
    return {
        "schema": "strataregula.pipeline/1",
        "pipeline": "nightly",
        "branch": branch,
        "trigger": "schedule",
        "run_id": run_id,
        "status": status,
        "timestamp": timestamp,
    }


def _times(p50_us: float) -> Json:
    factors = {
        "p50_us": 1,
        "p95_us": 2,
        "p99_us": 4,
        "min_us": 0.5,
        "max_us": 8,
        "mean_us": 1.25,
        "std_us": 0.25,
    }
    return {"ops": 1e6 / (p50_us * 1.25)} | {
        name: p50_us * factor for name, factor in factors.items()
    }


def bench_guard(
    ratios: dict[str, float], *, passed: bool, two_tier: bool = True, fast_p50_us: float = 8.0
) -> Json:
    """bench_guard's document, with a benchmark for each ratio."""
    document: Json = {
        "timestamp": "2026-03-01 21:00:00 JST",
        "config": {"min_ratio": 15.0, "max_p95_us": 100.0, "warmup": 100, "n": 1000},
        "benchmarks": {
            name: {"fast": _times(fast_p50_us), "slow": _times(fast_p50_us * ratio), "ratio": ratio}
            for name, ratio in ratios.items()
        },
        "passed": passed,
    }
    if two_tier:
        document["two_tier_gating"] = {
            "min_ratio_p50": 15.0,
            "min_ratio_p95": 12.0,
            "max_compiled_p95_ms": 35.0,
        }
    return document


def changed(document: Any, path: str, value: object) -> Any:
    """A copy with one value replaced; a path is like `metrics.cv` or `benchmarks.0.name`."""
    result = copy.deepcopy(document)
    container, last = _reach(result, path)
    container[last] = value
    return result


def without(document: Any, path: str) -> Any:
    """A copy without one value."""
    result = copy.deepcopy(document)
    container, last = _reach(result, path)
    del container[last]
    return result


def _reach(container: Any, path: str) -> tuple[Any, Any]:
    """The object or array that holds a value, and the value's key or index in it."""
    *parents, last = path.split(".")
    for key in parents:
        container = container[int(key) if isinstance(container, list) else key]
    return container, int(last) if isinstance(container, list) else last
