"""`pytest --benchmark-results=FOLDER`, with pytest started from a command line."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmark_exporter.commands.file_check import check_file
from benchmark_exporter.config import Config
from tests.support.monitored import THIS_MACHINE

TOOL_SECONDS = 120.0
PYTEST = [sys.executable, "-m", "pytest", "-q", "--benchmark-max-time=0.05"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "test_sums.py").write_text(
        "def test_sum(benchmark):\n"
        "    benchmark.extra_info['what'] = {1}\n"
        "    benchmark(sum, range(100))\n"
    )
    (tmp_path / "results").mkdir()
    return tmp_path


def run(project: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GITHUB_", "CI_", "BENCHMARK_", "PYTEST_"))
    } | variables
    return subprocess.run(
        words,
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=TOOL_SECONDS,
        check=False,
    )


def test_results_are_dropped_with_what_ci_states_of_them(project: Path) -> None:
    done = run(
        project,
        *PYTEST,
        "--benchmark-results=results",
        GITHUB_SHA="a1b2c3d4",
        GITHUB_REF_NAME="main",
        BENCHMARK_ENVIRONMENT="ci",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = {*(project / "results").iterdir()} - {*(project / "results").glob("*.meta.json")}
    accepted, lines = check_file(path, Config())
    assert accepted
    assert lines[0].startswith(f"{path}: pytest_benchmark document")
    assert "environment ci, commit a1b2c3d4" in lines[1]
    assert any(line.startswith("  test_sums.py::test_sum: p50 ") for line in lines)
    assert lines[-1] == f"  with its sidecar {path.stem}.meta.json"


@pytest.mark.skipif(
    platform.machine() != "x86_64",
    reason="pytest-benchmark asks lscpu, which has another name for an Arm core",
)
def test_the_machine_is_named_as_our_client_names_it_with_the_profile(project: Path) -> None:
    assert (
        run(
            project, *PYTEST, "--benchmark-results=results", BENCHMARK_MACHINE_PROFILE="powersave"
        ).returncode
        == 0
    )
    (path,) = {*(project / "results").iterdir()} - {*(project / "results").glob("*.meta.json")}
    _, lines = check_file(path, Config())
    assert f"  machine {replace(THIS_MACHINE, profile='powersave').class_name}" in lines


def test_the_json_option_of_pytest_benchmark_still_works(project: Path) -> None:
    (project / "test_sums.py").write_text(
        "def test_sum(benchmark):\n    benchmark(sum, range(100))\n"
    )
    assert (
        run(project, *PYTEST, "--benchmark-results=results", "--benchmark-json=own.json").returncode
        == 0
    )
    (path,) = {*(project / "results").iterdir()} - {*(project / "results").glob("*.meta.json")}
    assert (
        json.loads(path.read_bytes())["benchmarks"]
        == json.loads((project / "own.json").read_bytes())["benchmarks"]
    )


def test_without_benchmarks_or_without_the_option_nothing_is_written(project: Path) -> None:
    assert run(project, *PYTEST).returncode == 0
    (project / "test_sums.py").write_text("def test_nothing():\n    pass\n")
    assert run(project, *PYTEST, "--benchmark-results=results").returncode == 0
    assert not list((project / "results").iterdir())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            [*PYTEST, "--benchmark-results=nowhere"],
            "--benchmark-results=nowhere: folder not found",
        ),
        (
            [sys.executable, "-m", "pytest", "-p", "no:benchmark", "--benchmark-results=results"],
            "needs pytest-benchmark",
        ),
    ],
)
def test_a_wrong_use_is_reported_before_anything_runs(
    project: Path, words: list[str], text: str
) -> None:
    done = run(project, *words)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert text in done.stderr
