"""BenchmarkDotNet: full and brief JSON, jobs, diagnosers and failures."""

import pytest

from benchmark_exporter.model import Machine
from tests.support.documents import golden
from tests.support.parsing import accepted_run, results_of, run_of

NAME = "Demo.Sorting.Quick(N: 10)"


def test_the_full_one_has_samples_in_nanoseconds() -> None:
    results = results_of("benchmarkdotnet/1-full")
    assert results[f"{NAME}(Runtime=.NET 8.0)"].samples == pytest.approx((76e-9, 78e-9, 80e-9))
    assert results[f"{NAME}(Runtime=.NET 6.0)"].samples == pytest.approx((96e-9, 98e-9, 100e-9))


def test_the_brief_one_has_statistics() -> None:
    result = results_of("benchmarkdotnet/2-brief")[NAME]
    assert result.samples == ()
    assert result.sample_count == 3
    assert result.statistics.p50 == pytest.approx(10362283e-9)
    assert result.statistics.p95 == pytest.approx(10436008e-9)


def test_allocations_and_metrics_have_units_and_directions() -> None:
    results = results_of("benchmarkdotnet/1-full")
    name = f"{NAME}(Runtime=.NET 8.0)"
    found = {
        key.removeprefix(f"{name}/"): (each.statistics.mean, each.unit, each.better)
        for key, each in results.items()
        if key.startswith(f"{name}/")
    }
    assert found == {
        "allocated": (368, "bytes", "lower"),
        "Gen0Collects": (0.25, "Count", "lower"),
        "Hits": (1.5, "", "higher"),
    }


def test_a_benchmark_without_statistics_has_failed() -> None:
    assert [each.benchmark for each in run_of("benchmarkdotnet/1-full").failures] == [
        "Demo.Sorting.Merge(N: 10)"
    ]


def test_time_and_machine() -> None:
    run = run_of("benchmarkdotnet/1-full")
    assert run.timestamp_seconds == 1772366400
    assert run.machine == Machine("Linux", "X64", "AMD EPYC 7763", 4)
    assert run.machine_class == "linux x86_64 amd epyc 7763 4 cpus"


def test_versions_before_0_10_name_a_benchmark_in_parts() -> None:
    document = golden("benchmarkdotnet/2-brief")
    document["Title"] = "Sorting"
    host = document["HostEnvironmentInfo"]
    host |= {"ProcessorName": {"IsValueCreated": True, "Value": "Intel i7"}, "ProcessorCount": 8}
    system = {"IsValueCreated": True, "Value": "Microsoft Windows NT 6.2.9200.0"}
    host |= {"OsVersion": system, "Architecture": "64-bit RELEASE"}
    del host["LogicalCoreCount"]
    part = document["Benchmarks"][0]
    for key in ("FullName", "DisplayInfo"):
        del part[key]
    run = accepted_run(document)
    assert run.results[0].name == "Demo.Sorting.Quick(N=10)"
    assert run.machine == Machine("Windows", "", "Intel i7", 8)


def test_a_benchmark_without_a_namespace_has_none_in_its_name() -> None:
    document = golden("benchmarkdotnet/2-brief")
    part = document["Benchmarks"][0]
    part |= {"FullName": None, "Namespace": None, "Parameters": ""}
    assert accepted_run(document).results[0].name == "Sorting.Quick"
