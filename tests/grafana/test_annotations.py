"""The marks in the graphs: one for each event, at its time, and of the selected benchmarks only."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import VARIABLES, fill_in

ANNOTATIONS = [
    pytest.param(annotation, id=f"{uid}-{annotation['name']}")
    for uid, dashboard in DASHBOARDS.items()
    for annotation in dashboard["annotations"]["list"]
]
OF_PARSE = {
    "project": "one",
    "environment": "ci",
    "branch": "main",
    "machine_class": "arm",
    "instance": "exporter",
}


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_a_mark_is_at_the_time_of_its_event_and_no_band(annotation: Mapping[str, Any]) -> None:
    """Grafana joins the points of a query into a band, unless their values are times."""
    assert annotation["useValueForTime"] is True
    # What began before the range would be a mark at its edge.
    assert annotation["expr"].endswith(" * 1000 >= ${__from}")
    assert annotation["target"]["expr"] == annotation["expr"]


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_a_mark_is_of_the_selected_benchmarks(annotation: Mapping[str, Any]) -> None:
    assert "$benchmark" in annotation["expr"]


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_no_mark_claims_to_be_of_a_first_run(annotation: Mapping[str, Any]) -> None:
    """A start of the stack is the first that Prometheus sees of a commit, not its first run."""
    assert "first run" not in annotation["textFormat"] + annotation["titleFormat"]


def series(name: str, values: str, **labels: str) -> Mapping[str, str]:
    quoted = ",".join(f'{label}="{value}"' for label, value in {**OF_PARSE, **labels}.items())
    return {"series": f"{name}{{{quoted}}}", "values": values}


def of_alert(name: str, benchmark: str, **labels: str) -> Sequence[Mapping[str, str]]:
    labels = {"alertname": name, "severity": "critical", "benchmark_name": benchmark, **labels}
    return (
        series("ALERTS", "_x10 1x20", alertstate="firing", **labels),
        series("ALERTS_FOR_STATE", "_x10 600x20", **labels),
    )


def answers(
    programs: Mapping[str, Sequence[str]],
    folder: Path,
    name: str,
    begun: Sequence[Mapping[str, str]],
    expected: Mapping[str, Sequence[Mapping[str, object]]],
) -> None:
    """Ask for the marks named `name` for the benchmark `parse`, at each of the times.

    Raises:
        AssertionError: the answer is another.
    """
    [annotation] = [
        each for each in DASHBOARDS["benchmark"]["annotations"]["list"] if each["name"] == name
    ]
    chosen = {**VARIABLES, "benchmark": "parse"}
    # 15 minutes; promtool has no points of a range, so the last one's look ahead is left out.
    expr = fill_in(annotation["target"], 900, chosen).replace(">= 0", ">= 300000")
    tests = [
        {"expr": expr, "eval_time": time, "exp_samples": samples}
        for time, samples in expected.items()
    ]
    document = {"tests": [{"interval": "1m", "input_series": begun, "promql_expr_test": tests}]}
    (folder / "test.yml").write_text(json.dumps(document), encoding="utf-8")
    run = subprocess.run(
        [*programs["promtool"], "test", "rules", str(folder / "test.yml")],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, f"{run.stdout}{run.stderr}\n{yaml.safe_dump(document)}"


def labels_of(**labels: str) -> str:
    quoted = ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{{{quoted}}}"


def test_a_regression_is_one_mark_and_that_of_another_benchmark_none(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    alert = "PerformanceRegression"
    mark = {
        "labels": labels_of(alertname=alert, benchmark_name="parse/fast", **OF_PARSE),
        "value": 600_000,
    }
    answers(
        programs,
        tmp_path,
        "Regressions",
        [*of_alert(alert, "parse/fast"), *of_alert(alert, "render")],
        {"9m": [], "12m": [mark], "20m": [mark]},
    )


def test_a_common_regression_is_a_mark_of_the_benchmarks_that_are_part_of_it(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    alert = "CommonRegression"
    both = [
        series(
            "benchmark_regression_info", "1x30", benchmark_name=name, previous_commit_hash=commit
        )
        for name, commit in (("parse", "a1"), ("parse/fast", "b2"), ("render", "a1"))
    ]
    mark = {
        "labels": labels_of(alertname=alert, benchmark_name="parse", **OF_PARSE),
        "value": 600_000,
    }
    answers(
        programs,
        tmp_path,
        "Regressions",
        [*of_alert(alert, "", last_good_commit="a1"), *both],
        {"12m": [mark]},
    )


def test_a_commit_is_marked_at_its_run_once(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    runs = [
        series("benchmark_run_info", "_ 1x8 _x30", benchmark_name="parse", commit_hash="a1"),
        series("benchmark_run_info", "_x10 1x30", benchmark_name="parse", commit_hash="b2"),
        series("benchmark_last_run_timestamp_seconds", "_ 60x8 590x30", benchmark_name="parse"),
    ]
    of = {"branch": "main", "commit_hash": "b2", "project": "one", "instance": "exporter"}
    second = {"labels": labels_of(**of, of="exporter b2 one", link=" "), "value": 590_000}
    answers(
        programs,
        tmp_path,
        "Commits",
        runs,
        # The run of a1 was before the range, so the start of the stack is no mark.
        {"0m": [], "5m": [second], "10m": [], "15m": [], "20m": []},
    )


@pytest.mark.parametrize(
    ("commit", "project", "instance"),
    [
        ("0000000006", "parse/fast.v2-b", "benchmark-exporter"),
        ("0000000006", "one", "perf-b/benchmark-exporter"),
        ("v1.2.3", "one", "benchmark-exporter"),
        ("a" * 65, "one", "benchmark-exporter"),
        ("abcdef12", "a b", "benchmark-exporter"),
        ("abcdef12", "a&b", "benchmark-exporter"),
        ("abcdef12' onclick='x", "one", "benchmark-exporter"),
        ("abcdef12", "<b>", "benchmark-exporter"),
        ("", "one", "benchmark-exporter"),
    ],
)
def test_a_mark_links_to_a_hash_and_to_nothing_else(
    programs: Mapping[str, Sequence[str]],
    tmp_path: Path,
    commit: str,
    project: str,
    instance: str,
) -> None:
    """Its text is HTML, in which PromQL escapes nothing."""
    of = {"project": project, "instance": instance, "benchmark_name": "parse"}
    info = {"direction": "worse", "commit_hash": commit, "previous_commit_hash": "a1"}
    found = [
        series("benchmark_change_info", "1x30", **of, **info),
        series("benchmark_change_timestamp_seconds", "600x30", **of),
    ]
    is_linked = commit == "0000000006" and instance == "benchmark-exporter"
    url = f"http://localhost:8000/commit?hash={commit}&project={project}"
    link = f"<a href='{url}' target='_blank'>Open the commit</a>" if is_linked else " "
    labels = {**OF_PARSE, **of, "commit_hash": commit, "previous_commit_hash": "a1"}
    labels = {name: value for name, value in labels.items() if value}
    labels |= {"of": f"{instance} {commit} {project}", "link": link}
    mark = {"labels": labels_of(**labels), "value": 600_000}
    answers(programs, tmp_path, "Changes for the worse", found, {"12m": [mark]})


def test_a_mark_of_a_commit_shows_its_link() -> None:
    marks = [
        annotation
        for dashboard in DASHBOARDS.values()
        for annotation in dashboard["annotations"]["list"]
        if "commit_hash}}" in annotation["titleFormat"] + annotation["textFormat"]
    ]
    assert len(marks) > 5
    assert all(mark["textFormat"].endswith(" {{link}}") for mark in marks)
