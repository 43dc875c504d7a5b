"""hyperfine: both layouts, and the names of commands with parameters."""

from datetime import UTC, datetime

import pytest

from benchmark_exporter.formats import Origin, Sidecar
from benchmark_exporter.model import Result, Statistics
from tests.support.documents import Json, golden
from tests.support.parsing import accepted_run, results_of, run_of

BEFORE_2 = "hyperfine_with_sidecar/1-run"


def test_times_are_samples_and_the_runs_time_is_the_sidecars_or_the_files() -> None:
    results = results_of(BEFORE_2)
    check, memory = results["router --check"], results["router --check/memory"]
    assert (check.samples, check.statistics.p50) == ((0.02, 0.04, 0.03), 0.03)
    assert (memory.unit, memory.statistics.max) == ("bytes", 8192)
    assert results["router --check/user"] == Result("router --check", "user", Statistics(mean=0.01))
    assert results["router --check/system"] == Result(
        "router --check", "system", Statistics(mean=0.002)
    )
    assert results["router 'a b' | sort"].statistics.stddev is None
    assert run_of(BEFORE_2, Origin(written_seconds=5.5)).timestamp_seconds == 5.5
    sidecar = Sidecar(
        timestamp=datetime(2026, 3, 1, 12, tzinfo=UTC), commit="a1b2c3d", project="router"
    )
    run = run_of(BEFORE_2, Origin(written_seconds=5.5, sidecar=sidecar))
    assert (run.timestamp_seconds, run.commit_hash, run.project) == (
        1772366400,
        "a1b2c3d",
        "router",
    )


def test_version_2_states_every_measurements_unit_and_when_the_run_began() -> None:
    run, results = run_of("hyperfine_2/1-run"), results_of("hyperfine_2/1-run")
    assert run.timestamp_seconds == 1772366400
    assert len(results) == 5  # the CPU time, the sum of two others, is left out
    # The same command occurs twice, so the parameters distinguish them.
    assert results["router --check(threads=1)"].samples == (0.25, 0.75)
    assert results["router --check(threads=1)/user"].samples == (0.125, 0.375)
    (failure,) = run.failures  # its exit code is 1
    assert failure.benchmark == "router --check(threads=2)"
    assert failure.error.startswith("1 of 1 runs ended with exit code 1")
    memory, instructions = (
        results["router --check(threads=1)/memory"],
        results["router --check(threads=1)/instructions"],
    )
    assert (memory.samples, memory.unit, memory.better) == ((4096.0, 8192.0), "bytes", "lower")
    assert (instructions.samples, instructions.unit, instructions.better) == (
        (1000.0, 1000.0),
        "count",
        None,
    )


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"command": "make -j1"}, {"command": "make -j2"}, ["make -j1", "make -j2"]),
        (
            {"parameters": {"n": "1", "m": "x"}},
            {"parameters": {"n": "2", "m": "x"}},
            ["make(m=x,n=1)", "make(m=x,n=2)"],
        ),
        ({"parameter": "1"}, {"parameter": "2"}, ["make(1)", "make(2)"]),  # 1.6 to 1.10
    ],
)
def test_parameters_are_in_the_name_if_the_command_does_not_show_them(
    first: Json, second: Json, names: list[str]
) -> None:
    part = {
        "command": "make",
        "mean": 1.5,
        "stddev": 0.75,
        "min": 1.0,
        "max": 2.0,
    }  # 1.5 and earlier: no median, no times
    run = accepted_run({"results": [part | first, part | second]})
    assert [result.name for result in run.results] == names
    assert run.results[0].statistics == Statistics(mean=1.5, min=1.0, max=2.0, stddev=0.75)
    assert run.results[0].cv_ratio == 0.5


def test_of_a_measurement_in_several_units_the_most_frequent_counts() -> None:
    document = golden("hyperfine_2/1-run")
    measurements = document["results"][0]["measurements"]
    odd = {"time_wall_clock": {"value": 5.0, "unit": "parsec"}}
    names = [each.name for each in accepted_run(document).results]
    for others in ([*measurements, odd], [odd, *measurements, *measurements]):
        document["results"][0]["measurements"] = others
        found = accepted_run(document)
        assert [each.name for each in found.results] == names
        assert {each.unit for each in found.results if not each.variant} == {"seconds"}
