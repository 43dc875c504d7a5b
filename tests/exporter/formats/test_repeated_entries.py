"""Entries of one name: pooled where they are one measurement, numbered where they are not."""

import pytest

from benchmark_exporter.formats.naming import numbered
from tests.support.documents import Json, google_benchmark
from tests.support.parsing import accepted_run
from tests.support.wired import Wired


def command(name: str, *times: float, codes: tuple[int | None, ...] = (0,), **more: object) -> Json:
    mean = sum(times) / len(times)
    statistics = {"mean": mean, "stddev": None, "median": mean, "user": 0.5, "system": 0.1}
    ends = {"min": min(times), "max": max(times), "times": [*times], "exit_codes": [*codes]}
    return {"command": name, **statistics, **ends, **more}


def names_and_notes(document: object) -> tuple[list[str], tuple[str, ...]]:
    run = accepted_run(document)
    return list(dict.fromkeys(result.benchmark for result in run.results)), run.notes


def test_a_command_that_is_measured_twice_is_numbered() -> None:
    # hyperfine --prepare 'git gc' 'git status' --prepare true 'git status'
    twice = {"results": [command("git status", 1.0), command("git status", 2.0)]}
    names, (note,) = names_and_notes(twice)
    assert names == ["git status", "git status #2"]
    assert "git status" in note
    assert "--command-name" in note


def test_one_name_for_several_commands_is_numbered() -> None:
    # hyperfine -n n -L v 1,2 'a {v}' 'b {v}'
    parts = [command("n", 1.0, parameters={"v": v}) for v in ("1", "1", "2", "2")]
    names, _ = names_and_notes({"results": parts})
    assert names == ["n(v=1)", "n(v=1) #2", "n(v=2)", "n(v=2) #2"]


def test_a_number_is_never_another_benchmarks_name() -> None:
    assert numbered(["a", "a", "a #2"]) == ["a", "a #2'", "a #2"]
    assert len(set(numbered(["a", "a #2", "a", "a", "a #3"]))) == 5


def test_keys_that_were_added_do_not_matter() -> None:
    # jq '. + {commit: "abc1234"}'
    document = {"results": [command("make", 1.0)], "commit": "abc1234", "host": {"name": "x"}}
    assert names_and_notes(document) == (["make"], ())


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        ((2,), "1 of 1 runs ended with exit code 2, after 0.01 s on average"),
        ((0, 1, 1), "2 of 3 runs ended with exit code 1, after 0.01 s on average"),
        ((None, 0), "1 of 2 runs ended with a signal, after 0.01 s on average"),
    ],
)
def test_a_command_that_fails_has_failed_however_fast(
    codes: tuple[int | None, ...], error: str
) -> None:
    parts = [command("make", 0.01, codes=codes), command("true", 0.01)]
    run = accepted_run({"results": parts})
    assert [(each.benchmark, each.error) for each in run.failures] == [("make", error)]
    assert {result.benchmark for result in run.results} == {"true"}


def test_a_failing_command_is_no_improvement(wired: Wired) -> None:
    for number in range(9):
        wired.take(f"{number}.json", {"results": [command("make", 1.0 + number / 1000)]})
    for number in range(3):
        failing = command("make", 0.01 + number / 1000, codes=(2,))
        wired.take(f"failing-{number}.json", {"results": [failing]})
    assert wired.value("benchmark_failures_total", benchmark_name="make") == 3
    assert wired.value("benchmark_last_run_failed", benchmark_name="make") == 1
    assert wired.value("benchmark_verdict", benchmark_name="make", state="improved") in (None, 0)


def jmh(*samples: float, mode: str = "avgt", **more: object) -> Json:
    metric = {
        "score": sum(samples) / len(samples),
        "scoreUnit": "ns/op",
        "scorePercentiles": {},
        "rawData": [[*samples]],
    }
    return {"benchmark": "a.B.put", "mode": mode, "primaryMetric": metric, **more}


def test_entries_of_the_same_virtual_machine_are_one_measurement() -> None:
    run = accepted_run([jmh(10.0, 20.0, jvm="/jdk"), jmh(30.0, jvm="/jdk")])
    (result,) = run.results
    assert result.samples == pytest.approx((10e-9, 20e-9, 30e-9))
    assert run.notes == ("pooled, since they are one measurement: a.B.put/avgt (2 entries)",)


def test_entries_of_another_virtual_machine_are_numbered() -> None:
    entries = [jmh(10.0, jvmArgs=["-Xmx1g"]), jmh(20.0, jvmArgs=["-Xmx2g"]), jmh(5.0, mode="ss")]
    run = accepted_run(entries)
    assert [result.name for result in run.results] == [
        "a.B.put/avgt",
        "a.B.put #2/avgt",
        "a.B.put/ss",
    ]
    assert run.former_names == {"a.B.put": "a.B.put"}
    assert "numbered" in run.notes[0]


def sampled(*pairs: tuple[float, int]) -> Json:
    metric = {"score": 1.0, "scoreUnit": "ms/op", "scorePercentiles": {"50.0": 1.0}}
    histogram = {"rawDataHistogram": [[[list(pair) for pair in pairs]]]}
    return {"benchmark": "a.B.get", "mode": "sample", "primaryMetric": metric | histogram}


def test_the_number_of_calls_is_that_of_the_histogram() -> None:
    (result,) = accepted_run([sampled((1.0, 90), (2.0, 10))]).results
    assert result.sample_count == 100
    assert result.statistics.p50 == pytest.approx(0.001)


def test_histograms_of_one_measurement_are_pooled() -> None:
    (result,) = accepted_run([sampled((1.0, 60)), sampled((2.0, 40))]).results
    found = result.statistics
    assert result.sample_count == 100
    assert (found.min, found.p50, found.p95, found.max) == pytest.approx((1e-3, 1e-3, 2e-3, 2e-3))
    # At rank 0.5 (1 + 1) = 1.5 of two calls: halfway between them.
    (two,) = accepted_run([sampled((1.0, 1)), sampled((2.0, 1))]).results
    assert two.statistics.p50 == pytest.approx(1.5e-3)


def test_two_benchmarks_of_one_executable_and_name_are_numbered() -> None:
    document = google_benchmark(0, "x", {"BM_x": 1.0})
    (entry,) = document["benchmarks"]
    document["benchmarks"] = [
        entry | {"family_index": family, "per_family_instance_index": 0, "real_time": time}
        for family, time in ((0, 1.0), (0, 2.0), (1, 30.0))
    ]
    results = {result.name: result.samples for result in accepted_run(document).results}
    assert results["BM_x"] == pytest.approx((1e-9, 2e-9))
    assert results["BM_x #2"] == pytest.approx((30e-9,))


def pytest_entry(*data: float) -> Json:
    stats = {"min": 1.0, "max": 1.0, "mean": 1.0, "median": 1.0, "stddev": 0.0}
    rounds = {"rounds": len(data), "data": [*data]} if data else {"rounds": 5}
    return {"fullname": "t.py::test_a", "stats": stats | rounds}


def test_rounds_of_the_same_test_are_pooled_and_statistics_numbered() -> None:
    head = {"machine_info": {"system": "Linux"}, "datetime": "2026-03-01T10:00:00+00:00"}
    entries = [pytest_entry(1.0, 2.0), pytest_entry(3.0), pytest_entry(), pytest_entry()]
    run = accepted_run(head | {"benchmarks": entries})
    assert [(result.name, result.sample_count) for result in run.results] == [
        ("t.py::test_a", 3),
        ("t.py::test_a #2", 5),
        ("t.py::test_a #3", 5),
    ]
    assert len(run.notes) == 2
