"""k6: both summaries, units and directions, and what counts as a failure."""

from typing import Any

import pytest

from benchmark_exporter.model import Failure
from tests.support.documents import golden
from tests.support.parsing import accepted_run, encoded, rejected, results_of, run_of


def test_units_and_directions() -> None:
    found = {
        name: (result.unit, result.better)
        for name, result in results_of("k6/1-handle-summary").items()
    }
    assert found == {
        "http_req_duration": ("seconds", "lower"),
        "http_req_failed": ("ratio", "lower"),
        "checks": ("ratio", "higher"),
        "http_reqs": ("per_second", "higher"),
        "data_received": ("per_second", None),
        "iterations": ("per_second", "higher"),
        "iteration_duration": ("seconds", "lower"),
        "queue_length": ("", None),
    }


def test_trends_of_times_are_in_milliseconds() -> None:
    for document in ("k6/1-handle-summary", "k6/2-summary-export"):
        name = "http_req_duration" if document == "k6/1-handle-summary" else "http_req_waiting"
        statistics = results_of(document)[name].statistics
        less = 0.0 if name == "http_req_duration" else 0.01
        assert statistics.mean == pytest.approx(0.125 - less)
        assert statistics.p50 == pytest.approx(0.12 - less)
        assert statistics.p95 == pytest.approx(0.175 - less)
        assert statistics.p99 is None


def test_a_threshold_that_was_crossed_is_a_failure_and_nothing_else() -> None:
    run = run_of("k6/2-summary-export")  # in which true means that it was crossed
    crossed = "crossed: p(95)<150 (p(95) was 175)"
    assert run.failures == (Failure("http_req_duration", crossed),)
    assert "http_req_duration" not in {result.name for result in run.results}
    assert "http_req_waiting" in {result.name for result in run.results}


def failing(*, checks: int = 0, requests: int = 0, limit: str | None = None) -> Any:
    """The summary of a test in which so many of 100 checks and requests have failed."""
    document = golden("k6/1-handle-summary")
    document["root_group"]["groups"][0]["checks"][0] |= {"passes": 100 - checks, "fails": checks}
    document["metrics"]["checks"]["values"] |= {"fails": checks, "rate": 1 - checks / 100}
    document["metrics"]["http_req_failed"] = {
        "type": "rate",
        "contains": "default",
        "values": {"rate": requests / 100, "passes": requests, "fails": 100 - requests},
    }
    if limit:
        document["metrics"][limit]["thresholds"] = {"rate<0.5": {"ok": True}}
    return document


def test_where_checks_or_requests_failed_nothing_is_read_as_fast() -> None:
    run = accepted_run(failing(checks=3))
    assert run.failures == (Failure("checks/login::is 200", "3 of 100 failed"),)
    assert run.results == ()
    run = accepted_run(failing(requests=5))
    assert run.failures == (Failure("http_req_failed", "5.000% of the requests failed"),)
    assert run.results == ()


def test_a_threshold_allows_for_failures() -> None:
    for document in (
        failing(checks=3, limit="checks"),
        failing(requests=5, limit="http_req_failed"),
    ):
        run = accepted_run(document)
        assert run.failures == ()
        assert "http_req_duration" in {result.name for result in run.results}


def test_a_summary_without_groups_still_has_its_failed_checks() -> None:
    document = failing(checks=3)
    del document["root_group"]
    assert accepted_run(document).failures == (Failure("checks", "3 failed"),)


def test_the_duration_is_the_tests() -> None:
    assert run_of("k6/1-handle-summary").suite_duration_seconds == pytest.approx(10.2505)


def test_single_measurements_are_answered_with_the_option_that_writes_results() -> None:
    point = {"metric": "vus", "type": "Point", "data": {"time": "2026-03-01T12:00:00Z", "value": 1}}
    lines = encoded(point | {"type": "Metric"}) + b"\n" + encoded(point) + b"\n"
    assert "--summary-export" in rejected(lines).detail


def test_the_machine_readable_summary_is_read() -> None:
    document = golden("k6/3-machine-readable")
    run = accepted_run(document)
    found = {each.name: (each.unit, each.better) for each in run.results}
    assert found["http_req_duration"] == ("seconds", "lower")
    assert found["http_reqs"] == ("per_second", "higher")
    rate = next(each for each in run.results if each.name == "http_reqs")
    assert rate.statistics.mean == 9.75  # 195 in 20 seconds
    assert run.suite_duration_seconds == 20
    assert run.timestamp_seconds == pytest.approx(1772366400.354, abs=1e-3)
    duration = next(each for each in run.results if each.name == "http_req_duration")
    assert duration.statistics.p95 == pytest.approx(0.175)
    assert found["checks"] == ("ratio", "higher")
    document["results"]["checks"]["results"][0]["fails"] = 2
    failed = accepted_run(document)
    assert failed.failures == (Failure("checks/is 200", "2 of 197 failed"),)
    assert failed.results == ()


def test_the_machine_readable_summary_is_read_as_its_schema_names_the_keys_too() -> None:
    document = golden("k6/3-machine-readable")
    expected = accepted_run(document)
    metadata = document["metadata"]
    document["metadata"] = {
        "k6Version": metadata["k6_version"],
        "generatedAt": metadata["generated_at"],
    }
    for metric in document["results"]["metrics"]:
        if "p95" in metric["values"]:
            metric["values"]["p(95)"] = metric["values"].pop("p95")
    assert accepted_run(document) == expected


@pytest.mark.parametrize(
    ("threshold", "shown"),
    [
        ("count>100000", "count>100000 (count was 410)"),
        ("rate>=100", "rate>=100 (rate was 40)"),
        ("p(99.9)<1", "p(99.9)<1"),  # the summary does not have it
        ("<", "<"),
    ],
)
def test_a_crossed_threshold_says_what_the_value_was(threshold: str, shown: str) -> None:
    document = golden("k6/1-handle-summary")
    document["metrics"]["http_reqs"]["thresholds"] = {threshold: {"ok": False}}
    document["metrics"]["http_reqs"]["values"] = {"count": 410, "rate": 40}
    assert Failure("http_reqs", f"crossed: {shown}") in accepted_run(document).failures


@pytest.mark.parametrize("value", ["1,5", None, True, pytest.param(10**400, id="huge"), [], {}])
def test_a_metric_without_a_value_that_can_be_read_is_named(value: object) -> None:
    document = golden("k6/1-handle-summary")
    document["metrics"]["http_reqs"]["values"]["rate"] = value
    run = accepted_run(document)
    assert "http_reqs" not in {each.name for each in run.results}
    assert any("http_reqs" in note for note in run.notes)
    assert "iterations" in {each.name for each in run.results}


def test_a_value_in_quotes_is_read() -> None:
    document = golden("k6/1-handle-summary")
    document["metrics"]["http_reqs"]["values"]["rate"] = "12.5"
    (rate,) = [each for each in accepted_run(document).results if each.name == "http_reqs"]
    assert rate.statistics.mean == 12.5
