"""What a panel shows can be read: few lines, axes that no unusual value flattens, whole columns."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import yaml

from stack.demo_documents import PROJECTS
from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import panels
from tests.support.paths import REPOSITORY

Panel = Mapping[str, Any]
ALL = [(uid, panel) for uid, dashboard in DASHBOARDS.items() for panel in panels(dashboard)]


def parameters(*types: str) -> list[Any]:
    return [
        pytest.param(panel, id=f"{uid}-{panel['title']}")
        for uid, panel in ALL
        if panel["type"] in types
    ]


def defaults(panel: Panel) -> Mapping[str, Any]:
    found: Mapping[str, Any] = panel["fieldConfig"]["defaults"]
    return found


def of_columns(panel: Panel) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each override with the field or pattern that it is for."""
    for override in panel["fieldConfig"]["overrides"]:
        yield (
            override["matcher"]["options"],
            {each["id"]: each["value"] for each in override["properties"]},
        )


# Benchmark shows one benchmark, and all of its results.
OF_MANY = [
    pytest.param(panel, target["expr"], id=f"{uid}-{panel['title']}")
    for uid, panel in ALL
    for target in panel["targets"]
    if panel["type"] in ("timeseries", "state-timeline", "bargauge", "stat")
    and uid != "benchmark"
    and re.search(
        r"\bby \([^)]*(benchmark_name|pipeline, branch|alertname, project)", target["expr"]
    )
]


@pytest.mark.parametrize(("panel", "expr"), OF_MANY)
def test_a_graph_of_all_benchmarks_shows_few_and_says_which(panel: Panel, expr: str) -> None:
    few = re.search(r"\b(?:top|bottom)k\((\d+),", expr)
    if panel["type"] == "stat" and expr.startswith(("count", "max", "sum")):
        return  # one number
    assert few
    assert int(few[1]) <= (20 if panel["type"] == "bargauge" else 10)
    # A choice at each point would begin and end lines in the middle of the graph.
    assert panel["type"] in ("bargauge", "stat") or "@ end()" in expr
    assert re.search(r"\b(five|ten|twenty)\b|with most", panel["description"])


@pytest.mark.parametrize(
    "legend",
    [
        pytest.param(target["legendFormat"], id=f"{uid}-{panel['title']}")
        for uid, panel in ALL
        for target in panel["targets"]
        if panel["type"] in ("timeseries", "state-timeline", "bargauge")
        and re.search(r"\bby \([^)]*benchmark_name", target["expr"])
    ],
)
def test_a_line_or_bar_of_a_benchmark_names_its_environment(legend: str) -> None:
    assert legend.startswith("{{benchmark_name}} ")
    assert "{{environment}}" in legend
    assert "{{project}}" in legend or "${several_projects}" in legend


# Shares of a whole, which have no unusual values.
SHARES = {
    "Waiting for resources": "of a time",
    "CPU of the host, by mode": "of the cores",
    "CPU by process": "of the cores",
}


@pytest.mark.parametrize("panel", parameters("timeseries", "bargauge"))
def test_no_unusual_value_flattens_a_graph_of_ratios_or_durations(panel: Panel) -> None:
    own = defaults(panel)
    if own["unit"] not in ("percentunit", "suffix:×", "s", "dthms") or panel["title"] in SHARES:
        return
    scale = own.get("custom", {}).get("scaleDistribution", {}).get("type")
    assert scale in ("log", "symlog") or own.keys() >= {"min", "max"}


@pytest.mark.parametrize("panel", parameters("timeseries"))
def test_no_axis_rounds_two_ticks_to_the_same_text(panel: Panel) -> None:
    scale = defaults(panel).get("custom", {}).get("scaleDistribution", {}).get("type", "linear")
    if scale != "log":  # whose ticks are powers
        assert "decimals" not in defaults(panel)
        assert not [field for field, own in of_columns(panel) if "decimals" in own]


