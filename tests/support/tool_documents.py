"""Documents of a few results, in the shapes that pytest-benchmark and Google Benchmark write."""

from collections.abc import Mapping
from datetime import datetime

from tests.support.documents import Json


def pytest_benchmark(
    project: str, branch: str, commit: str, made: datetime, seconds: Mapping[str, float]
) -> Json:
    """A document with results by their full names; times are alike, in seconds."""
    return {
        "machine_info": {
            "system": "Linux",
            "machine": "x86_64",
            "cpu": {"brand_raw": "Made-up CPU", "count": 4},
        },
        "commit_info": {"id": commit, "branch": branch, "project": project},
        "datetime": made.isoformat(),
        "benchmarks": [
            {
                "fullname": name,
                "stats": {
                    "min": value,
                    "max": value,
                    "mean": value,
                    "median": value,
                    "stddev": 0.01 * value,
                    "rounds": 20,
                },
            }
            for name, value in seconds.items()
        ],
    }


def google_benchmark(made: datetime, nanoseconds: Mapping[str, float]) -> Json:
    """A document with one repetition of each result; it names no project, branch or commit."""
    return {
        "context": {"date": made.isoformat(), "num_cpus": 4},
        "benchmarks": [
            {
                "name": name,
                "run_name": name,
                "run_type": "iteration",
                "iterations": 1,
                "real_time": value,
                "cpu_time": value,
                "time_unit": "ns",
            }
            for name, value in nanoseconds.items()
        ],
    }
