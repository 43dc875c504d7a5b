"""Bencher Metric Format: measures, parameters, and the measures that Bencher does not define."""

import pytest

from benchmark_exporter.formats import Origin, Sidecar
from tests.support.parsing import accepted_run, results_of


def test_units_follow_from_the_measures() -> None:
    found = {
        name: (result.statistics.mean, result.unit, result.better)
        for name, result in results_of("bencher/1-metrics").items()
    }
    assert found == {
        "parsing": (pytest.approx(3247e-9), "seconds", "lower"),
        "parsing/throughput": (250.0, "per_second", "higher"),
        "parsing/file-size": (1024.0, "bytes", "lower"),
        "play/Total Bytes": (662.0, "bytes", "lower"),
        "play/Total Blocks": (100.0, "Total Blocks", "lower"),
        "play/score": (7.5, "score", None),
    }


def test_parameters_are_part_of_the_name_however_they_are_written() -> None:
    results = results_of("bencher/2-parameters")
    assert sorted(results) == ["copy(op=read,size_mb=16)", "copy(op=write,size_mb=16)"]
    statistics = results["copy(op=read,size_mb=16)"].statistics
    assert (statistics.p50, statistics.p99, statistics.mean) == pytest.approx((0.9e-3, 2e-3, 1e-3))


def test_both_versions_may_be_in_one_document() -> None:
    document = {
        "a": {"latency": {"value": 1.0}},
        "b": [{"measures": {"latency": {"value": 2.0}}}, {"measures": {"size": {"value": 3}}}],
    }
    assert [each.name for each in accepted_run(document).results] == ["a", "b", "b/size"]


def test_the_same_measure_again_is_another_sample() -> None:
    case = {"measures": {"latency": {"value": 1e9}}}
    document = {"a": [case, {"measures": {"latency": {"value": 3e9}}}]}
    (result,) = accepted_run(document).results
    assert result.samples == (1.0, 3.0)


def test_a_sidecar_gives_the_direction_of_other_measures() -> None:
    origin = Origin(sidecar=Sidecar(better="higher"))
    (result,) = accepted_run({"a": {"score": {"value": 1}}}, origin).results
    assert result.better == "higher"


def test_a_measure_without_a_value_is_named() -> None:
    document = {"sort": {"latency": {"value": 5.0}}, "copy": {"latency": {"value": None}}}
    run = accepted_run(document)
    assert [each.name for each in run.results] == ["sort"]
    assert any("copy/latency" in note for note in run.notes)


@pytest.mark.parametrize(
    ("measure", "mean", "unit", "better"),
    [
        ("latency_p99_ns", 2e-9, "seconds", "lower"),
        ("p50-us", 2e-6, "seconds", "lower"),
        ("Wall Time (ms)", 2e-3, "seconds", "lower"),
        ("duration_seconds", 2.0, "seconds", "lower"),
        ("elapsed_s", 2.0, "seconds", "lower"),
        ("throughput_ops_ms", 2e3, "per_second", "higher"),
        ("ops_per_sec", 2.0, "per_second", "higher"),
        ("requests/s", 2.0, "per_second", "higher"),
        ("read_qps", 2.0, "per_second", "higher"),
        ("peak_rss_mib", 2.0 * 2**20, "bytes", "lower"),
        ("heap_kb", 2e3, "bytes", "lower"),
        ("throughput_ms", 2.0, "throughput_ms", None),  # per millisecond of what?
        ("bandwidth_mb", 2.0, "bandwidth_mb", None),
        ("items", 2.0, "items", None),
        ("speed_s", 2.0, "speed_s", None),
        ("axis", 2.0, "axis", None),
    ],
)
def test_the_end_of_a_measures_name_is_its_unit(
    measure: str, mean: float, unit: str, better: str | None
) -> None:
    (result,) = accepted_run({"queue/spsc": {measure: {"value": 2.0}}}).results
    assert result.name == f"queue/spsc/{measure}"
    assert result.statistics.mean == pytest.approx(mean)
    assert (result.unit, result.better) == (unit, better)
