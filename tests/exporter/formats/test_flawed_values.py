"""A value of another type costs itself or its entry, and not the whole document."""

from typing import Any

import pytest

from benchmark_exporter.model import Run
from tests.support.documents import changed, golden, without
from tests.support.parsing import accepted_run, encoded, rejected, run_of

GOOGLE, PYTEST = "google_benchmark/1-run", "pytest_benchmark/1-run"
HYPERFINE, HYPERFINE_2 = "hyperfine_with_sidecar/1-run", "hyperfine_2/1-run"
JMH, ACTION = "jmh/1-results", "github_action_benchmark/1-smaller"
SUITE, RESULTS = "bench_suite/1-comprehensive", "perf_diff/1-bench_results"
DIFF, ANALYSIS = "perf_diff/2-perf_diff", "perf_analyze/1-analysis"
# A number of each format, and how many results it may cost.
NUMBERS = [
    (GOOGLE, "benchmarks.0.real_time", 1),
    (GOOGLE, "benchmarks.0.bytes_per_second", 1),
    (GOOGLE, "context.num_cpus", 0),
    (PYTEST, "benchmarks.0.stats.data.1", 0),
    (PYTEST, "benchmarks.0.stats.max", 0),
    (PYTEST, "benchmarks.0.stats.rounds", 0),
    (PYTEST, "machine_info.cpu.count", 0),
    (HYPERFINE, "results.0.mean", 0),
    (HYPERFINE, "results.0.times.1", 0),
    (HYPERFINE, "results.0.user", 1),
    (HYPERFINE_2, "results.0.measurements.0.time_user.value", 9),
    (JMH, "0.primaryMetric.rawData.0.1", 9),
    (JMH, "0.primaryMetric.score", 9),
    (JMH, "0.threads", 9),
    (ACTION, "0.value", 1),
    (SUITE, "core_benchmarks.*.mean_us", 2),
    (SUITE, "core_benchmarks.*.p95_us", 0),
    (RESULTS, "benchmarks.*.mean_ms", 0),
    (DIFF, "comparisons.0.current.p50_ms", 3),
    (ANALYSIS, "top_functions.0.percentage_of_total", 1),
    (ANALYSIS, "metadata.iterations", 1),
]


def path_in(document: Any, path: str) -> str:
    """The path, in which the first key of an object takes the place of a star."""
    steps: list[str] = []
    for step in path.split("."):
        if step == "*":
            container = document
            for each in steps:
                container = container[int(each) if isinstance(container, list) else each]
            step = next(iter(container))  # noqa: PLW2901  # the key that the star stands for
        steps.append(step)
    return ".".join(steps)


def flawed(name: str, path: str, value: object) -> Run:
    document = golden(name)
    return accepted_run(changed(document, path_in(document, path), value))


@pytest.mark.parametrize(("name", "path", "costs"), NUMBERS)
@pytest.mark.parametrize("value", ["fast", {"a": 1}, [1], True], ids=str)
def test_a_number_of_another_type_costs_itself(
    name: str, path: str, costs: int, value: object
) -> None:
    run = flawed(name, path, value)
    whole = {result.name: result for result in run_of(name).results}
    found = {result.name: result for result in run.results}
    assert found.keys() <= whole.keys()
    assert len(found) >= max(1, len(whole) - costs), run.notes
    assert run.notes


