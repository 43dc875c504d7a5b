"""The queries of the committed dashboards: they read metrics and labels that exist."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark_exporter.metrics.definitions import Definition, load_definitions
from grafana.selectors import AHEAD
from stack.backup import age
from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import Query, fill_in, metric_selectors, panels, queries
from tests.rules.promql import is_scraped_each_second
from tests.support.paths import REPOSITORY

QUERIES = [
    pytest.param(query, id=f"{uid}-{query.panel}")
    for uid, dashboard in DASHBOARDS.items()
    for query in queries(dashboard)
]
TARGETS = [
    pytest.param(target, id=f"{uid}-{panel['title']}-{target['refId']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    for target in panel["targets"]
]
METRICS = load_definitions(REPOSITORY / "exporter/benchmark_exporter/metrics.yaml")
# The metrics that are required by name.
REQUIRED = {
    "benchmark_execution_time_ms",
    "speedup_ratio",
    "performance_regression_detected_total",
    "memory_usage_mb",
    "cpu_utilization_percent",
    "benchmark_suite_duration_seconds",
    "ci_pipeline_status",
}
# What Prometheus itself adds.
MADE_BY_PROMETHEUS = {
    "ALERTS",
    "ALERTS_FOR_STATE",
    "up",
    "scrape_duration_seconds",
    "scrape_samples_post_metric_relabeling",
}
# From the stack's own parts, prometheus.yml keeps what it lists; from node_exporter, it drops that.
RELABELED = {
    action: [
        re.compile(relabeling["regex"])
        for job in yaml.safe_load(
            (REPOSITORY / "prometheus/prometheus.yml").read_text(encoding="utf-8")
        )["scrape_configs"]
        for relabeling in job.get("metric_relabel_configs", ())
        if relabeling["action"] == action
    ]
    for action in ("keep", "drop")
}
RECORDED = {
    rule["record"]
    for path in (REPOSITORY / "prometheus/rules").glob("*.yml")
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "record" in rule
}
# Neither the exporter nor another program: Prometheus, the rules, and `make backup`.
NOT_EXPORTED = MADE_BY_PROMETHEUS | RECORDED | set(age.METRICS)
TARGET_LABELS = {"job", "instance"}


def exposed(definition: Definition) -> Mapping[str, set[str]]:
    """Return the series names of a metric, each with its labels."""
    labels = {*definition.labels, *TARGET_LABELS}
    sums = {f"{definition.name}_sum": labels, f"{definition.name}_count": labels}
    if definition.type == "histogram":
        return {f"{definition.name}_bucket": labels | {"le"}, **sums}
    if definition.type == "summary":
        return {definition.name: labels | {"quantile"}, **sums}
    return {definition.name: labels}


EXPOSED = {
    name: labels for definition in METRICS.values() for name, labels in exposed(definition).items()
}
FAMILY = {name: definition for definition in METRICS.values() for name in exposed(definition)}


def test_prometheus_accepts_every_query(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    asked = [query for dashboard in DASHBOARDS.values() for query in queries(dashboard)]
    rules = [
        {"record": f"panel:query{number}", "expr": query.expr} for number, query in enumerate(asked)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(
        yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8"
    )
    run = subprocess.run(
        [*programs["promtool"], "check", "rules", str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(asked)} rules found" in run.stdout


SCOPED = {name for name, labels in EXPOSED.items() if {"benchmark_name", "machine_class"} <= labels}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_keeps_the_scopes_of_a_benchmark_apart(query: Query) -> None:
    """A label list that names the benchmark names all of its subject."""
    if SCOPED.isdisjoint(name for name, _ in metric_selectors(query.expr)):
        return
    lists = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", query.expr)
    of_benchmarks = [
        set(re.split(r",\s*", labels)) for labels in lists if "benchmark_name" in labels
    ]
    needed = {"project", "branch"}
    assert not [labels for labels in of_benchmarks if not needed <= labels]


def legends_of(dashboard: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the queries of the hidden variables that legends use, by variable."""
    return {
        variable["name"]: variable["definition"].removeprefix("query_result(").removesuffix(")")
        for variable in dashboard["templating"]["list"]
        if variable["definition"].startswith("query_result(")
    }


LEGENDS_TEST = """\
tests:
  - interval: 1m
    input_series:
      - series: 'benchmark_run_info{{benchmark_name="a", project="one", branch="main"}}'
        values: 1
      - series: 'benchmark_run_info{{benchmark_name="a", project="two", branch="main"}}'
        values: 1
    promql_expr_test:
      - expr: {projects}
        eval_time: 0
        exp_samples: [{{labels: '{{legend=" {{{{project}}}}"}}', value: 2}}]
      - {{expr: {branches}, eval_time: 0, exp_samples: []}}
      - {{expr: {exporters}, eval_time: 0, exp_samples: []}}
      - {{expr: {machine_classes}, eval_time: 0, exp_samples: []}}
"""


