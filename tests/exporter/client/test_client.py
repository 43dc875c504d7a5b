"""The client in a benchmark's process: what it leaves in the folder, and that nothing of it reaches the benchmark."""

import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_exporter.client import MonitoredPerfSuite
from benchmark_exporter.client.machine import cpu_model, find_machine
from benchmark_exporter.client.provenance import Provenance, find_provenance, find_results_dir
from benchmark_exporter.client.samples import Samples
from benchmark_exporter.commands.check import check_file
from benchmark_exporter.config import Config
from tests.support.disks import filled
from tests.support.monitored import DEADLINE_SECONDS, THIS_MACHINE, document, live_lines, until
from tests.support.paths import REPOSITORY

MEGABYTE = 10**6
X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7763 64-Core Processor\n\nprocessor\t: 1\n"
ARM = "processor\t: 0\nCPU implementer\t: 0x41\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n\nprocessor\t: 1\nCPU part\t: 0xd40\n"
IMPORT = "from benchmark_exporter.client import MonitoredPerfSuite; suite = MonitoredPerfSuite(); "


def benchmark(results: Path, program: str) -> None:
    """Runs a program in which there is a suite."""
    subprocess.run(
        [sys.executable, "-c", IMPORT + program],
        cwd=results.parent,
        check=True,
        timeout=DEADLINE_SECONDS,
    )


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("BENCHMARK_", "GITHUB_", "CI_", "GIT_")):
            monkeypatch.delenv(name)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


