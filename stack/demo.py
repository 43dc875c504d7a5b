"""`make demo`: half a minute of runs like perf_suite's, the last of them a regression, and what became of it."""

import json
import random
import statistics
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stack.readiness import is_ready
from stack.settings import ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS, Settings

FOLDER = "demo"
ROUNDS, ROUND_SECONDS = 10, 3.0
SAMPLES = 50
FAILED_PIPELINE_RUN = 4  # one of ten stays under HighCIFailureRate's 20 %
ARRIVAL_SECONDS = 60.0
POLL_SECONDS = 0.1
ALERT = "CriticalPerformanceRegression"
GATE = {"p50x": 15, "p95x": 12, "absolute_ms": 35}


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A made-up benchmark: median times in milliseconds, and the spread of their logarithm."""

    project: str
    compiled_ms: float
    fallback_ms: float
    sigma: float


BENCHMARKS = (
    Benchmark("demo-pattern-expansion", 0.064, 1.28, 0.05),
    Benchmark("demo-config-compilation", 0.42, 11.3, 0.08),
    Benchmark("demo-kernel-cache", 0.0041, 0.13, 0.12),
)
REGRESSED = BENCHMARKS[0]
REGRESSION_FACTOR = 2.9


def run(settings: Settings) -> bool:
    """Drop the runs and tell what was seen to arrive, with times; False if something did not."""
    folder = settings.results_dir / FOLDER
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    print(f"dropping runs of {len(BENCHMARKS)} benchmarks into {settings['RESULTS_DIR']}/{FOLDER} for {ROUNDS * ROUND_SECONDS:.0f} s")
    started = time.monotonic()
    for number in range(1, ROUNDS + 1):
        for benchmark in BENCHMARKS:
            document = perf_suite_document(benchmark, number, random.lognormvariate)
            _drop(folder / f"{benchmark.project}-{number:02}.json", document)
            print(f"  {time.monotonic() - started:5.1f} s  {benchmark.project:<24} {document['metrics']['speedup_p50']:.1f}x, passes")
            time.sleep(ROUND_SECONDS / len(BENCHMARKS))
        outcome = pipeline_document("demo-ci", f"{started:.0f}-{number}", passed=number != FAILED_PIPELINE_RUN)
        _drop(folder / f"ci-{number:02}.json", outcome)
    slow = Benchmark(REGRESSED.project, REGRESSED.compiled_ms * REGRESSION_FACTOR, REGRESSED.fallback_ms, REGRESSED.sigma)
    document = with_verdict(perf_suite_document(slow, ROUNDS + 1, random.lognormvariate))
    speedup = document["metrics"]["speedup_p50"]
    dropped = time.time()
    _drop(folder / f"{slow.project}-{ROUNDS + 1:02}.json", document)
    print(
        f"  {time.monotonic() - started:5.1f} s  {slow.project:<24} {speedup:.1f}x, FAILS its gate of {GATE['p50x']}x\n\nwhat became of it:"
    )
    arrived = True
    for name, seconds in _arrivals(settings, slow.project, speedup, dropped):
        arrived &= seconds is not None
        print(f"  {name:<42} " + (f"{seconds:5.2f} s after the file" if seconds is not None else f"not within {ARRIVAL_SECONDS:.0f} s"))
    query = urllib.parse.quote('speedup_ratio{benchmark_name=~"demo-.*",percentile="p50"}')
    print(f"\nlook at it: {EXPORTER.url(settings)}  {PROMETHEUS.url(settings)}/graph?g0.expr={query}&g0.tab=0&g0.range_input=5m")
    dashboards = f"  dashboards: {GRAFANA.url(settings)}" if is_ready(GRAFANA, settings) else ""
    print(f"the alert: {ALERTMANAGER.url(settings)}/#/alerts{dashboards}")
    print("it goes on until the next passing run of the benchmark; the next `make demo` begins with one")
    return arrived


def perf_suite_document(benchmark: Benchmark, number: int, noise: Callable[[float, float], float]) -> dict[str, Any]:
    """A run as perf_suite 0.3 writes it; `noise` gives the factor of one sample by the mean and spread of its logarithm."""
    compiled = sorted(benchmark.compiled_ms * noise(0.0, benchmark.sigma) for _ in range(SAMPLES))
    fallback = sorted(benchmark.fallback_ms * noise(0.0, benchmark.sigma) for _ in range(SAMPLES))
    p50, p95 = (statistics.quantiles(compiled, n=20, method="inclusive")[index] for index in (9, 18))
    fallback_p50, fallback_p95 = (statistics.quantiles(fallback, n=20, method="inclusive")[index] for index in (9, 18))
    now = datetime.now(UTC)
    return {
        "run": {
            "run_id": now.strftime("%Y%m%dT%H%M%SZ"),
            "timestamp": now.isoformat().replace("+00:00", "Z"),
            "profile": "demo",
            "project": benchmark.project,
            "git_sha": f"{number:07x}",
        },
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


def pipeline_document(pipeline: str, run_id: str, *, passed: bool) -> dict[str, Any]:
    """The outcome of a CI pipeline's run, in our own format."""
    return {
        "schema": "strataregula.pipeline/1",
        "pipeline": pipeline,
        "branch": "main",
        "trigger": "push",
        "run_id": run_id,
        "status": "pass" if passed else "fail",
        "timestamp": datetime.now(UTC).isoformat(),
    }


