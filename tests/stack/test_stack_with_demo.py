"""`make demo` on a whole stack, and that every panel then has data.

Runs after test_stack.py and test_stack_operation.py, on the same stack.
"""

import json
import re
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack.demo_documents import CI_PIPELINE, PROJECTS
from stack.settings import PROMETHEUS, STREAM
from tests.grafana.queries import Query, queries
from tests.stack.backends import Backend, get, query, until
from tests.support.paths import REPOSITORY

Measured = Callable[[str], None]


def test_the_demo_sees_everything_arrive(backend: Backend, measured: Measured) -> None:
    demo = backend.command("demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    lines = demo.stdout.splitlines()
    arrived = [" ".join(line.split()) for line in lines if line.endswith("s after the file")]
    assert len(arrived) == 3
    measured(f"{backend.name}, demo: {', '.join(arrived)}")
    # Each file is announced, the last run's too, and each announcement has its file.
    announced = Counter(re.findall(r"^ +\d+\.\d s  (\S+)", demo.stdout, re.MULTILINE))
    dropped = Counter(
        path.stem.rpartition("-")[0] for path in (backend.settings.results_dir / "demo").glob("*")
    )
    del dropped[""]  # the folder of the history
    dropped[CI_PIPELINE] = dropped.pop("ci")
    assert announced == dropped
    assert announced.keys() == {*PROJECTS, CI_PIPELINE}
    assert backend.settings.public_url(STREAM) in demo.stdout


# Panels that may be empty on a new stack, or on this machine, and why.
MAY_BE_EMPTY = {
    "Availability, 30 days": "is not measured in the first five minutes of a part",
    "Error budget burn rate": "is not measured in the first five minutes of a part",
    "Waiting for memory": "not every kernel has pressure stall information",
    "Waiting for resources": "not every kernel has pressure stall information",
    "Throttled": "virtual processors do not count it",
    "Long-term store behind": "this stack has none",
    "Samples not yet in the long-term store": "this stack has none",
    "Sizes and rates, their rolling median and pinned baseline": "only times are pinned",
    "Stream lag": "no run of the demo writes its progress",
    "Moved together": "the demo's machine does not change, and its regressions are single ones",
}
# What queries that may be empty ask for, in a panel whose others may not.
MAY_BE_MISSING = {
    "prometheus_tsdb_wal_storage_size_bytes": "older versions of Prometheus do not have it",
    "benchmark_drift_": "drifts are searched at the start and once an hour",
    "benchmark_reachable_change_": "more samples would not make the demo's results quieter",
    'benchmark_change_info{direction="worse"': "each result's newest change may be for the better",
}


def answer(backend: Backend, asked: Query) -> list[Any]:
    """What Prometheus answers to a query as Grafana sends it."""
    if asked.step_seconds is None:
        return query(backend.settings, asked.expr)
    end = time.time() // asked.step_seconds * asked.step_seconds
    values = {
        "query": asked.expr,
        "start": end - asked.range_seconds,
        "end": end,
        "step": asked.step_seconds,
    }
    series: list[Any] = get(
        PROMETHEUS.url(backend.settings, f"/api/v1/query_range?{urllib.parse.urlencode(values)}")
    )["data"]["result"]
    return series


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_every_query_of_a_dashboard_has_data(backend: Backend, path: Path) -> None:
    asked = [
        each
        for each in queries(json.loads(path.read_text()))
        if not any(missing in each.expr for missing in MAY_BE_MISSING)
    ]
    assert asked

    def empty() -> list[str]:
        return [
            f"{each.panel}: {each.expr}"
            for each in asked
            if each.panel not in MAY_BE_EMPTY and not answer(backend, each)
        ]

    # A step of a week's panel is five minutes, so what began just now takes a while to show.
    until(lambda: None if empty() else True, 120, "\n".join(empty()))


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_every_variable_of_a_dashboard_has_values(backend: Backend, path: Path) -> None:
    for variable in json.loads(path.read_text())["templating"]["list"]:
        if variable["type"] == "textbox":
            continue
        # One that sets apart the lines of several projects has a value only if there are some.
        if variable["name"].startswith("several_"):
            continue
        if asked := re.fullmatch(r"query_result\((.+)\)", variable["definition"]):
            filled_in = re.sub(r"\$\w+", ".*", asked[1].replace("$__range", "1d"))
            assert query(backend.settings, filled_in)
            continue
        series, label = re.fullmatch(
            r"label_values\((.+), (\w+)\)", variable["definition"]
        ).groups()  # type: ignore[union-attr]
        values = urllib.parse.urlencode({"match[]": re.sub(r"\$\w+", ".*", series)})
        assert get(PROMETHEUS.url(backend.settings, f"/api/v1/label/{label}/values?{values}"))[
            "data"
        ]
