"""A value that no benchmark has costs itself: not finite, too large, or a name that is too long."""

import json
from typing import Any

import pytest

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Failure, Run
from tests.support.documents import Json, changed, golden
from tests.support.parsing import accepted_run, encoded, rejected, results_of, run_of

GOOGLE = "google_benchmark/1-run"
SPELLINGS = [
    *("NaN", "nan", "-nan", "NAN", "-NaN", "nan(0x7)", "-nan(ind)", "nan(snan)"),
    *("inf", "-inf", "+inf", "INF", "Infinity", "-Infinity", "infinity"),
    *("1.#INF", "-1.#INF", "1.#QNAN", "-1.#IND", "1.#IND00", "1e999"),
]


def benchmark(name: str, **values: float | str) -> Json:
    times = {"real_time": 10.0, "cpu_time": 10.0, "time_unit": "ns"}
    return {"name": name, "run_name": name, "run_type": "iteration", **times, **values}


def document(*entries: Json) -> Json:
    return {"context": {"date": "2026-03-01T10:00:00Z", "num_cpus": 4}, "benchmarks": [*entries]}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_number_that_is_not_finite_is_not_there(spelling: str) -> None:
    name = 'BM_inf "nan, inf": -nan'  # which is a name, and stays as it is
    written = encoded(document(benchmark(name, items_per_second="HERE"), benchmark("BM_y")))
    run = parse(written.replace(b'"HERE"', spelling.encode()))
    assert isinstance(run, Run)
    assert [result.name for result in run.results] == [name, f"{name}/cpu", "BM_y", "BM_y/cpu"]


@pytest.mark.parametrize("spelling", SPELLINGS[:-1])
def test_a_document_that_ends_after_such_a_number_is_truncated(spelling: str) -> None:
    written = encoded(document(benchmark("BM_x", items_per_second="HERE")))
    before, _, after = written.partition(b'"HERE"')
    for end in (before + spelling.encode(), before + spelling.encode() + after[:-1]):
        assert rejected(end).reason == "truncated"


@pytest.mark.parametrize(
    ("name", "path", "left"),
    [
        # Of a time that is left out, the CPU's stays.
        (GOOGLE, "benchmarks.0.real_time", "BM_Copy/64/cpu"),
        (GOOGLE, "benchmarks.0.bytes_per_second", "BM_Copy/64"),
        (GOOGLE, "context.num_cpus", "BM_Copy/64"),
        ("pytest_benchmark/1-run", "benchmarks.0.stats.max", None),
        ("pytest_benchmark/1-run", "machine_info.cpu.count", None),
        ("hyperfine_with_sidecar/1-run", "results.0.user", "router --check"),
        ("hyperfine_with_sidecar/1-run", "results.0.times.1", "router --check"),
        ("jmh/1-results", "0.primaryMetric.rawData.0.1", "org.example.Parse.split/thrpt"),
        ("github_action_benchmark/1-smaller", "0.value", "Binary"),
    ],
)
@pytest.mark.parametrize("value", [5e15, 10**30, float("nan"), float("-inf")])
def test_an_implausible_value_costs_only_itself(
    name: str, path: str, left: str | None, value: float
) -> None:
    run = accepted_run(changed(golden(name), path, value))
    whole = {result.name for result in run_of(name).results}
    found = {result.name for result in run.results}
    assert found <= whole
    assert len(found) >= len(whole) - 1
    assert left is None or left in found
    if value == 5e15:
        assert any(f"$.{path}".replace(".0", "[0]")[:8] in note for note in run.notes), run.notes


def test_a_sample_that_is_left_out_does_not_cost_the_others() -> None:
    name = "hyperfine_with_sidecar/1-run"
    run = accepted_run(changed(golden(name), "results.0.times.1", float("inf")))
    (found,) = (result for result in run.results if result.name == "router --check")
    assert found.samples == (0.02, 0.03)
    assert results_of(name)["router --check"].samples == (0.02, 0.04, 0.03)


def test_a_document_in_which_nothing_is_plausible_is_rejected() -> None:
    entries = [{"name": "a", "unit": "s", "value": 1e300}]
    assert rejected(encoded(entries)).reason == "invalid_value"


def test_the_words_of_a_string_value_are_not_there_either() -> None:
    run = accepted_run(document(benchmark("nan", items_per_second="inf"), benchmark("BM_y")))
    assert "BM_y" in {result.name for result in run.results}
    entries = [{"name": name, "unit": "s", "value": name} for name in ("nan", "-inf", "1.5")]
    assert [result.statistics.mean for result in accepted_run(entries).results] == [1.5]


LONG = "BM_s<" + "std::vector<int>," * 100 + ">"


def long_documents() -> list[Any]:
    pytest_document = changed(golden("pytest_benchmark/1-run"), "benchmarks.0.fullname", LONG)
    jmh = changed(golden("jmh/1-results"), "0.benchmark", LONG)
    parameters = changed(golden("jmh/1-results"), "1.params", {"text": LONG})
    hyperfine = changed(golden("hyperfine_with_sidecar/1-run"), "results.0.command", LONG)
    entries = changed(golden("github_action_benchmark/1-smaller"), "0.name", LONG)
    google = document(benchmark(LONG), benchmark(LONG + "x"), benchmark("BM_y"))
    return [google, pytest_document, jmh, parameters, hyperfine, entries]


@pytest.mark.parametrize("long", long_documents(), ids=lambda long: json.dumps(long)[:30])
def test_a_name_of_any_length_is_read_and_cut_with_a_digest(long: Any) -> None:
    run = accepted_run(long)
    names = [result.name for result in run.results]
    assert len(set(names)) == len(names)
    cut = {result.benchmark for result in run.results if "…" in result.benchmark}
    assert cut
    assert {len(name) for name in cut} == {1024}
    assert {result.name for result in accepted_run(long).results} == set(names)


def test_names_that_differ_after_their_first_thousand_characters_stay_apart() -> None:
    run = accepted_run(document(benchmark(LONG + "x"), benchmark(LONG + "y")))
    assert len({result.benchmark for result in run.results}) == 2
    failing = document(benchmark(LONG, error_occurred=True, error_message="x"))
    (failure,) = accepted_run(failing).failures
    assert isinstance(failure, Failure)
    assert len(failure.benchmark) == 1024


def test_an_unknown_document_with_nan_is_of_an_unknown_format() -> None:
    error = rejected(b'{"results":{"t.time_x":[[NaN]]},"commit_hash":"x","env_name":"e"}')
    assert error.reason == "unknown_format"


@pytest.mark.parametrize("levels", [250, 600])
def test_an_implausible_value_that_is_nested_deeply_is_a_rejection(levels: int) -> None:
    nested = json.loads("[" * levels + "]" * levels)
    document = {"a": {"latency": {"value": 1.0, "p99": nested}}}
    assert rejected(encoded(document)).detail == "nested too deeply"
