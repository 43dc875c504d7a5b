"""Numbers of things are those that were counted, and "none" is not "nothing is known"."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.evaluated import evaluate, panel_of, sample
from tests.grafana.queries import fill_in, panels

Programs = Mapping[str, Sequence[str]]
UP = 'benchmark_exporter_build_info{instance="i"}'
OF_RESULT = 'benchmark_name="b", branch="main", environment="e", machine_class="m", project="p"'


def asked(uid: str, title: str, number: int = 0) -> str:
    return fill_in(panel_of(uid, title)["targets"][number], 3600)


def test_three_regressions_are_three(programs: Programs, tmp_path: Path) -> None:
    """`increase` makes more of them, in proportion to the time around the samples."""
    counter = f'benchmark_alerts_total{{instance="i", {OF_RESULT}}}'
    evaluate(
        programs,
        tmp_path,
        {UP: "1x9", counter: "0 0 1 3 3"},
        [(asked("alerts", "Alerts in 7 days"), "4m25s", [sample(3, instance="i", project="p")])],
        interval="1m",
    )


def test_the_first_regression_counts_whose_0_was_never_scraped(
    programs: Programs, tmp_path: Path
) -> None:
    counter = f'benchmark_alerts_total{{instance="i", {OF_RESULT}}}'
    begun = [sample(1, instance="i", project="p")]
    expr = asked("alerts", "Alerts in 7 days")
    evaluate(
        programs,
        tmp_path,
        {UP: "1x200", counter: "_ _ _ _ 1 1x150 2x90"},  # the next one 155 hours after the first
        [
            (expr, "4h", begun),
            (expr, "170h", [sample(2, instance="i", project="p")]),
            (expr, "177h", begun),
        ],
        interval="1h",
    )


@pytest.mark.parametrize(
    ("title", "value", "labels"),
    [
        ("Alerts in 7 days", 0, {"project": "all projects"}),
        ("Real, 28 days", -1, {"project": "triaged"}),
        ("Until somebody takes it", -1, {"project": "triaged"}),
        ("Until it is closed", -1, {"project": "closed"}),
        ("Noise by benchmark, 28 days", 0, {"benchmark_name": "none so far"}),
        ("Noise by host, 28 days", 0, {"environment": "none so far"}),
    ],
)
def test_none_is_said_of_an_exporter_that_is_up(
    programs: Programs, tmp_path: Path, title: str, value: int, labels: Mapping[str, str]
) -> None:
    expr = asked("alerts", title)
    evaluate(
        programs,
        tmp_path,
        {UP: "1 1 stale"},
        [(expr, "1m", [sample(value, **labels)]), (expr, "2m", [])],
        interval="1m",
    )
    own = panel_of("alerts", title)["fieldConfig"]["defaults"]
    words = [each["options"] for each in own["mappings"] if each["type"] == "value"]
    assert value == 0 or words[0][str(value)]["text"] == "none"
    assert own["noValue"] == "No sample of the exporter"


def test_whether_results_moved_together_is_unknown_without_an_exporter(
    programs: Programs, tmp_path: Path
) -> None:
    expr = asked("overview", "Code or machine")
    shift = f'benchmark_environment_shift_active{{instance="i", {OF_RESULT}}}'
    evaluate(
        programs,
        tmp_path,
        {UP: "1 1 1 stale", shift: "_ 0"},
        [(expr, "0m", [sample(-1)]), (expr, "1m", [sample(0)]), (expr, "3m", [])],
        interval="1m",
    )


def test_the_newest_run_does_not_become_older_when_the_exporter_is_down(
    programs: Programs, tmp_path: Path
) -> None:
    expr = asked("overview", "Time since newest run")
    newest, older = (
        f'benchmark_last_run_timestamp_seconds{{instance="i", {OF_RESULT}}}'.replace('"b"', name)
        for name in ('"b"', '"c"')
    )
    evaluate(
        programs,
        tmp_path,
        {UP: "1 1 1 stale", newest: "120", older: "_ _ 60"},
        [(expr, "2m", [sample(0)]), (expr, "6m", [])],
        interval="1m",
    )


def test_an_exporter_without_a_result_has_no_age_of_one(programs: Programs, tmp_path: Path) -> None:
    expr = asked("stack-health", "Exporters", 2)
    newest = 'benchmark_exporter_last_ingest_timestamp_seconds{instance="i"}'
    evaluate(
        programs,
        tmp_path,
        {newest: "0 60"},
        [(expr, "0m", []), (f"max({expr})", "2m", [sample(60)])],
        interval="1m",
    )


# 100 runs of 12 ms, in a bucket up to 25 ms.
BUCKETS = {
    f'benchmark_execution_time_ms_bucket{{instance="i", iteration="median", le="{bound}", '
    f"{OF_RESULT}}}": count
    for bound, count in (("5", "0"), ("10", "10"), ("25", "100"), ("50", "100"), ("+Inf", "100"))
}
COUNT = f'benchmark_execution_time_ms_count{{instance="i", iteration="median", {OF_RESULT}}}'


@pytest.mark.parametrize(("number", "bound"), [(0, 10), (1, 25), (2, 10), (3, 25)])
def test_percentiles_of_all_runs_have_the_bounds_of_their_bucket(
    programs: Programs, tmp_path: Path, number: int, bound: float
) -> None:
    """A time within it would be made up: 17.5 ms of runs that took 12."""
    expr = asked("benchmark", "Execution time, all runs", number)
    evaluate(
        programs,
        tmp_path,
        {**BUCKETS, COUNT: "100"},
        [(f"round(max({expr}), 0.01)", "0m", [sample(bound)])],
    )


EVENTS = [
    pytest.param(panel, id=f"{uid}-{panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    if panel["type"] in ("timeseries", "heatmap")
    and panel["fieldConfig"]["defaults"]["unit"] == "none"
    and any("increase(" in target["expr"] for target in panel["targets"])
]


@pytest.mark.parametrize("panel", EVENTS)
def test_events_are_whole_and_their_window_is_named(panel: Mapping[str, Any]) -> None:
    for target in panel["targets"]:
        assert target["expr"].startswith("round(")
        window = {"30s": "two minutes", "210s": "14 minutes"}[target["interval"]]
        assert f"within {window} of each point" in panel["description"]


def test_there_are_graphs_of_events() -> None:
    assert EVENTS


def test_a_lag_of_no_message_is_none(programs: Programs, tmp_path: Path) -> None:
    lag = 'benchmark_stream_lag_seconds_bucket{instance="i", le="'
    evaluate(
        programs,
        tmp_path,
        {f'{lag}1"}}': "0x20", f'{lag}+Inf"}}': "0x20"},
        [(asked("stack-health", "Stream lag"), "8m", [])],
    )


def test_ci_shows_the_selected_pipelines_only() -> None:
    """Suites are by project."""
    for panel in panels(DASHBOARDS["ci"]):
        for target in panel["targets"]:
            if re.search(r"\bci_pipeline_", target["expr"]):
                assert 'pipeline=~"$pipeline"' in target["expr"], panel["title"]


@pytest.mark.parametrize(
    "panel",
    [
        pytest.param(panel, id=panel["title"])
        for panel in panels(DASHBOARDS["compare"])
        if "groupingToMatrix" in str(panel)
    ],
)
def test_a_row_of_a_matrix_begins_with_its_result(panel: Mapping[str, Any]) -> None:
    [first] = re.findall(r'"result", " ", "(\w+)"', panel["targets"][0]["expr"])
    assert first == "benchmark_name"


def test_a_speedup_over_a_baseline_has_two_decimals() -> None:
    """Such speedups are around 1, and 0.84 is not 0.8."""
    shown = [panel_of("benchmark", "Speedup"), panel_of("compare", "Speedup over each version")]
    overrides = shown[1]["fieldConfig"]["overrides"][0]["properties"]
    decimals = [each["value"] for each in overrides if each["id"] == "decimals"]
    assert [shown[0]["fieldConfig"]["defaults"]["decimals"], *decimals] == [2, 2]


def test_the_slowest_rule_groups_are_shown_only() -> None:
    [target] = panel_of("stack-health", "Rule evaluation")["targets"]
    assert "and on (group) topk(5, " in target["expr"]
    assert "@ end()" in target["expr"]
