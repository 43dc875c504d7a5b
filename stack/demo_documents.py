"""Documents as the demo's made-up tools write them: perf_suite, perf_guard and our own formats."""

import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SAMPLES = 50
GATE = {"p50x": 15, "p95x": 12, "absolute_ms": 35}


@dataclass(frozen=True, slots=True)
class PerfSuiteBenchmark:
    """A benchmark with a reference implementation.

    Median times in milliseconds, and the standard deviation of their logarithm.
    """

    project: str
    compiled_ms: float
    fallback_ms: float
    sigma: float


@dataclass(frozen=True, slots=True)
class SampledBenchmark:
    """A benchmark whose raw samples are kept.

    Median time in milliseconds, peak memory, and the standard deviation of the times' logarithm.
    """

    project: str
    lookup_ms: float
    memory_bytes: float
    sigma: float


PATTERN_EXPANSION = PerfSuiteBenchmark("demo-pattern-expansion", 0.064, 1.28, 0.05)
CONFIG_COMPILATION = PerfSuiteBenchmark("demo-config-compilation", 0.42, 11.3, 0.08)
KERNEL_CACHE = SampledBenchmark("demo-kernel-cache", 3.1, 48e6, 0.12)
PROJECTS = (PATTERN_EXPANSION.project, CONFIG_COMPILATION.project, KERNEL_CACHE.project)
# The processors of the machine of each environment.
MACHINES = {"demo": 8, "demo-ci": 4}
CI_PIPELINE, NIGHTLY_PIPELINE = PIPELINES = ("demo-ci", "demo-nightly")


def perf_suite_document(
    benchmark: PerfSuiteBenchmark,
    commit: str,
    made: datetime,
    noise: Callable[[float, float], float],
    *,
    environment: str = "demo",
) -> dict[str, Any]:
    """A run as perf_suite 0.3 writes it, on the environment's machine.

    `noise` gives the factor of one sample by the mean and deviation of its logarithm.
    """
    compiled = sorted(benchmark.compiled_ms * noise(0.0, benchmark.sigma) for _ in range(SAMPLES))
    fallback = sorted(benchmark.fallback_ms * noise(0.0, benchmark.sigma) for _ in range(SAMPLES))
    p50, p95 = (
        statistics.quantiles(compiled, n=20, method="inclusive")[index] for index in (9, 18)
    )
    fallback_p50, fallback_p95 = (
        statistics.quantiles(fallback, n=20, method="inclusive")[index] for index in (9, 18)
    )
    return {
        "run": {
            "run_id": made.strftime("%Y%m%dT%H%M%SZ"),
            "timestamp": made.isoformat().replace("+00:00", "Z"),
            "profile": environment,
            "project": benchmark.project,
            "git_sha": commit,
        },
        "env": {"os": "Linux", "architecture": "x86_64", "cpus": MACHINES[environment]},
        "params": {"warmup": 5, "repeats": SAMPLES},
        "metrics": {
            "compiled": {"p50_ms": p50, "p95_ms": p95},
            "fallback": {"p50_ms": fallback_p50, "p95_ms": fallback_p95},
            "speedup_p50": fallback_p50 / p50,
            "speedup_p95": fallback_p95 / p95,
            "absolute_p95_ms": p95,
            "cv": statistics.stdev(compiled) / statistics.mean(compiled),
            "n_samples": SAMPLES,
        },
        "gate": {**GATE, "verdict": "PENDING", "headroom_pct": 0.0},
    }


def with_verdict(document: dict[str, Any]) -> dict[str, Any]:
    """The document as `perf_guard --json` writes it again, with the outcome of its gate."""
    metrics, gate = document["metrics"], document["gate"]
    passed = {
        "p50_pass": metrics["speedup_p50"] >= gate["p50x"],
        "p95_pass": metrics["speedup_p95"] >= gate["p95x"],
        "absolute_pass": metrics["absolute_p95_ms"] <= gate["absolute_ms"],
    }
    headroom = round((metrics["speedup_p50"] / gate["p50x"] - 1) * 100, 1)
    return document | {
        "gate": gate
        | {
            "verdict": "PASS" if all(passed.values()) else "FAIL",
            "headroom_pct": headroom,
            "details": passed,
        }
    }


def sampled_document(
    benchmark: SampledBenchmark,
    commit: str,
    made: datetime,
    noise: random.Random,
    *,
    environment: str = "demo",
) -> dict[str, Any]:
    """A run in our own format, on the environment's machine.

    Raw times of three operations, peak memory, lookups a second, and how long the suite took.
    """

    def times(factor: float) -> list[float]:
        return [
            factor * benchmark.lookup_ms * noise.lognormvariate(0.0, benchmark.sigma)
            for _ in range(SAMPLES)
        ]

    def measured(variant: str, unit: str, samples: list[float]) -> dict[str, Any]:
        return {
            "benchmark": benchmark.project,
            "variant": variant,
            "unit": unit,
            "samples": samples,
        }

    lookups = times(1.0)
    return {
        "schema": "strataregula.result/1",
        "timestamp": made.isoformat(),
        "project": benchmark.project,
        "environment": environment,
        "commit": commit,
        "branch": "main",
        "machine": {
            "os": "Linux",
            "architecture": "x86_64",
            "cpu_count": MACHINES[environment],
        },
        "duration_seconds": noise.uniform(20, 30),
        "results": [
            measured("lookup", "milliseconds", lookups),
            measured("insert", "milliseconds", times(2.1)),
            measured("evict", "milliseconds", times(0.6)),
            measured(
                "peak_memory",
                "bytes",
                [round(benchmark.memory_bytes * noise.lognormvariate(0.0, 0.01))],
            ),
            measured("throughput", "per_second", [1e3 / statistics.median(lookups)]),
        ],
    }


def pipeline_document(
    pipeline: str,
    run_id: str,
    finished: datetime,
    *,
    passed: bool,
    trigger: str = "push",
    duration_seconds: float | None = None,
) -> dict[str, Any]:
    """The outcome of a CI pipeline's run, in our own format."""
    document = {
        "schema": "strataregula.pipeline/1",
        "pipeline": pipeline,
        "branch": "main",
        "trigger": trigger,
        "run_id": run_id,
        "status": "pass" if passed else "fail",
        "timestamp": finished.isoformat(),
    }
    return (
        document if duration_seconds is None else {**document, "duration_seconds": duration_seconds}
    )