def with_verdict(document: dict[str, Any]) -> dict[str, Any]:
    """The document as `perf_guard --json` writes it again, with its verdict on it."""
    metrics, gate = document["metrics"], document["gate"]
    passed = {
        "p50_pass": metrics["speedup_p50"] >= gate["p50x"],
        "p95_pass": metrics["speedup_p95"] >= gate["p95x"],
        "absolute_pass": metrics["absolute_p95_ms"] <= gate["absolute_ms"],
    }
    headroom = round((metrics["speedup_p50"] / gate["p50x"] - 1) * 100, 1)
    return document | {"gate": gate | {"verdict": "PASS" if all(passed.values()) else "FAIL", "headroom_pct": headroom, "details": passed}}


def _drop(path: Path, document: dict[str, Any]) -> None:
    """Write a file the way a careful tool does: aside, then renamed."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(json.dumps(document, indent=2), encoding="utf-8")
    aside.replace(path)


def _arrivals(settings: Settings, project: str, speedup: float, dropped: float) -> Iterator[tuple[str, float | None]]:
    """Each stage, and when it was first seen in seconds after the file; None if it was not."""
    labels = f'benchmark_name="{project}",percentile="p50"'

    def in_prometheus() -> bool:
        result = _get(PROMETHEUS.url(settings, f"/api/v1/query?query={urllib.parse.quote(f'speedup_ratio{{{labels}}}')}"))["data"]["result"]
        return any(abs(float(series["value"][1]) - speedup) < 1e-9 for series in result)

    def firing() -> bool:
        return any(
            alert["labels"].get("alertname") == ALERT and alert["labels"].get("benchmark_name") == project and alert["state"] == "firing"
            for alert in _get(PROMETHEUS.url(settings, "/api/v1/alerts"))["data"]["alerts"]
        )

    def delivered() -> float | None:
        for alert in _get(EXPORTER.url(settings, "/api/v1/status"))["alerts"]:
            received: float = alert["received_timestamp_seconds"]
            if (alert["alertname"], alert["benchmark_name"], alert["status"]) == (ALERT, project, "firing") and received >= dropped:
                return received - dropped
        return None

    yield "the metric is in Prometheus", _first_seen(lambda: time.time() - dropped if in_prometheus() else None)
    yield f"{ALERT} fires", _first_seen(lambda: time.time() - dropped if firing() else None)
    yield "Alertmanager has delivered it", _first_seen(delivered)


def _first_seen(look: Callable[[], float | None]) -> float | None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        seen = look()
        if seen is not None:
            return seen
        time.sleep(POLL_SECONDS)
    return None


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own http address
        return json.load(answer)
