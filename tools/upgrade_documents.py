"""What the fixtures of tests/upgrades/ are made of: documents that every version understands.

Changing them changes the fixtures of later versions only; those that exist are kept.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Document = tuple[str, dict[str, Any]]

START = datetime(2026, 9, 1, 6, tzinfo=UTC)
RUNS = 36
# The runs after this one are slower by half.
SLOWER_AFTER = 31
# A run is pinned as the baseline before this one comes in.
PINNED_BEFORE = 20
SEED = 5


def documents() -> tuple[list[Document], list[Document]]:
    """File names and documents, oldest first: those before a baseline is pinned, and the others.

    Three projects, machine classes, a branch, a regression, gates, pipelines, a failed benchmark,
    and a name with odd characters.
    """
    noise = random.Random(SEED)  # noqa: S311  # noise, not a secret
    earlier = list(_suites(0, PINNED_BEFORE, noise))
    return earlier, [*_suites(PINNED_BEFORE, RUNS, noise), *_others(noise)]


def _suites(first: int, end: int, noise: random.Random) -> Iterator[Document]:
    for number in range(first, end):
        at = START + timedelta(hours=18 * number)
        yield f"router-{number:02}.json", _router(number, at, noise)
        if number % 3 == 0:
            yield f"cache-{number:02}.json", _cache(number, at, noise)
        if number % 4 == 0:
            yield f"nightly-{number:02}.json", _pipeline(number, at)


def _others(noise: random.Random) -> Iterator[Document]:
    at = START + timedelta(hours=18 * RUNS)
    yield "branch.json", _router(RUNS, at, noise) | {"branch": "feature/x", "commit": "b0b0b0b"}
    yield "suite-1.json", _perf_suite("20260930T120000Z", at, speedup=21.0, p50_ms=0.05)
    later = at + timedelta(hours=1)
    yield "suite-2.json", _perf_suite("20260930T130000Z", later, speedup=9.0, p50_ms=0.11)
    yield "quoting.json", _github_action()


def rejected() -> Iterator[tuple[str, bytes]]:
    """Files that no version can ingest."""
    yield "broken.json", b'{"schema": "strataregula.result/1", "results": []}'
    yield "unknown.json", json.dumps({"what": "is this"}).encode()


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _router(number: int, at: datetime, noise: random.Random) -> dict[str, Any]:
    slow = 1.5 if number > SLOWER_AFTER else 1.0
    return {
        "schema": "strataregula.result/1",
        "timestamp": _time(at),
        "project": "router",
        "environment": "ci",
        "commit": f"{number:07x}",
        "branch": "main",
        "machine": {"os": "Linux", "architecture": "x86_64", "cpu_count": 4},
        "results": [
            {
                "benchmark": "parsing",
                "unit": "milliseconds",
                "samples": [round(slow * noise.gauss(1.0, 0.02), 5) for _ in range(5)],
            },
            {
                "benchmark": "lookup",
                "variant": "hit",
                "unit": "microseconds",
                "samples": [round(noise.gauss(40.0, 1.0), 3) for _ in range(3)],
            },
            {"benchmark": "lookup", "variant": "size", "unit": "bytes", "samples": [4096]},
        ],
        "failures": [{"benchmark": "encoding", "error": "out of memory"}] if number == 9 else [],
    }


def _cache(number: int, at: datetime, noise: random.Random) -> dict[str, Any]:
    return {
        "schema": "strataregula.result/1",
        "timestamp": _time(at + timedelta(minutes=5)),
        "project": "cache",
        "environment": "lab",
        "commit": f"{number + 4096:07x}",
        "branch": "main",
        "machine": {"os": "Linux", "architecture": "aarch64", "cpu_count": 8},
        "duration_seconds": 20.0 + number,
        "results": [
            {
                "benchmark": name,
                "unit": "milliseconds",
                "samples": [round(noise.gauss(typical, typical / 50), 4) for _ in range(4)],
            }
            for name, typical in (("fill", 12.0), ("evict", 3.0))
        ],
    }


def _pipeline(number: int, at: datetime) -> dict[str, Any]:
    return {
        "schema": "strataregula.pipeline/1",
        "pipeline": "nightly",
        "branch": "main",
        "trigger": "schedule",
        "run_id": str(100 + number),
        "status": "fail" if number % 16 == 12 else "pass",
        "timestamp": _time(at + timedelta(minutes=9)),
        "duration_seconds": 300.0 + number,
    }


def _perf_suite(run_id: str, at: datetime, *, speedup: float, p50_ms: float) -> dict[str, Any]:
    return {
        "run": {
            "run_id": run_id,
            "timestamp": _time(at),
            "profile": "self-hosted",
            "project": "compiler",
            "git_sha": "c0ffee1",
        },
        "env": {"os": "Linux", "python": "3.11.7", "cpus": 4, "architecture": "x86_64"},
        "params": {"warmup": 5, "repeats": 50},
        "metrics": {
            "compiled": {"p50_ms": p50_ms, "p95_ms": p50_ms * 2, "hits": 50, "rebuilds": 0},
            "fallback": {"p50_ms": p50_ms * speedup, "p95_ms": p50_ms * speedup * 2, "hits": 50},
            "speedup_p50": speedup,
            "speedup_p95": speedup,
            "absolute_p95_ms": p50_ms * 2,
            "cv": 0.125,
            "n_samples": 50,
        },
        "gate": {
            "p50x": 15,
            "p95x": 12,
            "absolute_ms": 35,
            "verdict": "PASS" if speedup > 15 else "FAIL",
            "headroom_pct": 0.0,
        },
    }


def _github_action() -> Any:
    return [{"name": 'odd "name" \\ ü', "unit": "ms", "value": 5.5}]