@pytest.mark.parametrize(("name", "path", "costs"), NUMBERS)
def test_a_number_that_is_written_as_a_string_is_read(name: str, path: str, costs: int) -> None:
    del costs
    document = golden(name)
    path = path_in(document, path)
    value: Any = document
    for step in path.split("."):
        value = value[int(step) if isinstance(value, list) else step]
    run = accepted_run(changed(document, path, str(value)))
    assert run.results == run_of(name).results


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (GOOGLE, "benchmarks.0.name"),
        (GOOGLE, "benchmarks.0"),
        (GOOGLE, "benchmarks.1.time_unit"),
        (PYTEST, "benchmarks.0.fullname"),
        (HYPERFINE, "results.1.command"),
        (HYPERFINE_2, "results.1.measurements"),
        (JMH, "1.mode"),
        (JMH, "1.primaryMetric"),
        (JMH, "1.params"),
        (ACTION, "1.name"),
        (ACTION, "1"),
        (SUITE, "core_benchmarks.*"),
        (SUITE, "core_benchmarks.*.function"),
        (DIFF, "comparisons.0.diff.status"),
        (ANALYSIS, "top_functions.0.function_name"),
    ],
)
@pytest.mark.parametrize("value", [7, [7], {"a": 7}, False], ids=str)
def test_anything_else_of_another_type_costs_its_entry(name: str, path: str, value: object) -> None:
    document = golden(name)
    whole = run_of(name)
    path = path_in(document, path)
    if len(document if isinstance(document, list) else document[path.split(".")[0]]) < 2:
        assert rejected(encoded(changed(document, path, value))).json_path != "$"
        return
    run = accepted_run(changed(document, path, value))
    assert run.results or run.failures
    assert len(run.outcomes) >= len(whole.outcomes) - 2
    assert any("left out" in note for note in run.notes)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (GOOGLE, "context.date"),
        (GOOGLE, "context.executable"),
        (PYTEST, "datetime"),
        (PYTEST, "machine_info"),
        (PYTEST, "machine_info.system"),
        (PYTEST, "commit_info"),
        (PYTEST, "commit_info.branch"),
        (HYPERFINE_2, "metadata"),
        (HYPERFINE_2, "metadata.start_time"),
        (RESULTS, "metadata.commit_hash"),
        (DIFF, "summary"),
    ],
)
@pytest.mark.parametrize("value", [7, [7], True], ids=str)
def test_what_is_not_a_measurement_costs_none(name: str, path: str, value: object) -> None:
    run, whole = flawed(name, path, value), run_of(name)
    assert {each.name for each in run.results} == {each.name for each in whole.results}
    assert run.notes


def test_what_is_left_out_is_named_where_it_is() -> None:
    document = golden(GOOGLE)
    first = document["benchmarks"][0]
    document["benchmarks"] = [first | {"name": f"BM_{number}"} for number in range(6)]
    for number, wrong in ((1, {"name": 5}), (2, {"name": 5}), (4, {"real_time": "fast"})):
        document["benchmarks"][number] |= wrong
    (note,) = accepted_run(document).notes[:1]
    assert note == (
        "not as its format has it, and left out: $.benchmarks[1], $.benchmarks[2], "
        "$.benchmarks[4].real_time"
    )


def test_an_entry_of_an_object_is_found_by_what_is_wrong_with_it() -> None:
    part = {"p50_ms": 1.0, "p95_ms": 2.0}
    document = golden(RESULTS)
    document["benchmarks"] = {"a": part, "b": {"p50_ms": 1.0}, "c.d": {**part, "p95_ms": "x"}}
    run = accepted_run(document)
    assert [result.name for result in run.results] == ["a"]
    assert "$.benchmarks.b, $.benchmarks.c.d.p95_ms" in run.notes[0]


@pytest.mark.parametrize(
    ("name", "path", "json_path"),
    [(GOOGLE, "benchmarks", "$.benchmarks"), (HYPERFINE, "results", None)],
)
def test_a_document_of_another_shape_is_still_rejected(
    name: str, path: str, json_path: str | None
) -> None:
    error = rejected(encoded(changed(golden(name), path, 7)))
    assert json_path is None or (error.reason, error.json_path) == ("invalid_value", json_path)


def test_a_document_in_which_nothing_is_right_names_the_first_fault() -> None:
    document = {"context": golden(GOOGLE)["context"], "benchmarks": [{"real_time": 1.0}]}
    error = rejected(encoded(document))
    assert error.reason == "invalid_value"
    assert error.json_path == "$.benchmarks[0]"
    assert "missing required field `name`" in error.detail


def test_our_own_format_stays_strict() -> None:
    document = changed(golden("result/1-run"), "results.0.samples.0", "1.0")
    assert rejected(encoded(document)).json_path == "$.results[0].samples[0]"
    assert rejected(encoded(without(golden("result/1-run"), "results.0.samples"))).json_path
