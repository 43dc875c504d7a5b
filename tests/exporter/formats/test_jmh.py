"""JMH: modes, percentiles, and which secondary metrics are results."""

import pytest

from benchmark_exporter.model import Failure, Statistics
from tests.support.documents import Json, golden
from tests.support.parsing import accepted_run, results_of


def test_unit_and_direction_follow_from_the_score_unit() -> None:
    results = results_of("jmh/1-results")
    throughput, average = (
        results["org.example.Parse.split/thrpt"],
        results["org.example.Parse.split(kind=ascii,size=64)/avgt"],
    )
    assert (throughput.unit, throughput.better, throughput.samples) == (
        "per_second",
        "higher",
        (2e3, 4e3, 3e3, 3e3),
    )
    assert (average.unit, average.better) == ("seconds", "lower")
    assert average.samples == pytest.approx((2e-6, 4e-6, 3e-6, 3e-6))


def test_percentiles_are_latencies_in_mode_sample_only() -> None:
    results = results_of("jmh/1-results")
    assert results["org.example.Parse.split/sample"].statistics.p95 == pytest.approx(3.9e-3)
    assert results[
        "org.example.Parse.split(kind=ascii,size=64)/avgt"
    ].statistics.p95 == pytest.approx(3.85e-6)  # of iterations, not 3.9


def test_secondary_metrics_with_a_direction_or_in_the_primary_ones_unit_are_results() -> None:
    name = "org.example.Parse.split(kind=ascii,size=64)/avgt"
    results = {
        key.removeprefix(f"{name}/"): value
        for key, value in results_of("jmh/1-results").items()
        if key.startswith(f"{name}/")
    }
    # Left out: the allocation rate, which is neither good nor bad, and the stack profiler's text.
    assert sorted(results) == ["gc.alloc.rate.norm", "gc.count", "gc.time", "reader"]
    size, count, time, reader = (results[key] for key in sorted(results))
    assert (size.statistics, size.unit, size.better) == (Statistics(mean=1024.0), "bytes", "lower")
    assert (count.statistics, count.unit, count.better) == (
        Statistics(mean=6.0),
        "counts",
        "lower",
    )  # the sum of the iterations
    assert (time.statistics, time.unit, time.better) == (Statistics(mean=0.016), "seconds", "lower")
    assert reader.samples == pytest.approx((1e-6, 3e-6, 2e-6, 2e-6))


def test_percentiles_of_mode_sample_are_not_results_of_their_own() -> None:
    assert golden("jmh/1-results")[2]["secondaryMetrics"].keys() == {"p0.00", "split:split·p0.50"}
    assert [name for name in results_of("jmh/1-results") if "/sample" in name] == [
        "org.example.Parse.split/sample"
    ]


def test_a_benchmark_without_a_score_has_failed() -> None:
    document = golden("jmh/1-results")[:2]
    document[0]["primaryMetric"] |= {"score": "NaN", "rawData": [["NaN", "NaN"]]}
    run = accepted_run(document)
    assert run.failures == (Failure("org.example.Parse.split", "its score is NaN"),)


def jmh(threads: int | None, score: float, benchmark: str = "org.example.Map.put") -> Json:
    """An entry as JMH writes it for `-t THREADS`."""
    entry = {
        "jmhVersion": "1.37",
        "benchmark": benchmark,
        "mode": "avgt",
        "threads": threads,
        "forks": 1,
        "primaryMetric": {
            "score": score,
            "scorePercentiles": {"50.0": score},
            "scoreUnit": "ns/op",
            "rawData": [[score, score]],
        },
        "secondaryMetrics": {},
    }
    return {key: value for key, value in entry.items() if value is not None}


def test_threads_are_part_of_the_name_where_they_are_not_1() -> None:
    run = accepted_run([jmh(1, 10.0), jmh(4, 40.0), jmh(None, 5.0, "org.example.Map.get")])
    assert {result.name: result.statistics.mean for result in run.results} == pytest.approx(
        {
            "org.example.Map.put/avgt": 10e-9,
            "org.example.Map.put -t 4/avgt": 40e-9,
            "org.example.Map.get/avgt": 5e-9,
        }
    )
    assert run.former_names == {
        "org.example.Map.put": "org.example.Map.put",
        "org.example.Map.put -t 4": "org.example.Map.put",
        "org.example.Map.get": "org.example.Map.get",
    }


def test_threads_follow_the_parameters() -> None:
    entry = jmh(2, 10.0) | {"params": {"threads": "8", "size": "64"}}
    (result,) = accepted_run([entry]).results
    assert result.name == "org.example.Map.put(size=64,threads=8) -t 2/avgt"
