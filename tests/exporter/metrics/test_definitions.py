"""A metrics.yaml that cannot be used is refused, with where and why."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark_exporter.config import ConfigError, packaged
from benchmark_exporter.metrics.definitions import load_definitions

HISTOGRAM, SPEEDUP = "benchmark_execution_time_ms", "speedup_ratio"
SUMMARY, COUNTER = "benchmark_suite_duration_seconds", "benchmark_runs_total"


def write(metrics: list[dict[str, Any]], folder: Path) -> Path:
    path = folder / "metrics.yaml"
    path.write_text(yaml.safe_dump({"metrics": metrics}))
    return path


def packaged_metrics() -> list[dict[str, Any]]:
    metrics: list[dict[str, Any]] = yaml.safe_load(packaged("metrics.yaml").read_text())["metrics"]
    return metrics


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (HISTOGRAM, {"buckets": [1, 1]}, "a histogram needs buckets"),
        (HISTOGRAM, {"buckets": [1, math.nan]}, "a histogram needs buckets"),
        (HISTOGRAM, {"buckets": []}, "a histogram needs buckets"),
        (SPEEDUP, {"labels": ["a", "a"]}, "speedup_ratio.*a label is listed twice"),
        (SPEEDUP, {"type": "timer"}, r"Invalid enum value 'timer' - at `\$\.metrics\[1\]\.type`"),
        (SPEEDUP, {"name": "Speed-Up"}, r"\$\.metrics\[1\]\.name"),
        (SPEEDUP, {"colour": "red"}, "unknown field `colour`"),
        (SPEEDUP, {"name": "speed"}, "speedup_ratio is exposed but not declared"),
        (
            SPEEDUP,
            {"labels": ["benchmark_name"]},
            r"speedup_ratio must be a gauge with the labels \[benchmark_name, percentile, base",
        ),
        (SPEEDUP, {"type": "counter"}, "speedup_ratio must be a gauge"),
        (COUNTER, {"name": "runs_total"}, "benchmark_runs_total is exposed but not declared"),
        (COUNTER, {"type": "gauge"}, "benchmark_runs_total must be a counter with the labels"),
        (COUNTER, {"labels": ["environment"]}, "benchmark_runs_total must be a counter"),
        (HISTOGRAM, {"labels": ["environment"]}, f"{HISTOGRAM} must be a histogram"),
        (
            COUNTER,
            {"collect": "resources", "sparse": True},
            "of the resources part cannot be sparse",
        ),
        (SUMMARY, {"sparse": True}, "a summary cannot be sparse"),
        (
            SPEEDUP,
            {"collect_state": {"percentil": ["p50"]}},
            "collect_state names 'percentil', which is not one of its labels",
        ),
        (
            SPEEDUP,
            {"collect_state": {"percentile": ["p50"]}},
            "collect must name another part",
        ),
        (
            HISTOGRAM,
            {"collect_state": {"iteration": ["median"]}},
            "a histogram is in one part",
        ),
        (SUMMARY, {"quantiles": [1.5]}, "a quantile must be between 0 and 1"),
    ],
)
def test_a_broken_definition_is_refused(
    name: str, change: dict[str, object], message: str, tmp_path: Path
) -> None:
    metrics = packaged_metrics()
    next(metric for metric in metrics if metric["name"] == name).update(change)
    path = write(metrics, tmp_path)
    with pytest.raises(ConfigError, match=message) as caught:
        load_definitions(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda metrics: metrics.append(dict(metrics[0])),
            r"\$\.metrics\[\d+\] \(benchmark_execution_time_ms\): declared twice",
        ),
        (lambda metrics: metrics[1].pop("help"), "missing required field `help`"),
        (lambda metrics: metrics.pop(1), "speedup_ratio is exposed but not declared"),
        (
            lambda metrics: metrics.append(metrics[1] | {"name": "speed"}),
            "speed is declared but nothing exposes it",
        ),
    ],
)
def test_a_broken_list_is_refused(
    change: Callable[[list[dict[str, Any]]], object], message: str, tmp_path: Path
) -> None:
    metrics = packaged_metrics()
    change(metrics)
    with pytest.raises(ConfigError, match=message):
        load_definitions(write(metrics, tmp_path))


def test_a_file_of_ones_own_may_change_buckets_quantiles_and_texts(tmp_path: Path) -> None:
    metrics = packaged_metrics()
    by_name = {metric["name"]: metric for metric in metrics}
    by_name[HISTOGRAM].update(buckets=[1, 10], help="Times.")
    by_name[SUMMARY].update(quantiles=[0.25])
    definitions = load_definitions(write(metrics, tmp_path))
    assert definitions[HISTOGRAM].buckets == [1, 10]
    assert definitions[HISTOGRAM].help == "Times."
    assert definitions[SUMMARY].quantiles == [0.25]
