"""Documents of the installed tools: each tool is run, and its figures are compared with ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Result, Run
from stack.settings import STATE
from tests.support.paths import REPOSITORY
from tests.support.process import Exporter

TOOL_SECONDS = 120  # includes unpacking from Debian's mirror


def run(command: list[str], folder: Path) -> None:
    # pytest-benchmark measures nothing in parallel test runs, and these tests may be in one.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=TOOL_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def results_of(path: Path) -> tuple[Run, dict[str, Result]]:
    found = parse(path.read_bytes())
    assert isinstance(found, Run)
    return found, {result.name: result for result in found.results}


@pytest.mark.parametrize(
    "flags", [["--benchmark-save-data"], []], ids=["with its rounds", "without them"]
)
def test_pytest_benchmark(tmp_path: Path, flags: list[str]) -> None:
    (tmp_path / "test_sums.py").write_text(
        "def test_sum(benchmark):\n    benchmark(sum, range(100))\n"
    )
    run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--benchmark-max-time=0.05",
            "--benchmark-save=run",
            *flags,
            "test_sums.py",
        ],
        tmp_path,
    )
    (path,) = tmp_path.glob(".benchmarks/*/0001_run.json")
    written: dict[str, Any] = json.loads(path.read_bytes())["benchmarks"][0]["stats"]
    found, results = results_of(path)
    assert found.format == "pytest_benchmark"
    result = results["test_sums.py::test_sum"]
    assert bool(result.samples) == bool(flags)
    assert result.sample_count == written["rounds"]
    assert result.statistics.p50 == pytest.approx(written["median"])
    assert result.statistics.mean == pytest.approx(written["mean"])
    assert result.statistics.stddev == pytest.approx(written["stddev"])


@pytest.fixture(scope="session")
def hyperfine() -> str:
    """The program on PATH, or else unpacked from Debian's package."""
    if (found := shutil.which("hyperfine")) is not None:
        return found
    folder = REPOSITORY / STATE / "tools"
    program = folder / "usr/bin/hyperfine"
    if not program.is_file():
        command = [str(REPOSITORY / "stack/debian-packages"), "own", str(folder), "hyperfine"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TOOL_SECONDS
        )
        if done.returncode != 0:
            pytest.skip(
                f"hyperfine is not on PATH and not in Debian's package: {done.stderr.strip()}"
            )
    return str(program)


def test_hyperfine(tmp_path: Path, hyperfine: str) -> None:
    run(
        [hyperfine, "--shell=none", "--runs=3", "--export-json=run.json", "true", "sleep 0.01"],
        tmp_path,
    )
    found, results = results_of(tmp_path / "run.json")
    assert found.format == "hyperfine"
    assert {
        "true",
        "true/user",
        "true/system",
        "sleep 0.01",
        "sleep 0.01/user",
        "sleep 0.01/system",
    } <= results.keys()
    sleep = results["sleep 0.01"]
    assert len(sleep.samples) == 3
    assert sleep.statistics.min is not None
    assert sleep.statistics.min >= 0.01
    user = results["sleep 0.01/user"].statistics.mean
    assert user is not None
    assert user < 0.01  # it slept


def test_hyperfine_writes_into_the_folder_of_a_running_exporter(
    tmp_path: Path, free_port: Callable[[], int], hyperfine: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("counter_hold_seconds: 0\nhistogram_hold_seconds: 0\n")
    exporter = Exporter(tmp_path, free_port(), f"--config={config}")
    commands = ["sleep 0.3", "sleep 0.2", "sleep 0.1"]
    try:
        run(
            [
                hyperfine,
                "--shell=none",
                "--runs=4",
                f"--export-json={exporter.results / 'x.json'}",
                *commands,
            ],
            tmp_path,
        )
        counts = {
            f'benchmark_runs_total{{benchmark_name="{command}",environment="local"}}': 1
            for command in commands
        } | {
            f'benchmark_execution_time_ms_count{{benchmark_name="{command}",'
            'iteration="sample",environment="local"}': 4
            for command in commands
        }
        exporter.until(lambda: all(exporter.value(series) for series in counts))
        assert {series: exporter.value(series) for series in counts} == counts
        # The exporter saw the file while it grew.
        assert (
            exporter.value('benchmark_exporter_files_ingested_total{format="hyperfine"}') or 0
        ) > 1
    finally:
        assert exporter.stop() == 0, exporter.log.read_text()
