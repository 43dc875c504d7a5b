"""benchmarks.scale runs with small numbers, and measures what it says."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks import scale
from benchmarks.scale_load import cpu_seconds, pace
from benchmarks.scale_version import version
from benchmarks.servers import BenchmarkError
from tests.support.measuring import DEADLINE_SECONDS, figures, run
from tests.support.paths import REPOSITORY


def test_a_run_of_seconds_gives_tables_and_a_picture(tmp_path: Path) -> None:
    output = tmp_path / "scale.md"
    sizes = (
        "--benchmarks=5",
        "--seconds=0.5",
        "--idle-seconds=1",
        "--ledger-runs=0",
        "--format=google_benchmark",
    )
    done = run("benchmarks.scale", *sizes, "--no-peers", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert "… 5 benchmarks: exporter (this checkout), google_benchmark" in done.stderr
    measured = figures(output)
    assert measured["this checkout, 5 benchmarks: CPU a file"] > 0
    assert measured["this checkout, 5 benchmarks: file → /metrics, p99"] > 0
    # Two results of each benchmark: 19 buckets, +Inf, sum and count of each.
    row = next(
        line
        for line in output.read_text(encoding="utf-8").splitlines()
        if line.startswith("| this checkout, google_benchmark | 5 |")
    )
    assert f" {5 * 2 * 22} |" in row
    assert "<svg" in output.with_suffix(".svg").read_text(encoding="utf-8")


def test_the_path_that_is_scraped_is_that_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus/prometheus.yml").write_text(
        "scrape_configs:\n"
        "  - job_name: benchmark-exporter\n"
        "    params: {'collect[]': [state], sparse: ['1']}\n"
        "  - job_name: benchmark-exporter-slow\n"
        "    scrape_interval: 20s\n"
        "    params: {'collect[]': [distributions, resources]}\n"
    )
    found = version("new", tmp_path)
    assert found.fast == "/metrics?collect[]=state&sparse=1"
    assert found.slow == "/metrics?collect[]=distributions&collect[]=resources"
    assert found.slow_seconds == 20


def test_a_folder_that_is_not_a_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="not a checkout"):
        version("none", tmp_path)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--benchmarks=0,5"], "at least 1"),
        (["--benchmarks=five"], "invalid"),
        (["--seconds=0"], "above 0"),
        (["--rate=nan"], "above 0"),
        (["--exporter=/somewhere"], "NAME=PATH"),
        (["--exporter=old=/nowhere"], "not a checkout"),
    ],
)
def test_a_wrong_argument_is_named(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        scale.main(words)
    assert reason in capsys.readouterr().err


def test_cpu_time_is_that_of_the_process_and_its_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.1: pass\nprint(flush=True)\ninput()"
    start = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = cpu_seconds(psutil.Process(process.pid))
        process.communicate(b"\n")
    assert 0.1 <= used < 2


def test_work_is_done_at_the_pace_and_its_error_is_reported() -> None:
    started = time.perf_counter()
    with pace(range(10), 100.0, lambda number: b"%d" % number) as (sent, thread):
        thread.join()
    assert time.perf_counter() - started >= 9 / 100
    assert sent.wanted == {number: b"%d" % number for number in range(10)}

    def fail(number: int) -> bytes:
        raise BenchmarkError(f"{number} was refused")

    with (
        pytest.raises(BenchmarkError, match="7 was refused"),
        pace([7], 100.0, fail) as (_, thread),
    ):
        thread.join()


def test_it_stops_cleanly_when_it_is_ended(tmp_path: Path) -> None:
    output = tmp_path / "scale.md"
    words = [sys.executable, "-m", "benchmarks.scale", "--benchmarks=1", f"--output={output}"]
    with subprocess.Popen(words, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        started = psutil.Process(process.pid)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (servers := started.children()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130
    assert "interrupted; nothing was written" in errors
    assert not any(each.is_running() for each in servers)
    assert not output.exists()