@pytest.mark.parametrize("panel", parameters("stat"))
def test_a_number_of_several_has_its_name(panel: Panel) -> None:
    legends = [target["legendFormat"] for target in panel["targets"]]
    if len(legends) > 1 or "{{" in legends[0]:
        assert panel["options"]["textMode"] == "value_and_name"


@pytest.mark.parametrize("panel", parameters("bargauge"))
def test_a_bar_has_its_name_above_it_where_it_is_not_cut(panel: Panel) -> None:
    assert panel["options"]["namePlacement"] == "top"


@pytest.mark.parametrize("panel", parameters("bargauge"))
def test_each_bar_has_room_for_its_name(panel: Panel) -> None:
    """Without a least height, fourteen have none; without a size, names of two are cut."""
    options = panel["options"]
    assert options["sizing"] == "manual"  # else the least height has no effect
    name = 1.5 * options["text"]["titleSize"]
    assert options["text"]["valueSize"] == options["text"]["titleSize"] == 12
    assert options["minVizHeight"] == options["maxVizHeight"] >= name + options["text"]["valueSize"]


@pytest.mark.parametrize("panel", parameters("stat"))
def test_a_name_of_a_number_can_be_read_however_long_it_is(panel: Panel) -> None:
    options = panel["options"]
    if options["textMode"] == "value_and_name":
        assert options["text"]["titleSize"] == 12
        assert options["orientation"] == (
            "vertical" if panel["title"] == "Alerts firing" else "horizontal"
        )


# Ages and durations that may be hours: "1 hours" in seconds, "1 hour" as a duration.
LONG = re.compile(r"time\(\) -|_(triage|close)_seconds_total|suite_duration|\* 60\)")


@pytest.mark.parametrize("panel", parameters("stat", "bargauge", "table"))
def test_a_long_duration_is_in_words(panel: Panel) -> None:
    for target in panel["targets"]:
        if LONG.search(target["expr"]):
            units = {"A": defaults(panel).get("unit")} | {
                field[-1]: own["unit"]
                for field, own in of_columns(panel)
                if field.startswith("Value #") and "unit" in own
            }
            assert units[target["refId"]] == "dtdurations"


@pytest.mark.parametrize("panel", parameters("table", "stat", "timeseries", "bargauge"))
def test_no_number_is_in_powers_of_ten(panel: Panel) -> None:
    assert '"sci"' not in json.dumps(panel["fieldConfig"])


@pytest.mark.parametrize("panel", parameters("table"))
def test_a_state_has_its_colour_and_a_cell_without_one_has_none(panel: Panel) -> None:
    for _, own in [("", defaults(panel)), *of_columns(panel)]:
        texts = own.get("mappings") or []
        if not any('"color"' in json.dumps(each) for each in texts):
            continue
        assert own["custom.cellOptions"]["type"] == "color-background"
        # Without these, what has no value has the colour of what is good: a gate, of no gate.
        assert own["thresholds"]["steps"] == [{"value": None, "color": "transparent"}]
        [nothing] = [each for each in texts if each["type"] == "special"]
        assert nothing["options"]["match"] == "null"
        assert nothing["options"]["result"]["text"]
        assert "color" not in nothing["options"]["result"]


