"""pyperf: samples of all processes, units, and what the metadata state."""

import pytest

from benchmark_exporter.model import Failure, Machine
from tests.support.documents import golden
from tests.support.parsing import accepted_run, results_of, run_of


def test_values_of_all_processes_are_samples() -> None:
    results = results_of("pyperf/1-suite")
    assert results["timeit"].samples == pytest.approx((2.1e-6, 2.2e-6, 2.3e-6))
    assert (results["timeit"].unit, results["timeit"].better) == ("seconds", "lower")
    assert (results["mem"].unit, results["mem"].better) == ("bytes", "lower")


@pytest.mark.parametrize("document", ["pyperf/1-suite", "pyperf/2-one-benchmark-2.3"])
def test_time_machine_and_duration(document: str) -> None:
    run = run_of(document)
    assert run.timestamp_seconds == pytest.approx(1772366400.25)
    assert run.machine == Machine("Linux", "x86_64", "AMD EPYC 7763", 2)
    assert run.suite_duration_seconds
    assert run.notes == ()


def test_metadata_of_the_document_are_those_of_each_benchmark() -> None:
    document = golden("pyperf/2-one-benchmark-2.3")
    document["metadata"] |= {
        "tags": ["a"],
        "unit": "integer",
        "commit_id": "a1b2c3d",
        "commit_branch": "main",
    }
    run = accepted_run(document)
    assert (run.results[0].unit, run.results[0].better) == ("integer", None)
    assert (run.commit_hash, run.branch) == ("a1b2c3d", "main")


def test_a_benchmark_without_values_has_failed() -> None:
    document = golden("pyperf/1-suite")
    for each in document["benchmarks"][0]["runs"]:
        each.pop("values", None)
    assert accepted_run(document).failures == (
        Failure("timeit", "none of its processes measured anything"),
    )


def test_samples_of_versions_before_1_0_are_values() -> None:
    run = accepted_run(
        {
            "version": 6,
            "benchmarks": [{"common_metadata": {"name": "x"}, "runs": [{"samples": [0.5, 1.5]}]}],
        }
    )
    assert (run.results[0].name, run.results[0].samples) == ("x", (0.5, 1.5))
