"""The client in a benchmark's process: what it leaves in the results folder."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark_exporter.client import MonitoredPerfSuite
from benchmark_exporter.commands.file_check import check_file
from benchmark_exporter.config import Config
from tests.support.monitored import DEADLINE_SECONDS, THIS_MACHINE, document, live_lines
from tests.support.paths import REPOSITORY

MEGABYTE = 10**6


IMPORT = "from benchmark_exporter.client import MonitoredPerfSuite; suite = MonitoredPerfSuite(); "


def benchmark(results: Path, program: str) -> None:
    """Runs a program that has a suite."""
    subprocess.run(
        [sys.executable, "-c", IMPORT + program],
        cwd=results.parent,
        check=True,
        timeout=DEADLINE_SECONDS,
    )


def test_a_function_becomes_a_result_with_its_times(
    suite: MonitoredPerfSuite, results: Path
) -> None:
    naps = iter(range(5))

    def nap() -> int:
        time.sleep(0.02)
        return next(naps)

    assert suite.run_benchmark_with_monitoring(nap, "napping", iterations=5) == 4
    run, found = document(results)
    assert (run.project, run.environment, run.commit_hash, run.branch) == (
        "router",
        "bare-metal",
        "a1b2c3d",
        "main",
    )
    assert run.machine == THIS_MACHINE
    assert run.failures == ()
    assert found["napping"].sample_count == 5
    assert min(found["napping"].samples) >= 0.02
    assert run.suite_duration_seconds is not None
    assert sum(found["napping"].samples) <= run.suite_duration_seconds
    assert found["napping/cpu"].statistics.mean is not None
    assert found["napping/cpu"].statistics.mean < run.suite_duration_seconds
    (path,) = results.glob("*.json")
    assert check_file(path, Config())[0]


def test_each_iteration_slower_than_the_pace_has_its_line(
    suite: MonitoredPerfSuite, results: Path
) -> None:
    suite.run_benchmark_with_monitoring(lambda: time.sleep(0.05), "napping", iterations=10)
    start, *iterations, end = live_lines(results)
    assert {
        name: start[name]
        for name in ("benchmark", "project", "environment", "commit_hash", "branch", "pid")
    } == {
        "benchmark": "napping",
        "project": "router",
        "environment": "bare-metal",
        "commit_hash": "a1b2c3d",
        "branch": "main",
        "pid": os.getpid(),
    }
    assert sum(1 + line["skipped"] for line in iterations) == iterations[-1]["iteration"] == 10
    assert all(line["execution_time_ms"] >= 50 and line["iterations"] == 10 for line in iterations)
    assert (end["type"], end["status"], end["error"]) == ("end", "completed", None)
    assert end["duration_seconds"] >= 0.5


def test_a_million_iterations_are_paced_and_all_accounted_for(
    suite: MonitoredPerfSuite, results: Path
) -> None:
    for _ in suite.stream_benchmark_progress("nothing", 1_000_000):
        pass
    lines = live_lines(results)
    iterations = lines[1:-1]
    assert (
        sum(1 + line["skipped"] for line in iterations) == iterations[-1]["iteration"] == 1_000_000
    )
    assert len(iterations) <= lines[-1]["duration_seconds"] * 100 + 2
    _, found = document(results)
    assert 100_000 <= (found["nothing"].sample_count or 0) <= 250_000
    (path,) = results.glob("*.json")
    assert path.stat().st_size < Config().max_file_bytes


def test_the_benchmarks_memory_is_measured(results: Path) -> None:
    # In a process that has not used more before.
    benchmark(
        results,
        "suite.run_benchmark_with_monitoring(lambda: len(b'x' * 400_000_000), 'allocating')",
    )
    _, found = document(results)
    iteration = live_lines(results)[1]
    assert found["allocating/peak_memory"].samples[0] >= 400 * MEGABYTE
    # It was freed before the line was written.
    assert iteration["memory_mb"] < 400 <= iteration["peak_memory_mb"]


def test_the_peak_of_a_larger_process_that_started_this_one_is_not_counted(results: Path) -> None:
    measured = "suite.run_benchmark_with_monitoring(lambda: len(b'x' * 400_000_000), 'allocating')"
    words = [sys.executable, "-c", IMPORT + measured]
    program = f"import os; held = b'x' * 600_000_000; os.execv({sys.executable!r}, {words!r})"
    subprocess.run([sys.executable, "-c", program], cwd=results.parent, check=True)
    assert 400 * MEGABYTE <= document(results)[1]["allocating/peak_memory"].samples[0] < 5e8


def test_an_earlier_peak_is_not_counted(results: Path) -> None:
    benchmark(
        results,
        "len(b'x' * 400_000_000); suite.run_benchmark_with_monitoring(lambda: None, 'nothing')",
    )
    assert 0 < document(results)[1]["nothing/peak_memory"].samples[0] < 400 * MEGABYTE


def test_an_exception_passes_through_and_is_a_failed_run(
    suite: MonitoredPerfSuite, results: Path
) -> None:
    def parse() -> None:
        raise ValueError("no template")

    with pytest.raises(ValueError, match="no template"):
        suite.run_benchmark_with_monitoring(parse, "parsing", iterations=3)
    run, found = document(results)
    assert not found
    assert [(failure.benchmark, failure.error) for failure in run.failures] == [
        ("parsing", "ValueError: no template")
    ]
    end = live_lines(results)[-1]
    assert (end["type"], end["status"], end["error"]) == (
        "end",
        "failed",
        "ValueError: no template",
    )


def test_benchmarks_before_the_one_that_failed_keep_their_results(
    suite: MonitoredPerfSuite, results: Path
) -> None:
    def nightly() -> None:
        with suite.run("nightly") as run:
            run.measure(lambda: None, "parsing", iterations=3)
            run.observe("rendering", 0.25)
            for _ in run.iterations("routing"):
                raise KeyError("x")

    with pytest.raises(KeyError):
        nightly()
    read, found = document(results)
    assert found.keys() == {"parsing", "rendering"}
    assert found["rendering"].samples == (0.25,)
    assert [failure.benchmark for failure in read.failures] == ["routing"]


def test_ctrl_c_is_an_interrupted_run_without_a_result(
    suite: MonitoredPerfSuite, results: Path
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        suite.run_benchmark_with_monitoring(interrupted, "parsing")
    assert live_lines(results)[-1]["status"] == "interrupted"
    assert not list(results.glob("*.json"))


@pytest.mark.parametrize(("iterations", "status"), [(None, "completed"), (10, "interrupted")])
def test_leaving_a_loop_early(
    suite: MonitoredPerfSuite, results: Path, iterations: int | None, status: str
) -> None:
    for number in suite.stream_benchmark_progress("parsing", iterations):
        if number == 3:
            break
    assert live_lines(results)[-1]["status"] == status
    assert bool(list(results.glob("*.json"))) == (status == "completed")


def test_a_function_that_is_never_called_is_refused(suite: MonitoredPerfSuite) -> None:
    with pytest.raises(ValueError, match="iterations must be at least 1, not 0"):
        suite.run_benchmark_with_monitoring(lambda: None, "parsing", iterations=0)


def test_the_examples_in_the_documentation_run(results: Path) -> None:
    page = (REPOSITORY / "docs/client.md").read_text(encoding="utf-8")
    for program in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=results.parent,
            check=True,
            timeout=DEADLINE_SECONDS,
        )
    documents = [json.loads(path.read_bytes()) for path in results.glob("*.json")]
    names = {result["benchmark"] for each in documents for result in each["results"]}
    assert names == {"sorting", "summing", "nightly", "repeating", "joining", "measured elsewhere"}


def test_within_run_the_duration_is_not_recorded_twice(
    suite: MonitoredPerfSuite, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_RUN_ID", "20260301T120000Z-1")
    suite.run_benchmark_with_monitoring(lambda: None, "nothing")
    assert document(results)[0].suite_duration_seconds is None
