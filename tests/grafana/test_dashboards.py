"""The committed dashboards: up to date, complete and consistent. No Grafana is needed."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import panels
from tests.support.paths import REPOSITORY

PANELS = [
    pytest.param(panel, id=f"{uid}-{panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
# Panel types that need no plugin and are not deprecated.
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
        f"regenerate the dashboards with `make generate`:\n{run.stdout}{run.stderr}"
    )


def test_every_file_is_named_after_its_uid() -> None:
    assert "overview" in DASHBOARDS
    assert {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()} == {
        name: name for name in DASHBOARDS
    }


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_says_which_question_it_answers(uid: str) -> None:
    assert re.fullmatch(r"[^?]+\?", DASHBOARDS[uid]["description"])


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_panel_ids_are_unique(uid: str) -> None:
    rows = [panel["id"] for panel in DASHBOARDS[uid]["panels"] if panel["type"] == "row"]
    ids = rows + [panel["id"] for panel in panels(DASHBOARDS[uid])]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_no_panel_overlaps_another_or_exceeds_the_grid(uid: str) -> None:
    positions = {panel["title"]: panel["gridPos"] for panel in panels(DASHBOARDS[uid])}
    positions |= {
        f"row {panel['title']}": panel["gridPos"]
        for panel in DASHBOARDS[uid]["panels"]
        if panel["type"] == "row"
    }
    outside = [
        title
        for title, position in positions.items()
        if position["x"] < 0 or position["x"] + position["w"] > 24
    ]
    assert outside == []
    assert [
        pair
        for pair in combinations(positions, 2)
        if _overlap(positions[pair[0]], positions[pair[1]])
    ] == []


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_a_description_and_a_unit(
    panel: Mapping[str, Any],
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["type"] in PANEL_TYPES
    assert panel["title"]
    assert panel["description"].endswith(".")
    # Of a table's columns of text, numbers would be shown as numbers: 0000000006 as 6.
    is_of_text = panel["type"] == "table" and "groupingToMatrix" not in json.dumps(panel)
    assert ("unit" in defaults) is not is_of_text


@pytest.mark.parametrize("panel", PANELS)
def test_a_logarithmic_axis_has_no_soft_limits_which_have_no_effect_there(
    panel: Mapping[str, Any],
) -> None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    if custom.get("scaleDistribution", {}).get("type") == "log":
        assert not custom.keys() & {"axisSoftMin", "axisSoftMax"}


@pytest.mark.parametrize("panel", PANELS)
def test_colors_are_distinct_with_any_color_vision(panel: Mapping[str, Any]) -> None:
    named = re.findall(r'"(?:color|fixedColor)": "([^"]+)"', json.dumps(panel))
    assert set(named) <= COLORS | {"transparent", "text"}


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_everything_uses_the_provisioned_data_source(uid: str) -> None:
    # History alone may be about more than Prometheus keeps.
    name = "history" if uid == "history" else "prometheus"
    provisioned = yaml.safe_load(
        (REPOSITORY / f"grafana/provisioning/datasources/{name}.yml").read_text(encoding="utf-8")
    )["datasources"]
    expected = {"type": provisioned[0]["type"], "uid": provisioned[0]["uid"]}
    dashboard = DASHBOARDS[uid]
    annotations = dashboard["annotations"]["list"]
    users = [
        *panels(dashboard),
        *(target for panel in panels(dashboard) for target in panel["targets"]),
        # A text box asks no data source.
        *(each for each in dashboard["templating"]["list"] if each["type"] != "textbox"),
    ]
    users += [*annotations, *(annotation["target"] for annotation in annotations)]
    assert [user["datasource"] for user in users] == [expected] * len(users)
    assert "${DS_" not in json.dumps(dashboard)


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_links_to_all_others_with_its_variables_and_time(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    [link] = [link for link in dashboard["links"] if link["type"] == "dashboards"]
    assert (link["includeVars"], link["keepTime"]) == (True, True)
    assert all(set(link["tags"]) <= set(other["tags"]) for other in DASHBOARDS.values())
    shared = [variable["name"] for variable in dashboard["templating"]["list"]][:6]
    assert shared == [
        *("project", "instance", "branch", "benchmark", "environment", "machine_class")
    ]


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_legend_uses_only_variables_of_its_dashboard(uid: str) -> None:
    variables = {variable["name"] for variable in DASHBOARDS[uid]["templating"]["list"]}
    legends = [
        target.get("legendFormat", "")
        for panel in panels(DASHBOARDS[uid])
        for target in panel["targets"]
    ]
    assert set(re.findall(r"\$\{?(\w+)", " ".join(legends))) <= variables


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_table_of_benchmarks_or_pipelines_has_columns_for_where_they_come_from(uid: str) -> None:
    for panel in panels(DASHBOARDS[uid]):
        order = [
            transformation["options"]["indexByName"]
            for transformation in panel.get("transformations", [])
            if transformation["id"] == "organize"
        ]
        for columns in order:
            if "benchmark_name" in columns:
                scope = {"project", "environment", "branch", "machine_class", "instance"}
                assert scope <= columns.keys(), panel["title"]
            if "pipeline" in columns:
                assert "project" in columns, panel["title"]


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_link_within_grafana_leads_to_an_existing_dashboard(uid: str) -> None:
    linked = re.findall(r'"url": "/d/([^?"]+)', json.dumps(DASHBOARDS[uid]))
    assert set(linked) <= DASHBOARDS.keys()


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_the_refresh_follows_the_range(uid: str) -> None:
    """At 30 days with 5 s, a dashboard would be loaded again before it is there."""
    dashboard = DASHBOARDS[uid]
    assert dashboard["refresh"] == "auto"
    assert dashboard["timepicker"]["refresh_intervals"][0] == "1s"


def test_the_home_page_refreshes_within_five_seconds() -> None:
    """Grafana's interval is the range divided by the width of the window, and rounded."""
    hours = int(DASHBOARDS["overview"]["time"]["from"].removeprefix("now-").removesuffix("h"))
    assert hours * 3600 / 1280 < 7.5  # which is rounded to 5 s


def test_compare_links_to_the_diff_of_the_sides_in_its_text_boxes() -> None:
    compare = DASHBOARDS["compare"]
    (url,) = (link["url"] for link in compare["links"] if link["title"] == "Diff")
    sides = {each["name"] for each in compare["templating"]["list"] if each["type"] == "textbox"}
    assert url.endswith(
        "/api/v1/diff?base=${diff_base:percentencode}&head=${diff_head:percentencode}"
    )
    assert sides == {"diff_base", "diff_head"}
