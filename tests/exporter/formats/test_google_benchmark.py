"""Google Benchmark: repetitions, aggregates of new and old versions, and bare NaNs."""

import pytest

from benchmark_exporter.model import Failure, Result, Statistics
from tests.support.documents import Json, changed, golden, without
from tests.support.parsing import accepted_run, encoded, rejected, results_of, run_of


def test_repetitions_are_samples_and_aggregates_are_statistics() -> None:
    results = results_of("google_benchmark/1-run")
    assert results["BM_Copy/64"].samples == pytest.approx((2e-6, 4e-6, 6e-6))
    assert results["BM_Copy/64"].statistics.stddev == pytest.approx(2e-6)
    assert results["BM_Copy/64/cpu"].statistics.mean == pytest.approx(3e-6)
    rate = results["BM_Copy/64/bytes_per_second"]
    assert (rate.unit, rate.better) == ("per_second", "higher")
    assert rate.statistics.p50 == pytest.approx(16e6)  # 64 bytes in 4 µs
    assert results["BM_Sort"] == Result(
        "BM_Sort", "", Statistics(p50=0.005, mean=0.004, stddev=0.001)
    )
    assert results["BM_Sort/cpu"].statistics.stddev is None  # a bare NaN
    assert run_of("google_benchmark/1-run").failures == (Failure("BM_Open", "no such file"),)
    assert "BM_Gpu" not in results  # skipped, so its 0 ns are not a time


def test_version_1_4_marks_aggregates_only_by_their_names() -> None:
    def entry(name: str, real_time: float) -> Json:
        return {
            "name": name,
            "iterations": 10,
            "real_time": real_time,
            "cpu_time": real_time,
            "time_unit": "us",
        }

    document = golden("google_benchmark/1-run") | {
        "benchmarks": [
            *(
                entry("BM_Copy/8", 1.0),
                entry("BM_Copy/8", 3.0),
                entry("BM_Copy/8_mean", 2.0),
                entry("BM_Copy/8_stddev", 1.0),
            ),
            *(
                entry("BM_Sort_mean", 5.0),
                entry("BM_Sort_median", 4.0),
                entry("BM_Sort_stddev", 2.0),
            ),
            entry("BM_geometric_mean", 7.0),  # not an aggregate: it measures a mean
            {
                "name": "BM_Sort_BigO",
                "cpu_coefficient": 0.5,
                "real_coefficient": 0.5,
                "big_o": "N",
                "time_unit": "us",
            },
            {"name": "BM_Sort_RMS", "rms": 0.25},
        ]
    }
    run = accepted_run(document)
    times = {result.name: result for result in run.results if not result.variant}
    assert list(times) == ["BM_Copy/8", "BM_Sort", "BM_geometric_mean"]
    assert times["BM_Copy/8"].samples == pytest.approx((1e-6, 3e-6))
    sort = times["BM_Sort"].statistics
    assert (sort.p50, sort.mean, sort.stddev) == pytest.approx((4e-6, 5e-6, 2e-6))


def test_a_bare_nan_is_accepted_and_other_flaws_are_not() -> None:
    document = golden("google_benchmark/1-run")
    error = rejected(encoded(changed(document, "context.executable", "\ud800")))
    assert (error.reason, error.json_path) == ("malformed_json", "$.context.executable")


def test_every_prefix_of_a_document_with_bare_nans_is_truncated() -> None:
    document = golden("google_benchmark/1-run")
    written = encoded(
        {
            "context": document["context"],
            "benchmarks": document["benchmarks"][6:9],
            "limit": float("-inf"),
        }
    )
    assert b"NaN" in written
    for end in range(len(written)):
        assert rejected(written[:end]).reason == "truncated", written[:end]


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("./copy_bench", "copy_bench"),
        ("/build/release/bin/copy_bench", "copy_bench"),
        (r"C:\build\Release\copy_bench.exe", "copy_bench"),
        ("copy_bench", "copy_bench"),
        ("bench.d/copy.bench", "copy.bench"),
        ("", ""),
    ],
)
def test_the_executable_is_known_by_its_name(stated: str, name: str) -> None:
    document = changed(golden("google_benchmark/1-run"), "context.executable", stated)
    assert accepted_run(document).executable == name


def test_early_versions_state_no_executable() -> None:
    document = without(golden("google_benchmark/1-run"), "context.executable")
    assert accepted_run(document).executable == ""
