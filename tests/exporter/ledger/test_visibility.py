"""Which benchmarks are shown: those with a run lately, the first ones first, up to the limit."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.metrics.exposition import join
from benchmark_exporter.model import Notification
from tests.support.documents import bench_guard, perf_suite, pipeline
from tests.support.wired import START_SECONDS, Wired, samples

DAY_SECONDS = 86_400.0
MAX_AGE_SECONDS = Config().series_max_age_seconds
LIMIT = 1020
RUNS, OBSERVATIONS = "benchmark_runs_total", "benchmark_execution_time_ms_count"


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Wired]:
    """An exporter that may show some thousand series in each part."""
    exporter = Wired(tmp_path, Config(max_series=LIMIT))
    yield exporter
    exporter.ledger.close()


def benchmarks(wired: Wired) -> set[str]:
    """The benchmarks whose runs are shown."""
    return {dict(labels)["benchmark_name"] for labels in wired.samples().get(RUNS, {})}


def lines(wired: Wired, part: str) -> int:
    wired.exposition()
    return sum(
        not line.startswith("#")
        for line in wired.render().parts[part].decode().splitlines()  # type: ignore[index]  # a part's name
    )


def run(number: int, **more: str) -> object:
    """A run of project p<number>, made on a day of its own unless the same number was."""
    return perf_suite(f"{number}", project=f"p{number}", **more)  # type: ignore[arg-type]  # only text is passed


# Age


def test_a_benchmark_without_a_run_for_so_long_goes_with_all_its_series(wired: Wired) -> None:
    wired.take("old.json", run(1))
    wired.now = START_SECONDS + MAX_AGE_SECONDS - DAY_SECONDS
    wired.take("new.json", run(2))
    assert benchmarks(wired) == {"p1", "p2"}
    assert wired.render().stale_at_seconds == START_SECONDS + MAX_AGE_SECONDS
    wired.now = START_SECONDS + MAX_AGE_SECONDS
    assert '"p1' not in wired.exposition()
    assert benchmarks(wired) == {"p2"}
    assert wired.render().dropped == {"benchmark": 0, "pipeline": 0}


def test_each_run_counts_for_the_age_whenever_it_was_made(wired: Wired) -> None:
    for number in range(4):
        wired.take(
            f"{number}.json", perf_suite(f"{number}", timestamp=f"2025-03-01T12:00:0{number}Z")
        )
        wired.now += MAX_AGE_SECONDS - DAY_SECONDS
    assert wired.value(RUNS, benchmark_name="router", environment="self-hosted") == 4


def test_an_environment_goes_and_what_belongs_to_the_benchmark_alone_stays_with_the_other(
    wired: Wired,
) -> None:
    first, second = perf_suite("1"), perf_suite("2")
    first["run"]["profile"], second["run"]["profile"] = "laptop", "server"
    wired.take("a.json", first)
    wired.now += MAX_AGE_SECONDS - DAY_SECONDS
    wired.take("b.json", second)
    wired.now += 2 * DAY_SECONDS
    shown = wired.samples()
    assert {dict(labels)["environment"] for labels in shown[RUNS]} == {"server"}
    assert len(shown["speedup_ratio"]) == 2
    wired.now += MAX_AGE_SECONDS
    assert "speedup_ratio" not in wired.samples()


def test_a_branch_goes_and_the_pipeline_with_its_last(wired: Wired) -> None:
    for number in range(5):
        wired.take(
            f"{number}.json",
            pipeline(f"{number}", branch="once", timestamp=f"2026-03-01T12:00:0{number}Z"),
        )
    wired.now += MAX_AGE_SECONDS - DAY_SECONDS
    wired.take("main.json", pipeline("9", timestamp="2026-03-02T12:00:00Z"))
    wired.now += 2 * DAY_SECONDS
    assert (
        wired.value("ci_pipeline_status", pipeline="nightly", branch="once", trigger="schedule")
        is None
    )
    assert (
        wired.value("ci_pipeline_status", pipeline="nightly", branch="main", trigger="schedule")
        == 1
    )
    assert wired.value("ci_pipeline_runs_total", pipeline="nightly", status="pass") == 6
    wired.now += MAX_AGE_SECONDS
    assert "nightly" not in wired.exposition()


def test_counters_of_one_that_returns_are_what_they_were_and_then_count_on(wired: Wired) -> None:
    for number in range(3):
        wired.take(
            f"{number}.json",
            perf_suite(f"{number}", speedup=5.0, timestamp=f"2026-03-01T12:00:0{number}Z"),
        )
    wired.exposition()
    wired.now += MAX_AGE_SECONDS
    assert benchmarks(wired) == set()
    wired.drop("back.json", perf_suite("back", speedup=5.0, timestamp="2026-05-01T12:00:00Z"))
    wired.drop("again.json", perf_suite("again", speedup=5.0, timestamp="2026-05-02T12:00:00Z"))
    wired.ingest.scan()
    returned_seconds = wired.now

    def counted() -> list[float]:
        shown = samples(join([*wired.render().parts.values()]).decode())
        names = (
            "performance_regression_detected_total",
            "performance_regressions_total",
            RUNS,
            OBSERVATIONS,
        )
        return [max(shown[name].values()) for name in names]

    def summed() -> float:
        return max(
            samples(join([*wired.render().parts.values()]).decode())[
                "benchmark_execution_time_ms_sum"
            ].values()
        )

    assert counted() == [3, 3, 3, 3]
    assert summed() == pytest.approx(3 * 0.25)
    wired.restart()
    assert counted() == [3, 3, 3, 3]
    assert wired.render().stale_at_seconds == returned_seconds + wired.config.counter_hold_seconds
    wired.now = returned_seconds + wired.config.counter_hold_seconds
    assert counted() == [5, 3, 3, 3]
    wired.now = returned_seconds + wired.config.histogram_hold_seconds
    assert counted() == [5, 5, 5, 5]
    assert summed() == pytest.approx(5 * 0.25)


# The limit


def test_what_came_first_stays_and_newer_benchmarks_are_left_out_whole(limited: Wired) -> None:
    for number in range(60):
        limited.take(f"{number}.json", run(number, timestamp=f"2026-03-01T12:{number:02}:00Z"))
    # A run has three names, one with the run's own series, two with a histogram of 22 series and 8
    # of their verdict. 13 runs fit, and of the 14th the first name.
    assert benchmarks(limited) == {f"p{number}" for number in range(14)}
    assert lines(limited, "distributions") == 13 * 76 + 12 + 1
    assert lines(limited, "state") < LIMIT
    assert metrics_of(limited, "p12") == metrics_of(limited, "p0")
    assert (
        limited.value("benchmark_exporter_subjects_dropped", kind="benchmark") == (60 - 13) * 3 - 1
    )


def metrics_of(wired: Wired, project: str) -> Counter[str]:
    """How many series of each name a project has."""
    return Counter(
        name
        for name, found in wired.samples().items()
        for labels in found
        if dict(labels).get("benchmark_name", "").partition("/")[0] == project
    )


def test_a_restart_shows_what_was_shown(limited: Wired) -> None:
    for number in range(60):
        limited.take(f"{number}.json", run(number, timestamp=f"2026-03-01T12:{number:02}:00Z"))
    before = limited.exposition()
    limited.restart()
    assert limited.exposition() == before


def test_what_goes_for_its_age_makes_room_and_comes_last_when_it_returns(limited: Wired) -> None:
    for number in range(10):
        limited.take(f"{number}.json", run(number, timestamp=f"2026-03-01T12:{number:02}:00Z"))
    limited.now += MAX_AGE_SECONDS - DAY_SECONDS
    for number in range(10, 40):
        limited.take(f"{number}.json", run(number, timestamp=f"2026-03-01T12:{number:02}:00Z"))
    assert max(map(int, (name[1:] for name in benchmarks(limited)))) == 13
    limited.now += 2 * DAY_SECONDS
    assert benchmarks(limited) == {f"p{number}" for number in range(10, 24)}
    limited.take("back.json", perf_suite("back", project="p0", timestamp="2026-05-01T12:00:00Z"))
    assert benchmarks(limited) == {f"p{number}" for number in range(10, 24)}


@pytest.mark.parametrize(("room", "dropped"), [(0, 0), (-1, 1)])
def test_the_limit_is_met_to_the_series(wired: Wired, room: int, dropped: int) -> None:
    wired.take("a.json", bench_guard({f"b{number:03}": 20.0 for number in range(40)}, passed=True))
    most = max(lines(wired, part) for part in ("state", "distributions"))
    wired.restart(Config(max_series=most + room))
    assert wired.value("benchmark_exporter_subjects_dropped", kind="benchmark") == dropped
    assert max(lines(wired, part) for part in ("state", "distributions")) <= most + room


def test_branches_are_limited_too(limited: Wired) -> None:
    for number in range(1100):
        limited.drop(f"{number}.json", pipeline(f"{number}", branch=f"change-{number}"))
    limited.settle()
    assert lines(limited, "state") == LIMIT
    shown = len(limited.samples()["ci_pipeline_status"])
    assert limited.value("benchmark_exporter_subjects_dropped", kind="pipeline") == 1100 - shown


def test_the_exporters_own_series_are_shown_whatever_else_there_is(limited: Wired) -> None:
    limit = 300
    limited.restart(Config(max_series=limit))
    for number in range(250):
        limited.drop(f"{number}.json", pipeline(f"{number}", branch=f"change-{number}"))
    limited.settle()
    before = limited.samples()
    limited.ingest.receive(
        [
            Notification(f"{number}", f"Alert{number}", "", "warning", "firing", "")
            for number in range(500)
        ],
    )
    shown = limited.samples()
    counted = shown["benchmark_exporter_notifications_received_total"]
    assert len(counted) == 201
    assert (
        counted[
            frozenset({"alertname": "(other)", "severity": "(other)", "status": "firing"}.items())
        ]
        == 300
    )
    assert lines(limited, "state") <= limit
    assert len(shown["ci_pipeline_status"]) < len(before["ci_pipeline_status"])
