"""`benchmark-exporter run` around real commands: what it records, and what the command sees."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from benchmark_exporter.commands.file_check import check_file
from benchmark_exporter.config import Config
from tests.exporter.client.running import run
from tests.support.monitored import DEADLINE_SECONDS, RUN, THIS_MACHINE, document, live_lines


def test_output_input_and_exit_status_are_the_commands(results: Path) -> None:
    done = run(
        results, "--", "sh", "-c", "read line; echo got $line; echo oops >&2; exit 3", input="abc\n"
    )
    assert (done.returncode, done.stdout) == (3, "got abc\n")
    assert done.stderr.startswith("oops\nbenchmark-exporter run: recorded run/sh (failed with ")
    read, found = document(results)
    assert not found
    assert [(failure.benchmark, failure.error) for failure in read.failures] == [
        ("run/sh", "exit status 3")
    ]
    end = live_lines(results)[-1]
    assert (end["status"], end["exit_status"], end["error"]) == ("failed", 3, "exit status 3")


def test_other_files_of_the_caller_are_passed_through(results: Path) -> None:
    reading, writing = os.pipe()
    program = f"import os; os.write({writing}, b'hello')"
    assert run(results, sys.executable, "-c", program, pass_fds=[writing]).returncode == 0
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "hello"


def test_without_a_terminal_and_with_all_files_closed(results: Path) -> None:
    words = [*RUN, "--", "sh", "-c", "exit 5"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words],
        cwd=results.parent,
        start_new_session=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 5
    assert live_lines(results)[-1]["exit_status"] == 5


def test_a_commands_duration_cpu_and_memory_are_recorded(results: Path) -> None:
    # Work of a grandchild, with memory that is freed before the next sample.
    program = "import time; x = b'x' * 300_000_000; del x\nwhile time.process_time() < 1.5: pass"
    words = (
        "--name=suite",
        "--project=router",
        "--environment=bare-metal",
        "--commit=a1b2c3d",
        "--branch=main",
        "--machine-profile=vm",
    )
    # Started by a shell: a program inherits the peak memory of what starts it, and these tests may
    # have used more.
    shell = [
        "sh",
        "-c",
        '"$@"; exit $?',
        "sh",
        *RUN,
        *words,
        "--",
        "sh",
        "-c",
        f'{sys.executable} -c "$0"; true',
        program,
    ]
    assert (
        subprocess.run(shell, cwd=results.parent, timeout=DEADLINE_SECONDS, check=False).returncode
        == 0
    )
    read, found = document(results)
    assert (read.project, read.environment, read.commit_hash, read.branch) == (
        "router",
        "bare-metal",
        "a1b2c3d",
        "main",
    )
    assert read.machine == replace(THIS_MACHINE, profile="vm")
    assert found.keys() == {"run/suite/wall", "run/suite/cpu", "run/suite/peak_memory"}
    assert read.suite_duration_seconds == found["run/suite/wall"].samples[0]
    assert 1.5 <= found["run/suite/cpu"].samples[0] <= read.suite_duration_seconds
    assert 300e6 <= found["run/suite/peak_memory"].samples[0] < 400e6
    (path,) = results.glob("*.json")
    assert check_file(path, Config())[0]

    first, *samples, end = live_lines(results)
    assert first["process"] == "sh"
    assert first["benchmark"] == "run/suite"
    assert len(samples) >= 2
    assert max(sample["cpu_percent"] for sample in samples) > 5
    assert all(sample["type"] == "sample" and sample["phase"] == "run" for sample in samples)
    assert set(samples[-1]["cores"]) == {str(core) for core in range(psutil.cpu_count() or 0)}
    assert end["duration_seconds"] == pytest.approx(read.suite_duration_seconds)


def test_the_last_line_names_what_was_recorded_and_the_file(results: Path) -> None:
    done = run(results, "--name=nap", "sleep", "0.2")
    (path,) = results.glob("*.json")
    line = r"recorded run/nap \([\d.]+ m?s, .* of CPU, .* at peak\) in "
    assert re.fullmatch(f"benchmark-exporter run: {line}{re.escape(str(path))}\n", done.stderr)


def write_stack(folder: Path, results: Path) -> None:
    """What `make up` leaves in the checkout `folder`."""
    (folder / ".local").mkdir()
    document = {
        "schema": 1,
        "mode": "local",
        "checkout": str(folder),
        "addresses": {"stream": "ws://127.0.0.1:18765"},
        "results_dir": str(results),
        "ledger": None,
    }
    (folder / ".local" / "stack.json").write_text(json.dumps(document))


def test_the_last_line_names_the_live_page_of_the_stack_that_reads_the_folder(
    results: Path, tmp_path: Path
) -> None:
    write_stack(tmp_path, results)
    assert run(results, "true").stderr.endswith(".json; see http://127.0.0.1:18765\n")
    (tmp_path / "elsewhere").mkdir()
    done = run(results, "--results-dir=elsewhere", "true")
    assert done.stderr.endswith(".json\n")


def test_processes_that_end_between_two_samples_are_counted(results: Path) -> None:
    burn = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.2: pass'"
    assert run(results, "sh", "-c", f"for i in 1 2 3 4 5 6; do {burn}; done").returncode == 0
    assert document(results)[1]["run/sh/cpu"].samples[0] > 1.2
    samples = [line for line in live_lines(results) if line["type"] == "sample"]
    # Each sample has what was used in its second, less if the machine was busy otherwise.
    assert max(sample["cpu_percent"] for sample in samples) > 20


# It keeps its memory until two more samples are there, however late they come.
HOLD = """
import sys, time
from pathlib import Path
lines = lambda: sum(f.read_text().count("measure") for f in Path("results/live").glob("*.jsonl"))
held, before = b"x" * 200_000_000, lines()
while lines() < before + 2: time.sleep(0.1)
"""


def test_phases_that_a_command_names(results: Path) -> None:
    script = f"""echo warmup > "$BENCHMARK_PHASE_FILE"
    until grep -qs warmup results/live/*.jsonl; do sleep 0.1; done
    echo measure > "$BENCHMARK_PHASE_FILE"; {sys.executable} -c '{HOLD}'"""
    assert run(results, "sh", "-c", script).returncode == 0
    _, found = document(results)
    assert found["run/sh/peak_memory/warmup"].samples[0] < 100e6
    assert found["run/sh/peak_memory/measure"].samples[0] > 200e6
    assert [line["phase"] for line in live_lines(results)[1:-1]][:2] == ["warmup", "measure"]


def test_a_program_smaller_than_this_one_is_measured_as_such(results: Path) -> None:
    assert run(results, "sleep", "0.3").returncode == 0
    assert 0 < document(results)[1]["run/sleep/peak_memory"].samples[0] < 10e6


def test_without_a_document_it_is_only_streamed(results: Path) -> None:
    done = run(results, "--no-document", "true")
    assert (done.returncode, done.stderr) == (
        0,
        "benchmark-exporter run: run/true completed; no result is recorded\n",
    )
    assert live_lines(results)[-1]["status"] == "completed"
    assert [path.name for path in results.iterdir()] == ["live"]


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        (["no-such-benchmark"], 127, "no-such-benchmark: command not found"),
        (["/etc/passwd"], 126, "/etc/passwd: cannot be started: Permission denied"),
        ([], 2, "Missing argument 'COMMAND [ARGUMENT]...'"),
    ],
)
def test_what_cannot_be_run(results: Path, command: list[str], status: int, text: str) -> None:
    done = run(results, "--", *command)
    assert done.returncode == status
    assert text in done.stderr
    assert not list(results.iterdir())


def test_a_missing_folder_has_line_once_and_the_command_runs(tmp_path: Path) -> None:
    done = run(tmp_path / "results", "sh", "-c", "echo done; exit 4")
    assert (done.returncode, done.stdout) == (4, "done\n")
    assert done.stderr.count("folder not found") == 1
    assert not list(tmp_path.iterdir())


def test_results_of_the_command_itself_are_separate(
    wired: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "from benchmark_exporter.client import *; MonitoredPerfSuite()"
        ".run_benchmark_with_monitoring(lambda: None, 'parsing', iterations=5)"
    )
    monkeypatch.chdir(tmp_path)
    assert run(wired.results, "--name=parsing", sys.executable, "-c", program).returncode == 0
    wired.settle()
    assert wired.value("benchmark_suite_duration_seconds_count") == 1
    assert wired.value("benchmark_runs_total", benchmark_name="parsing", environment="local") == 1
    assert (
        wired.value("benchmark_runs_total", benchmark_name="run/parsing", environment="local") == 1
    )
