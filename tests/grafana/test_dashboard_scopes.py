"""The dashboards when one benchmark name exists in several projects, branches, machine classes and
exporters.

promtool evaluates every query over made series of all the exporter's metrics. A join that does not
keep the scopes apart is an error there (many-to-many matching).
"""

import itertools
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from benchmark_exporter.metrics.definitions import Definition, load_definitions
from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import VARIABLES, queries
from tests.support.paths import REPOSITORY

METRICS = load_definitions(REPOSITORY / "exporter/benchmark_exporter/metrics.yaml")
# Each differs from the first in one label.
SCOPES = (
    {"project": "one", "environment": "ci", "branch": "main", "machine_class": "arm"},
    {"project": "two", "environment": "ci", "branch": "main", "machine_class": "arm"},
    {"project": "one", "environment": "local", "branch": "main", "machine_class": "arm"},
    {"project": "one", "environment": "ci", "branch": "release/1", "machine_class": "arm"},
    {"project": "one", "environment": "ci", "branch": "main", "machine_class": "x86"},
    # The same scope on another exporter.
    {"project": "one", "environment": "ci", "branch": "main", "machine_class": "arm"},
)
EXPORTERS = (*["exporter"] * (len(SCOPES) - 1), "another")
# Labels with several values in one scope; any other has one.
VALUES = {
    "percentile": ("p50", "p95"),
    "statistic": ("p50", "p95"),
    "state": ("warning", "critical"),
    "severity": ("warning", "critical"),
    "criterion": ("overall", "p50"),
    "reference": ("rolling", "pinned"),
    "unit": ("seconds",),
    "benchmark_name": ("parse", "parse/fast"),
    "status": ("pass", "fail"),
}


def series(definition: Definition) -> Iterator[Mapping[str, str]]:
    """Yield the labels, including the name, of each series of a metric."""
    own = [label for label in definition.labels if label not in SCOPES[0]]
    for scope, instance in zip(SCOPES, EXPORTERS, strict=True):
        of_scope = {label: value for label, value in scope.items() if label in definition.labels}
        for values in itertools.product(*(VALUES.get(label, ("x",)) for label in own)):
            labels = {**of_scope, **dict(zip(own, values, strict=True)), "instance": instance}
            if definition.type == "histogram":
                for bound in ("1", "+Inf"):
                    yield {"__name__": f"{definition.name}_bucket", **labels, "le": bound}
                yield {"__name__": f"{definition.name}_count", **labels}
            elif definition.type == "summary":
                yield {"__name__": definition.name, **labels, "quantile": "0.5"}
            else:
                yield {"__name__": definition.name, **labels}


def selector(labels: Mapping[str, str]) -> str:
    quoted = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels['__name__']}{{{quoted}}}"


INPUT = [
    {"series": text, "values": "1x90"}
    for text in sorted(
        {selector(labels) for definition in METRICS.values() for labels in series(definition)}
    )
]


def evaluate(
    programs: Mapping[str, Sequence[str]],
    folder: Path,
    rules: Sequence[str],
    expected: Sequence[Mapping[str, object]] = (),
) -> None:
    """Evaluate expressions once over the made series.

    Raises:
        AssertionError: one is an error, or the result of `expected` is another.
    """
    groups = [
        {
            "name": "panels",
            "interval": "1h",
            "rules": [
                {"record": f"panel:query{number}", "expr": expr}
                for number, expr in enumerate(rules)
            ],
        }
    ]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1h",
        "tests": [{"interval": "1m", "input_series": INPUT, "promql_expr_test": [*expected]}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    run = subprocess.run(
        [*programs["promtool"], "test", "rules", str(folder / "test.yml")],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_query_mixes_up_the_scopes_of_a_benchmark(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    asked = sorted(
        {query.expr for dashboard in DASHBOARDS.values() for query in queries(dashboard)}
    )
    # promtool evaluates rules only for as long as a test looks at.
    last = {"expr": "count(benchmark_run_info)", "eval_time": "1h"}
    evaluate(
        programs,
        tmp_path,
        asked,
        [{**last, "exp_samples": [{"labels": "{}", "value": 2 * len(SCOPES)}]}],
    )


@pytest.mark.parametrize(
    ("uid", "panel", "rows"),
    [
        ("overview", "Newest runs", 2 * len(SCOPES)),
        # of the benchmark and its variant
        ("benchmark", "Time, baselines and limit", 2 * len(SCOPES)),
        ("compare", "Median time", 2 * len(SCOPES)),
    ],
)
def test_a_panel_shows_each_scope(
    programs: Mapping[str, Sequence[str]], tmp_path: Path, uid: str, panel: str, rows: int
) -> None:
    first = next(query for query in queries(DASHBOARDS[uid]) if query.panel == panel)
    count = {
        "expr": f"count({first.expr})",
        "eval_time": "1h",
        "exp_samples": [{"labels": "{}", "value": rows}],
    }
    evaluate(programs, tmp_path, [], [count])


def test_the_project_variable_selects_one_projects_runs(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    chosen = {**VARIABLES, "project": "two"}
    [runs] = [
        query.expr
        for query in queries(DASHBOARDS["overview"], chosen)
        if query.panel == "Newest runs"
    ][:1]
    count = {
        "expr": f"count by (project) ({runs})",
        "eval_time": "1h",
        "exp_samples": [{"labels": '{project="two"}', "value": 2}],
    }
    evaluate(programs, tmp_path, [], [count])
