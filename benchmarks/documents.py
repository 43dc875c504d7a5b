"""Input for the benchmarks: results as perf_suite 0.3 writes them, and series for the peers."""

import json
from datetime import UTC, datetime, timedelta

SERIES_PER_GROUP = 20
_FIRST_RUN = datetime(2026, 1, 1, tzinfo=UTC)
_METRICS, _LABEL_SETS = 4, 5  # of a group, 20 series in all


def run_id(number: int) -> str:
    """Return the unique id of a run."""
    return f"{_FIRST_RUN + timedelta(seconds=number):%Y%m%dT%H%M%SZ}"


def timestamp_seconds(number: int) -> int:
    """Return the time of a run, as benchmark_last_run_timestamp_seconds shows it."""
    return int(_FIRST_RUN.timestamp()) + number


def perf_suite(project: str, number: int) -> bytes:
    """Return a run of a project.

    The number determines its id, its time and, slightly, its measurements. Every tenth run fails
    its gate.
    """
    p50_ms = 0.05 * (1 + number % 100 / 1000)
    speedup = 12.0 if number % 10 == 9 else 18.0 + number % 7
    return json.dumps(
        {
            "run": {
                "run_id": run_id(number),
                "timestamp": (_FIRST_RUN + timedelta(seconds=number)).isoformat(),
                "profile": "self-hosted",
                "project": project,
                "git_sha": f"{number // 50:07x}",
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
                "verdict": "PENDING",
                "headroom_pct": 0.0,
            },
        },
        indent=2,
    ).encode()


def group(number: int, value: float, *, grouping_labels: bool) -> bytes:
    """Return a group of 20 gauges as exposition text.

    Pushgateway adds job and instance itself; a text file needs them in the text.
    """
    grouping = f',job="bench",instance="g{number}"' if grouping_labels else ""
    lines = []
    for metric in range(_METRICS):
        name = f"bench_time_{metric}_seconds"
        lines += [f"# HELP {name} Time of a benchmark.", f"# TYPE {name} gauge"]
        lines += [
            f'{name}{{benchmark_name="b{each}/compiled"{grouping}}} {value + each}'
            for each in range(_LABEL_SETS)
        ]
    return "".join(f"{line}\n" for line in lines).encode()
