"""vitest, tinybench and mitata: names, units and benchmarks that threw."""

import pytest

from benchmark_exporter.model import Failure, Machine
from tests.support.documents import golden
from tests.support.parsing import accepted_run, results_of, run_of


@pytest.mark.parametrize("document", ["vitest/1-version-1", "vitest/2-version-3"])
def test_vitest_names_a_benchmark_by_its_file_and_groups(document: str) -> None:
    run = run_of(document)
    names = ["top", "sort > numbers", "sort > strings", "sort > nested > one"]
    assert [each.name for each in run.results] == [f"sort.bench.js > {name}" for name in names]
    assert run.failures == (
        Failure("sort.bench.js > sort > broken", "it has no result: it failed"),
    )
    statistics = run.results[0].statistics
    median = 1e-3 if document == "vitest/2-version-3" else None
    assert statistics.p50 == median
    assert (statistics.mean, statistics.p99, statistics.stddev) == pytest.approx(
        (1.25e-3, 2e-3, 0.25e-3)
    )
    assert run.results[0].sample_count == 100


def test_vitest_has_samples_if_it_is_asked_for_them() -> None:
    document = golden("vitest/2-version-3")
    document["files"][0]["groups"][0]["benchmarks"][0]["samples"] = [1.0, 3.0]
    assert accepted_run(document).results[0].samples == (1e-3, 3e-3)


@pytest.mark.parametrize(
    ("document", "p50", "mean", "count"),
    [
        ("tinybench/1-table-2", None, 1390.5e-9, 18791),
        ("tinybench/2-table-6", 90e-9, 233.74e-9, 85566),
        ("tinybench/3-tasks-2", 2e-3, 2e-3, 3),
        ("tinybench/4-tasks-6", 1.5e-3, 2e-3, 100),
    ],
)
def test_tinybench_is_read_in_all_its_forms(
    document: str, p50: float | None, mean: float, count: int
) -> None:
    run = run_of(document)
    (result,) = run.results
    assert (result.name, result.unit, result.better) == ("numbers", "seconds", "lower")
    assert result.statistics.p50 == (None if p50 is None else pytest.approx(p50))
    assert result.statistics.mean == pytest.approx(mean)
    assert result.sample_count == count
    failed = [] if document == "tinybench/1-table-2" else ["broken"]
    assert [each.benchmark for each in run.failures] == failed


def test_vitest_before_1_has_its_benchmarks_by_group() -> None:
    document = {
        "numTotalTestSuites": 2,
        "numTotalTests": 4,
        "testResults": {
            "größe": [
                {"name": "fast", "rank": 1, "rme": 6.4, "samples": [0.1, 0.2, 0.3], "mean": 0.2},
                {"name": "throws", "rank": 2, "rme": 0, "samples": []},
            ],
            "": [{"name": "top", "rank": 1, "rme": 7.5, "samples": [], "mean": 1.2, "sd": 0.2}],
        },
    }
    run = accepted_run(document)
    found = {each.name: each for each in run.results}
    assert found["größe > fast"].statistics.p50 == pytest.approx(0.2e-3)
    assert found["größe > fast"].sample_count == 3
    assert found["top"].statistics.mean == pytest.approx(1.2e-3)
    assert run.failures == (Failure("größe > throws", "it has no result: it failed"),)


def test_a_task_that_threw_says_why_where_the_table_has_it() -> None:
    rows = [{"Task name": "throws", "Error": "no template", "Stack": "Error: no template"}]
    assert accepted_run(rows).failures == (Failure("throws", "no template"),)
    tasks = [{"name": "throws", "result": {"state": "errored", "error": {}}}]
    assert accepted_run(tasks).failures == (Failure("throws", "it has no result: it failed"),)


def test_tasks_of_one_name_are_numbered() -> None:
    tasks = golden("tinybench/4-tasks-6")[:1] * 2
    assert [each.name for each in accepted_run(tasks).results] == ["numbers", "numbers #2"]


def test_mitata_names_groups_and_arguments() -> None:
    results = results_of("mitata/2-version-1")
    assert sorted(each for each in results if not each.endswith("/heap")) == [
        "noop",
        "size 1",
        "size 10",
        "sort/numbers",
    ]
    heap = results["size 10/heap"]
    assert (heap.unit, heap.better, heap.statistics.mean) == ("bytes", "lower", 5.0)


@pytest.mark.parametrize("document", ["mitata/1-version-0", "mitata/2-version-1"])
def test_mitata_is_in_nanoseconds(document: str) -> None:
    run = run_of(document)
    result = next(each for each in run.results if each.name == "sort/numbers")
    statistics = result.statistics
    assert (statistics.p50, statistics.mean, statistics.p99) == pytest.approx((80e-9, 81e-9, 88e-9))
    assert run.failures == (Failure("sort/broken", "no data"),)


def test_mitata_states_the_machine() -> None:
    assert run_of("mitata/2-version-1").machine == Machine("linux", "x64", "AMD EPYC")
    assert run_of("mitata/1-version-0").machine == Machine(cpu_model="AMD EPYC")


@pytest.mark.parametrize("value", [True, pytest.param(10**400, id="huge"), [], {}])
def test_cells_of_tinybench_of_another_type_cost_themselves(value: object) -> None:
    row = {"Task name": "x", "Latency avg (ns)": "1,200 ± 5%", "Samples": value, "extra": [1]}
    (result,) = accepted_run([row]).results
    assert result.statistics.mean == pytest.approx(1.2e-6)
    assert result.sample_count is None
