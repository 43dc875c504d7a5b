"""The dashboards that are committed: fresh, whole, and of metrics and labels that exist. No Grafana is needed."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark_exporter.collector import Definition, load_definitions
from tests.grafana.queries import Query, fill_in, metric_selectors, panels, queries
from tests.paths import REPOSITORY
from tests.rules.promql import is_scraped_each_second

DASHBOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((REPOSITORY / "grafana/dashboards").glob("*.json"))
}
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
PANELS = [
    pytest.param(panel, id=f"{uid}-{panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
METRICS = load_definitions(REPOSITORY / "exporter/metrics.yaml")

# Panels that need no plugin and are not about to be taken out of Grafana.
PANEL_TYPES = {
    "bargauge",
    "gauge",
    "heatmap",
    "histogram",
    "stat",
    "state-timeline",
    "table",
    "text",
    "timeseries",
}
# Okabe and Ito's palette.
COLORS = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
# The metrics that were asked for by name.
ASKED = {
    "benchmark_execution_time_ms",
    "speedup_ratio",
    "performance_regression_detected_total",
    "memory_usage_mb",
    "cpu_utilization_percent",
    "benchmark_suite_duration_seconds",
    "ci_pipeline_status",
}
# What Prometheus makes itself. Beside it the parts of the stack have metrics of their own, by these prefixes.
MADE_BY_PROMETHEUS = {
    "ALERTS",
    "ALERTS_FOR_STATE",
    "up",
    "scrape_duration_seconds",
    "scrape_samples_post_metric_relabeling",
}
# Of the stack's own parts prometheus.yml keeps what it lists; of node_exporter, what it does not.
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
TARGET_LABELS = {"job", "instance"}


def exposed(definition: Definition) -> Mapping[str, set[str]]:
    """The series of a metric, each with its labels."""
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


def test_the_committed_files_are_what_the_generator_writes() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "grafana.generate", "--check"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, (
        f"make the dashboards anew with `python -m grafana.generate`:\n{run.stdout}{run.stderr}"
    )


def test_every_file_is_named_after_its_uid() -> None:
    assert "overview" in DASHBOARDS
    assert {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()} == {
        name: name for name in DASHBOARDS
    }


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_panel_ids_are_unique(uid: str) -> None:
    rows = [panel["id"] for panel in DASHBOARDS[uid]["panels"] if panel["type"] == "row"]
    ids = rows + [panel["id"] for panel in panels(DASHBOARDS[uid])]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_no_panel_lies_on_another_or_beside_the_grid(uid: str) -> None:
    places = {panel["title"]: panel["gridPos"] for panel in panels(DASHBOARDS[uid])}
    places |= {
        f"row {panel['title']}": panel["gridPos"]
        for panel in DASHBOARDS[uid]["panels"]
        if panel["type"] == "row"
    }
    outside = [
        title for title, place in places.items() if place["x"] < 0 or place["x"] + place["w"] > 24
    ]
    assert outside == []
    assert [
        pair for pair in combinations(places, 2) if _overlap(places[pair[0]], places[pair[1]])
    ] == []


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_in_which_unit_and_what_no_data_means(
    panel: Mapping[str, Any],
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["type"] in PANEL_TYPES
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert defaults["unit"]
    assert defaults["noValue"]


@pytest.mark.parametrize("panel", PANELS)
def test_colors_are_distinct_with_any_color_vision(panel: Mapping[str, Any]) -> None:
    named = re.findall(r'"(?:color|fixedColor)": "([^"]+)"', json.dumps(panel))
    assert set(named) <= COLORS


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_everything_names_the_provisioned_data_source(uid: str) -> None:
    provisioned = yaml.safe_load(
        (REPOSITORY / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    )["datasources"]
    expected = {"type": provisioned[0]["type"], "uid": provisioned[0]["uid"]}
    dashboard = DASHBOARDS[uid]
    annotations = dashboard["annotations"]["list"]
    users = [
        *panels(dashboard),
        *(target for panel in panels(dashboard) for target in panel["targets"]),
        *dashboard["templating"]["list"],
    ]
    users += [*annotations, *(annotation["target"] for annotation in annotations)]
    assert [user["datasource"] for user in users] == [expected] * len(users)
    assert "${DS_" not in json.dumps(dashboard)


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_leads_to_all_others_with_its_variables_and_time(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    [link] = [link for link in dashboard["links"] if link["type"] == "dashboards"]
    assert (link["includeVars"], link["keepTime"]) == (True, True)
    assert all(set(link["tags"]) <= set(other["tags"]) for other in DASHBOARDS.values())
    shared = [variable["name"] for variable in dashboard["templating"]["list"]][:3]
    assert shared == ["project", "benchmark", "environment"]


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_link_within_grafana_leads_to_a_dashboard_that_is_there(uid: str) -> None:
    linked = re.findall(r'"url": "/d/([^?"]+)', json.dumps(DASHBOARDS[uid]))
    assert set(linked) <= DASHBOARDS.keys()


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_what_is_live_is_asked_for_every_five_seconds(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    assert dashboard["refresh"] == ("5m" if uid == "history" else "5s")  # its queries read a month
    assert dashboard["timepicker"]["refresh_intervals"][0] == "1s"


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


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_reads_metrics_that_exist_by_labels_that_they_have(query: Query) -> None:
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
            assert from_node or kept or name in MADE_BY_PROMETHEUS | RECORDED, name


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_goes_by_the_job_of_an_exporters_metric(query: Query) -> None:
    """Which of its two jobs scrapes a metric is a matter of storage, and may change."""
    for name, labels in metric_selectors(query.expr):
        assert name not in EXPOSED or "job" not in labels
    joined = re.findall(r"\bon\s*\(([^)]*)\)", query.expr)
    assert not [labels for labels in joined if re.search(r"\bjob\b", labels)]


WINDOWED = [target for target in TARGETS if re.search(r"\$__(rate_)?interval", str(target.values))]


@pytest.mark.parametrize("target", WINDOWED)
def test_a_window_holds_four_scrapes_of_what_it_reads(target: Mapping[str, Any]) -> None:
    expr = fill_in(target, 3600)
    names = {name for name, _ in metric_selectors(expr)}
    scraped_each_second = {
        name for name, definition in FAMILY.items() if is_scraped_each_second(definition, expr)
    }
    least = target.get("interval", "1s")
    assert names <= scraped_each_second or least in ("30s", "1m", "10m", "1h", "6h", "1d")
    assert "$__interval" not in target["expr"] or least in ("1h", "6h", "1d")


def test_every_metric_that_was_asked_for_is_shown_and_fifteen_at_least() -> None:
    read = {
        name
        for dashboard in DASHBOARDS.values()
        for query in queries(dashboard)
        for name, _ in metric_selectors(query.expr)
    }
    shown = {FAMILY[name].name for name in read if name in FAMILY}
    assert shown >= ASKED
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
def test_metrics_and_labels_are_read_out_of_an_expression(
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