ALERTS = [
    rule["alert"]
    for path in (REPOSITORY / "prometheus/rules").glob("*.yml")
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
PROJECT = max(PROJECTS, key=len)
# The longest value of each label in the demo, and of numbers by unit.
TEXTS: Mapping[str, str] = {
    "alertname": max(ALERTS, key=len),
    "baseline_version": "demo-start",
    "benchmark": PROJECT,
    "benchmark_name": f"{PROJECT}/compiled",
    "branch": "main",
    "commit_hash": "7eb41b44e9",
    "direction": "better",
    "environment": "demo-ci",
    "instance": "benchmark-exporter",
    "iteration": "sample",
    "machine_class": "linux x86_64 8 cpus",
    "part": "Alertmanager",
    "pipeline": "demo-nightly",
    "previous_commit_hash": "7eb41b44e9",
    "project": PROJECT,
    "run_id": "20261128T144429Z-e2c04d3f",
    "severity": "critical",
    "state": "acknowledged",
    "status": "resolved",
    "ticket": "PERF-1234",
    "unit": "per_second",
    "url": "http://localhost:8000",
    "version": "0.5.0",
    "who": "benchmark-exporter",
}
NUMBERS: Mapping[str | None, str] = {
    "dateTimeAsIso": "2026-11-28 14:43:29",
    "dtdurations": "59 minutes",
    "ms": "999.99 ms",
    "percentunit": "-2003.0%",
    "s": "999.99 µs",
    "si: ": "999.99 M",
    "suffix:×": "1234.5 ×",
    None: "12345",
}
# Inter, of 14 px, is 7.2 px wide on average. A cell has 6 px of padding on each side, and a heading
# by which the table is sorted an arrow.
GLYPH, PADDING, ARROW = 7.2, 12, 18


def needed(heading: str, text: str) -> float:
    return max(len(heading) * GLYPH + ARROW, len(text) * GLYPH) + PADDING


def listed_fields(panel: Panel) -> Sequence[str]:
    for each in panel["transformations"]:
        if each["id"] == "organize":
            order: Mapping[str, int] = each["options"]["indexByName"]
            return sorted(order, key=lambda field: order[field])
    return ()


def columns_of(panel: Panel) -> Mapping[str, Mapping[str, Any]]:
    own: dict[str, dict[str, Any]] = {}
    for field, properties in of_columns(panel):
        own.setdefault(field, {}).update(properties)
    return own


def width_of(properties: Mapping[str, Any]) -> int:
    width: int = properties.get("custom.width") or properties["custom.minWidth"]
    return width


@pytest.mark.parametrize("panel", parameters("table"))
def test_neither_a_heading_nor_a_value_of_the_demo_is_cut(panel: Panel) -> None:
    own = columns_of(panel)
    for field in listed_fields(panel):
        properties = own[field]
        text = TEXTS.get(field) or NUMBERS[properties.get("unit")]
        if "mappings" in properties:
            text = ""
            for each in properties["mappings"]:
                results = each["options"]
                texts = results.values() if each["type"] == "value" else [results["result"]]
                text = max([text, *(result["text"] for result in texts)], key=len)
        assert width_of(properties) >= needed(properties["displayName"], text), (field, text)


SCREEN_PIXELS = 1240  # of a panel as wide as a window of 1280
ENVIRONMENTS = 4


@pytest.mark.parametrize("panel", parameters("table"))
def test_the_numbers_of_a_table_are_seen_without_scrolling(panel: Panel) -> None:
    own, fields = columns_of(panel), listed_fields(panel)
    of_numbers = [index for index, field in enumerate(fields) if field.startswith("Value")]
    needs = sum(width_of(own[field]) for field in fields[: max(of_numbers, default=-1) + 1])
    assert needs <= SCREEN_PIXELS * panel["gridPos"]["w"] / 24


@pytest.mark.parametrize(
    "panel",
    [
        pytest.param(panel, id=f"{uid}-{panel['title']}")
        for uid, panel in ALL
        if "groupingToMatrix" in json.dumps(panel)
    ],
)
def test_a_matrix_shows_four_environments(panel: Panel) -> None:
    [options] = [each["options"] for each in panel["transformations"]]
    of = dict(of_columns(panel))
    of_row = of[f"{options['rowField']}\\{options['columnField']}"]
    of_place = of["/.*/"]
    assert panel["gridPos"]["w"] == 24
    assert (
        of_row["custom.width"] + ENVIRONMENTS * of_place["custom.width"]
        <= SCREEN_PIXELS * panel["gridPos"]["w"] / 24
    )
    # Names wrap between words.
    assert of_row["custom.wrapText"] is of_row["custom.cellOptions"]["wrapText"] is True
    assert of_row["custom.width"] >= needed("Result", f"{PROJECT}/compiled {PROJECT}")
    assert of_place["custom.wrapHeaderText"] is True
    assert of_place["custom.width"] >= needed("environment", "999.99 µs")