def test_legends_name_a_project_only_where_there_are_several(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    queries_of = legends_of(DASHBOARDS["overview"])
    labels = ("projects", "exporters", "branches", "machine_classes")
    assert queries_of.keys() == {f"several_{label}" for label in labels}
    filled = {
        name.removeprefix("several_"): json.dumps(fill_in({"expr": expr}, 60))
        for name, expr in queries_of.items()
    }
    file = tmp_path / "legends_test.yml"
    file.write_text(LEGENDS_TEST.format(**filled), encoding="utf-8")
    run = subprocess.run(
        [*programs["promtool"], "test", "rules", str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_reads_existing_metrics_by_existing_labels(query: Query) -> None:
    selectors = metric_selectors(query.expr)
    assert selectors
    for name, labels in selectors:
        if name in EXPOSED:
            assert set(labels) <= EXPOSED[name], name
        else:
            from_node = name.startswith("node_") and not any(
                dropped.fullmatch(name) for dropped in RELABELED["drop"]
            )
            kept = any(kept.fullmatch(name) for kept in RELABELED["keep"])
            assert from_node or kept or name in NOT_EXPORTED, name


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_uses_the_job_of_an_exporters_metric(query: Query) -> None:
    """Which of the two jobs scrapes a metric is a storage decision, and may change."""
    for name, labels in metric_selectors(query.expr):
        assert name not in EXPOSED or "job" not in labels
    joined = re.findall(r"\bon\s*\(([^)]*)\)", query.expr)
    assert not [labels for labels in joined if re.search(r"\bjob\b", labels)]


WINDOWED = [target for target in TARGETS if re.search(r"\$__(rate_)?interval", str(target.values))]


# What chooses the few that are shown reads five minutes too.
OF_FIVE_MINUTES = re.compile(
    r"\(last_over_time\((.*?)\[\d+s\] offset -\d+s @ end\(\)\) "
    r"or last_over_time\(\1\[5m\] @ end\(\)\)\)"
)


@pytest.mark.parametrize("target", WINDOWED)
def test_a_window_covers_four_scrapes(target: Mapping[str, Any]) -> None:
    expr = OF_FIVE_MINUTES.sub("vector(1)", fill_in(target, 3600))
    names = {name for name, _ in metric_selectors(expr)}
    scraped_each_second = {
        name for name, definition in FAMILY.items() if is_scraped_each_second(definition, expr)
    }
    least = target.get("interval", "1s")
    assert names <= scraped_each_second or least in (
        "30s",
        "1m",
        "75s",
        "210s",
        "10m",
        "15m",
        "1h",
        "6h",
        "1d",
    )
    windows = target["expr"].replace(AHEAD, "")
    assert not re.search(r"\$__interval\b", windows) or least in ("1h", "6h", "1d")


def test_every_required_metric_is_shown_and_at_least_fifteen() -> None:
    read = {
        name
        for dashboard in DASHBOARDS.values()
        for query in queries(dashboard)
        for name, _ in metric_selectors(query.expr)
    }
    shown = {FAMILY[name].name for name in read if name in FAMILY}
    assert shown >= REQUIRED
    assert len(shown) >= 15


@pytest.mark.parametrize(
    ("expr", "selectors"),
    [
        ('sum by (le) (rate(a_bucket{b=~"x{}", c!="by"}[5m]))', [("a_bucket", ["b", "c"])]),
        (
            "a offset 1d or b * on (c) group_left (d) e unless f > bool 0",
            [("a", []), ("b", []), ("e", []), ("f", [])],
        ),
        ('count(ALERTS{alertstate="firing"}) or vector(0)', [("ALERTS", ["alertstate"])]),
        ("time() - max(a) without (b)", [("a", [])]),
    ],
)
def test_metrics_and_labels_are_extracted_from_an_expression(
    expr: str, selectors: list[tuple[str, list[str]]]
) -> None:
    assert metric_selectors(expr) == selectors


@pytest.mark.parametrize(
    ("target", "range_seconds", "filled"),
    [
        (
            {"expr": "rate(a[$__rate_interval])"},
            21600,
            "rate(a[23s])",
        ),  # 22 s between two of a thousand points
        ({"expr": "rate(a[${__rate_interval}])", "interval": "15s"}, 3600, "rate(a[60s])"),
        (
            {"expr": "last_over_time(a[$__interval])", "interval": "1h"},
            86400,
            "last_over_time(a[3600s])",
        ),
        ({"expr": 'a{b=~"($benchmark)/x"}'}, 60, 'a{b=~"(.*)/x"}'),
        (
            {"expr": 'label_replace(a, "b", "$1", "c", "(.*)")'},
            60,
            'label_replace(a, "b", "$1", "c", "(.*)")',
        ),
    ],
)
def test_variables_are_filled_in_as_grafana_does(
    target: Mapping[str, str], range_seconds: int, filled: str
) -> None:
    assert fill_in(target, range_seconds) == filled


def test_an_unknown_variable_is_an_error() -> None:
    with pytest.raises(KeyError, match="nope"):
        fill_in({"expr": "a{b='$nope'}"}, 60)