@pytest.fixture
def suite(results: Path) -> MonitoredPerfSuite:
    return MonitoredPerfSuite(
        results, project="router", environment="bare-metal", commit="a1b2c3d", branch="main"
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


def test_samples_beyond_the_limit_are_thinned_evenly_and_stay_in_order() -> None:
    samples, total = Samples(1000), 100_000
    for number in range(total):
        samples.recent.append(number)
        if number % 37 == 0:
            samples.fold()
    samples.fold()
    kept = samples.kept.tolist()
    assert samples.count == total
    assert 400 <= len(kept) <= 1000
    assert kept == sorted(kept)
    # Each tenth of the run has a tenth of them, up to three standard deviations of a fair draw.
    for tenth in range(10):
        here = sum(tenth * 10_000 <= value < (tenth + 1) * 10_000 for value in kept)
        assert abs(here - len(kept) / 10) < 3 * (len(kept) * 0.1 * 0.9) ** 0.5


def test_what_a_period_would_hide_is_kept_with_its_share() -> None:
    samples = Samples(1000)
    for number in range(100_000):
        samples.recent.append(number % 2)
        if number % 100 == 99:
            samples.fold()
    # By one start for all folds it would be 0 or 1.
    assert 0.3 < sum(samples.kept) / len(samples.kept) < 0.7


def test_memory_of_the_benchmark_is_seen(results: Path) -> None:
    # In a process that has had no more before.
    benchmark(
        results,
        "suite.run_benchmark_with_monitoring(lambda: len(b'x' * 400_000_000), 'allocating')",
    )
    _, found = document(results)
    iteration = live_lines(results)[1]
    assert found["allocating/peak_memory"].samples[0] >= 400 * MEGABYTE
    # It was given back before the line.
    assert iteration["memory_mb"] < 400 <= iteration["peak_memory_mb"]


def test_an_earlier_peak_is_not_taken_for_this_runs(results: Path) -> None:
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
def test_a_loop_that_is_left(
    suite: MonitoredPerfSuite, results: Path, iterations: int | None, status: str
) -> None:
    for number in suite.stream_benchmark_progress("parsing", iterations):
        if number == 3:
            break
    assert live_lines(results)[-1]["status"] == status
    assert bool(list(results.glob("*.json"))) == (status == "completed")


def test_a_function_that_is_never_called_is_refused(suite: MonitoredPerfSuite) -> None:
    with pytest.raises(ValueError, match="0 iterations of parsing"):
        suite.run_benchmark_with_monitoring(lambda: None, "parsing", iterations=0)


def test_long_names_and_errors_fit_into_a_line(results: Path) -> None:
    with pytest.raises(RuntimeError):
        MonitoredPerfSuite(
            results, project="\x01" * 900, environment="ü" * 900
        ).run_benchmark_with_monitoring(_fail_at_length, "y" * 900)
    assert live_lines(results)[-1]["error"].startswith("RuntimeError: 💥")


def _fail_at_length() -> None:
    raise RuntimeError("💥" * 9000)


def test_a_missing_folder_is_told_once_and_made_by_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite = MonitoredPerfSuite(tmp_path / "nowhere")
    assert suite.run_benchmark_with_monitoring(lambda: 7, "parsing", iterations=100) == 7
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert (
        record.getMessage()
        == f"{tmp_path}/nowhere: there is no such folder, nothing is recorded; create it or name another"
    )
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_once_and_lines_go_on_when_there_is_room(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MonitoredPerfSuite(small_disk).run("parsing") as run:
        with filled(small_disk):
            deadline = time.monotonic() + DEADLINE_SECONDS
            while not caplog.records and time.monotonic() < deadline:
                run.measure(lambda: time.sleep(0.001), "parsing")
            run.measure(lambda: time.sleep(0.001), "parsing", iterations=100)
        run.measure(lambda: time.sleep(0.001), "parsing", iterations=100)
    (record,) = caplog.records
    assert record.getMessage().endswith("cannot be recorded: No space left on device")
    (path,) = (small_disk / "live").iterdir()
    lines = path.read_bytes().splitlines()
    torn = [line for line in lines if not line.endswith(b"}")]
    assert len(torn) == 1  # the one that the disk has room for half of
    assert [json.loads(line)["type"] for line in lines if line not in torn][-1] == "end"
    assert (document(small_disk)[1]["parsing"].sample_count or 0) > 200


def test_no_result_is_left_half_on_a_full_disk(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MonitoredPerfSuite(small_disk).run("parsing") as run:
        for number in range(30_000):
            run.observe("parsing", number / 1e3)
    assert [path.name for path in small_disk.iterdir()] == ["live"]
    assert len(caplog.records) == 1


def test_a_forked_child_writes_nothing(suite: MonitoredPerfSuite, results: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error"
        )  # where there are threads, Python 3.12 and later warn of a fork
        with suite.run("forking") as run:
            for _ in run.iterations("forking", 3):
                child = os.fork()
                if child == 0:
                    for _ in range(50):
                        run.observe("forking", 1.0)
                        time.sleep(0.001)
                    run.__exit__(None, None, None)
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
    lines = live_lines(results)
    assert [line["type"] for line in lines].count("end") == 1
    assert all(line.get("execution_time_ms", 0) < 1000 for line in lines)
    assert document(results)[1]["forking"].sample_count == 3


def test_threads_lose_no_observation(suite: MonitoredPerfSuite, results: Path) -> None:
    with suite.run("threads") as run:

        def observe() -> None:
            for _ in range(20_000):
                run.observe("threads", 0.001)

        threads = [threading.Thread(target=observe) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert document(results)[1]["threads"].sample_count == 80_000
    assert live_lines(results)[-2]["iteration"] == 80_000


def test_a_benchmarks_random_numbers_stay_its_own(suite: MonitoredPerfSuite) -> None:
    before = random.getstate()
    suite.run_benchmark_with_monitoring(lambda: None, "nothing", iterations=300_000)
    assert random.getstate() == before


def test_a_killed_benchmark_leaves_a_live_file_and_no_result(results: Path) -> None:
    program = f"{IMPORT}import time; suite.run_benchmark_with_monitoring(lambda: time.sleep(0.01), 'x', iterations=10**6)"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=results.parent)
    until(
        lambda: len(list((results / "live").glob("*"))) == 1 and len(live_lines_so_far(results)) > 3
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert live_lines_so_far(results)[-1].startswith(b'{"type":"iteration"')
    assert [path.name for path in results.iterdir()] == ["live"]


def live_lines_so_far(results: Path) -> list[bytes]:
    (path,) = (results / "live").iterdir()
    return path.read_bytes().splitlines()


def test_live_files_of_another_day_are_removed(suite: MonitoredPerfSuite, results: Path) -> None:
    live = results / "live"
    live.mkdir()
    for name, hours in (("old.jsonl", 25), ("recent.jsonl", 23), ("notes.txt", 25)):
        (live / name).touch()
        os.utime(live / name, (time.time() - hours * 3600,) * 2)
    suite.run_benchmark_with_monitoring(lambda: None, "nothing")
    assert {path.name for path in live.iterdir()} > {"recent.jsonl", "notes.txt"}
    assert not (live / "old.jsonl").exists()


def test_a_benchmark_loads_nothing_but_psutil_with_it() -> None:
    program = "import sys; before = set(sys.modules); import benchmark_exporter.client; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    assert tops <= {"benchmark_exporter", "psutil"}
    ours = {name for name in done.stdout.split() if name.startswith("benchmark_exporter.")}
    ours.remove("benchmark_exporter.atomic_write")
    assert all(name.startswith("benchmark_exporter.client") for name in ours)


@pytest.mark.parametrize(
    ("said", "environ", "found"),
    [
        (
            Provenance("p", "e", "c1", "b"),
            {"BENCHMARK_PROJECT": "x", "BENCHMARK_COMMIT": "x"},
            Provenance("p", "e", "c1", "b"),
        ),
        (
            Provenance(),
            {
                "BENCHMARK_PROJECT": "p",
                "BENCHMARK_ENVIRONMENT": "e",
                "BENCHMARK_COMMIT": "c",
                "BENCHMARK_BRANCH": "b",
            },
            Provenance("p", "e", "c", "b"),
        ),
        (
            Provenance(),
            {"GITHUB_SHA": "c", "GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": ""},
            Provenance(None, None, "c", "main"),
        ),
        (
            Provenance(),
            {"GITHUB_SHA": "c", "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "topic"},
            Provenance(None, None, "c", "topic"),
        ),
        (
            Provenance(),
            {"CI_COMMIT_SHA": "c", "CI_COMMIT_REF_NAME": "main"},
            Provenance(None, None, "c", "main"),
        ),
        (
            Provenance(),
            {"GIT_COMMIT": "c", "GIT_BRANCH": "origin/main"},
            Provenance(None, None, "c", "origin/main"),
        ),
    ],
    ids=["said", "our variables", "GitHub", "GitHub's pull request", "GitLab", "Jenkins"],
)
def test_where_a_run_comes_from(
    said: Provenance, environ: dict[str, str], found: Provenance
) -> None:
    assert find_provenance(said, environ) == found


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        (X86, "AMD EPYC 7763 64-Core Processor"),
        (ARM, "implementer 0x41 part 0xd0c"),
        ("processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\n", ""),
        ("", ""),
    ],
    ids=["x86", "Arm", "RISC-V", "empty"],
)
def test_the_model_is_that_of_the_first_cpu(cpuinfo: str, model: str) -> None:
    assert cpu_model(cpuinfo.splitlines(keepends=True)) == model


@pytest.mark.parametrize(
    ("said", "environ", "profile"),
    [
        ("vm", {"BENCHMARK_MACHINE_PROFILE": "x"}, "vm"),
        ("", {"BENCHMARK_MACHINE_PROFILE": "powersave"}, "powersave"),
        ("", {}, ""),
    ],
)
def test_a_profile_is_the_callers_else_the_variables(
    said: str, environ: dict[str, str], profile: str
) -> None:
    assert find_machine(said, environ).profile == profile


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_is_asked_where_nothing_else_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_provenance(Provenance(), {}) == Provenance()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for words in (
        ["init", "--quiet", "--initial-branch=topic"],
        ["commit", "--quiet", "--allow-empty", "--message=x"],
    ):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    assert find_provenance(Provenance(), {}) == Provenance(None, None, commit, "topic")
    subprocess.run(["git", "checkout", "--quiet", "--detach"], check=True)
    assert find_provenance(Provenance(), {}) == Provenance(None, None, commit, "")


def test_where_results_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_results_dir(None, {}) == tmp_path / "results"
    assert find_results_dir(None, {"BENCHMARK_RESULTS_DIR": "/srv/results"}) == Path("/srv/results")
    assert (
        find_results_dir("there", {"BENCHMARK_RESULTS_DIR": "/srv/results"}) == tmp_path / "there"
    )


def test_the_examples_of_the_page_run(results: Path) -> None:
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


def test_the_duration_is_left_to_the_program_around(
    suite: MonitoredPerfSuite, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_RUN_ID", "20260301T120000Z-1")
    suite.run_benchmark_with_monitoring(lambda: None, "nothing")
    assert document(results)[0].suite_duration_seconds is None
