"""A series is what it says it is: projects, machine classes and times do not mix."""

from itertools import permutations

import pytest

from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.selection import RunSelection
from tests.support.documents import Json, perf_suite, pipeline, result
from tests.support.examples import wired_in_a_new_folder
from tests.support.histories import LEAST, STEADY, take, value, verdicts
from tests.support.series import RUNS
from tests.support.wired import Wired


def run_of(project: str, number: int, milliseconds: float, cpus: int = 4) -> Json:
    return result(number, {"parsing": milliseconds}, cpus=cpus) | {"project": project}


def test_a_sound_run_of_another_project_does_not_end_an_alert(wired: Wired) -> None:
    for number, milliseconds in enumerate([*STEADY, 1.6, 1.6]):
        wired.take(f"one-{number}.json", run_of("one", number, milliseconds))
        wired.take(f"two-{number}.json", run_of("two", number, STEADY[number % len(STEADY)]))
    shown = wired.samples()
    assert verdicts(shown, project="one") == {"parsing": "critical"}
    assert verdicts(shown, project="two") == {"parsing": "ok"}
    for project, confirmed in (("one", 1), ("two", 0)):
        assert value(wired, RUNS, project=project) == len(STEADY) + 2
        counter = "benchmark_regressions_confirmed_total"
        assert value(wired, counter, project=project) == confirmed


def test_a_sound_run_of_another_machine_class_does_not_end_an_alert(wired: Wired) -> None:
    for number, milliseconds in enumerate([*STEADY, 1.6, 1.6]):
        wired.take(f"a-{number}.json", run_of("one", number, milliseconds))
        other = run_of("one", 100 + number, STEADY[number % len(STEADY)], cpus=2)
        wired.take(f"b-{number}.json", other)
    shown = wired.samples()
    assert verdicts(shown, machine_class="linux x86_64 4 cpus") == {"parsing": "critical"}
    assert verdicts(shown, machine_class="linux x86_64 2 cpus") == {"parsing": "ok"}


def test_gates_of_two_projects_are_apart(wired: Wired) -> None:
    for project, speedup in (("one", 5.0), ("two", 20.0)):
        # bench_guard's benchmarks do not have the project's name, perf_suite's do.
        document = perf_suite(project=project, speedup=speedup)
        wired.take(f"{project}.json", document)
    gate = {"benchmark_name": "one", "criterion": "overall"}
    assert wired.value("benchmark_gate_passed", project="one", **gate) == 0
    counter = "performance_regressions_total"
    assert wired.value(counter, project="one", severity="critical") == 1
    assert wired.value(counter, project="two", severity="critical") == 0


def test_pipelines_of_two_projects_are_apart(wired: Wired) -> None:
    wired.take("a.json", pipeline("1", status="fail"))
    wired.take("b.json", pipeline("1") | {"project": "two"})
    assert wired.value("ci_pipeline_status", project=wired.config.project) == 0
    assert wired.value("ci_pipeline_status", project="two") == 1
    assert wired.value("ci_pipeline_runs_total", project="two", status="pass") == 1
    assert wired.value("ci_pipeline_runs_total", project="two", status="fail") == 0


def test_suite_durations_are_a_projects(wired: Wired) -> None:
    for project, seconds in (("one", 3.0), ("two", 5.0)):
        document = run_of(project, 0, 1.0) | {"duration_seconds": seconds}
        wired.take(f"{project}.json", document)
    assert wired.value("benchmark_suite_duration_seconds_sum", project="one") == 3
    assert wired.value("benchmark_suite_duration_seconds_count", project="two") == 1
    assert wired.value("benchmark_suite_duration_seconds", project="two", quantile="0.5") == 5


def test_a_run_from_the_future_stops_nobody_from_being_judged(wired: Wired) -> None:
    """The others are dated before it came in, as a backlog is, and each is judged."""
    take(wired, STEADY)
    wired.take("ahead.json", result(0, {"parsing": 1.0}) | {"timestamp": "2031-01-01T00:00:00Z"})
    assert value(wired, "benchmark_last_run_timestamp_seconds") == 1_924_992_000
    states = []
    for number in range(100, 104):
        take(wired, [2.0], start=number)
        states.append(verdicts(wired.samples())["parsing"])
    assert states[-1] == "critical"
    assert "ok" not in states
    with History(wired.ledger_path) as history:
        ahead = [run.timestamp_seconds for run in history.oldest_first(RunSelection()) if run.ahead]
    assert ahead == [1_924_992_000]


@pytest.mark.parametrize(("seconds", "is_ahead"), [(300.0, 0), (301.0, 1)])
def test_a_clock_may_be_ahead_by_the_tolerance(wired: Wired, seconds: float, is_ahead: int) -> None:
    document = result(0, {"parsing": 1.0})
    made = wired.now + seconds
    document["timestamp"] = (
        f"2026-05-28T{int(made) // 3600 % 24:02}:{int(made) // 60 % 60:02}:{int(made) % 60:02}Z"
    )
    wired.drop("a.json", document)
    wired.ingest.scan()
    assert wired.query("SELECT timestamp_seconds, ahead FROM runs") == [(made, is_ahead)]


def test_of_runs_of_one_time_the_same_is_the_newest_in_any_order() -> None:
    newest = set()
    for order in permutations([1.0, 2.0, 3.0]):
        with wired_in_a_new_folder() as wired:
            for milliseconds in order:
                wired.take(f"{milliseconds}.json", result(0, {"parsing": milliseconds}))
            p50_seconds = value(wired, "benchmark_time_seconds", statistic="p50")
            newest.add((p50_seconds, value(wired, "benchmark_judged_value")))
    assert len(newest) == 1


def test_late_runs_of_a_series_leave_the_newest(wired: Wired) -> None:
    take(wired, [1.0], start=LEAST)
    take(wired, [2.0], start=1)
    assert value(wired, "benchmark_time_seconds", statistic="p50") == pytest.approx(1e-3)
