"""`benchmark-exporter run` around real commands: what it records, and that the command does not notice."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from benchmark_exporter.commands.check import check_file
from benchmark_exporter.config import Config
from tests.support.monitored import DEADLINE_SECONDS, RUN, THIS_MACHINE, document, live_lines, until


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def run(results: Path, *words: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words],
        cwd=results.parent,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        **how,
    )


def start(results: Path, *words: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([*RUN, *words], cwd=results.parent, text=True, **how)


def is_told(results: Path, kind: str) -> bool:
    return any(f'"type":"{kind}"' in path.read_text() for path in (results / "live").glob("*"))


def test_output_input_and_exit_status_are_the_commands(results: Path) -> None:
    done = run(
        results, "--", "sh", "-c", "read line; echo got $line; echo oops >&2; exit 3", input="abc\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "got abc\n", "oops\n")
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


def test_what_is_recorded_of_a_command(results: Path) -> None:
    # Two seconds of work of a child of a child, with memory that is there for less than the time between two looks.
    program = "import time; x = b'x' * 300_000_000; del x\nwhile time.process_time() < 1.5: pass"
    words = (
        "--name=suite",
        "--project=router",
        "--environment=bare-metal",
        "--commit=a1b2c3d",
        "--branch=main",
        "--machine-profile=vm",
    )
    # By a shell: a program inherits the most memory of the one that starts it, and that of these tests may have had more.
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


def test_processes_that_end_between_two_looks_are_counted(results: Path) -> None:
    burn = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.2: pass'"
    assert run(results, "sh", "-c", f"for i in 1 2 3 4 5 6; do {burn}; done").returncode == 0
    assert document(results)[1]["run/sh/cpu"].samples[0] > 1.2
    samples = [line for line in live_lines(results) if line["type"] == "sample"]
    # Of each second, all that was used in it; the machine may have been busy with other things too.
    assert max(sample["cpu_percent"] for sample in samples) > 20


def test_phases_that_a_command_names(results: Path) -> None:
    script = f"""echo warmup > "$BENCHMARK_PHASE_FILE"; sleep 0.5
    echo measure > "$BENCHMARK_PHASE_FILE"; {sys.executable} -c 'import time; x = b"x" * 200_000_000; time.sleep(1.5)'"""
    assert run(results, "sh", "-c", script).returncode == 0
    _, found = document(results)
    assert found["run/sh/peak_memory/warmup"].samples[0] < 100e6
    assert found["run/sh/peak_memory/measure"].samples[0] > 200e6
    assert [line["phase"] for line in live_lines(results)[1:-1]][:2] == ["warmup", "measure"]


def test_a_program_smaller_than_this_one_is_not_taken_to_be_as_large(results: Path) -> None:
    assert run(results, "sleep", "0.3").returncode == 0
    assert 0 < document(results)[1]["run/sleep/peak_memory"].samples[0] < 10e6


def test_without_a_document_it_is_only_streamed(results: Path) -> None:
    assert run(results, "--no-document", "true").returncode == 0
    assert live_lines(results)[-1]["status"] == "completed"
    assert [path.name for path in results.iterdir()] == ["live"]


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        (["no-such-benchmark"], 127, "no-such-benchmark: there is no such command"),
        (["/etc/passwd"], 126, "/etc/passwd: cannot be run: Permission denied"),
        ([], 2, "there is no command to run"),
    ],
)
def test_what_cannot_be_run(results: Path, command: list[str], status: int, text: str) -> None:
    done = run(results, "--", *command)
    assert done.returncode == status
    assert text in done.stderr
    assert not list(results.iterdir())


def test_a_missing_folder_is_told_once_and_the_command_runs(tmp_path: Path) -> None:
    done = run(tmp_path / "results", "sh", "-c", "echo done; exit 4")
    assert (done.returncode, done.stdout) == (4, "done\n")
    assert done.stderr.count("there is no such folder") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_once_and_the_run_is_interrupted(
    results: Path, number: signal.Signals, tmp_path: Path
) -> None:
    script = """trap 'echo INT' INT; trap 'echo TERM' TERM; trap 'echo HUP' HUP; echo ready > ready
    while [ ! -e over ]; do sleep 0.05; done; exit 130"""
    process = start(results, "sh", "-c", script, stdout=subprocess.PIPE)
    until((tmp_path / "ready").exists)
    process.send_signal(number)
    time.sleep(0.3)  # for a second one, which must not come
    (tmp_path / "over").touch()
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert output == f"{number.name.removeprefix('SIG')}\n"
    assert process.returncode == 130
    assert live_lines(results)[-1]["status"] == "interrupted"
    assert [path.name for path in results.iterdir()] == ["live"]


def test_a_command_that_ends_well_after_a_signal_is_a_run_like_others(
    results: Path, tmp_path: Path
) -> None:
    process = start(
        results, "sh", "-c", "trap 'exit 0' TERM; echo > ready; while :; do sleep 0.05; done"
    )
    until((tmp_path / "ready").exists)
    process.terminate()
    assert process.wait(DEADLINE_SECONDS) == 0
    assert "run/sh/wall" in document(results)[1]


def test_a_killed_command_is_a_failed_run(results: Path) -> None:
    process = start(results, "sleep", "1000")
    until(lambda: is_told(results, "start"))
    os.kill(live_lines(results)[0]["pid"], signal.SIGKILL)
    assert process.wait(DEADLINE_SECONDS) == 137
    end = live_lines(results)[-1]
    assert (end["status"], end["error"], end["exit_status"]) == ("failed", "ended by SIGKILL", 137)
    assert document(results)[0].failures[0].error == "ended by SIGKILL"


def test_a_killed_wrapper_leaves_the_command_alone_and_no_result(
    results: Path, tmp_path: Path
) -> None:
    process = start(results, "sh", "-c", "while [ ! -e over ]; do sleep 0.05; done; echo > ended")
    until(lambda: is_told(results, "sample"))
    process.kill()
    process.wait()
    (tmp_path / "over").touch()
    until((tmp_path / "ended").exists)
    assert live_lines(results)[-1]["type"] == "sample"
    assert [path.name for path in results.iterdir()] == ["live"]


class Terminal:
    """A shell with job control on a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.process_id, self.descriptor = pty.fork()
        if self.process_id == 0:
            os.chdir(folder)
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])  # noqa: S606  # it is the shell
        self.text = ""

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def until_shown(self, text: str) -> None:
        os.set_blocking(self.descriptor, False)

        def shown() -> bool:
            with suppress(BlockingIOError):
                self.text += os.read(self.descriptor, 65536).decode(errors="replace")
            return text in self.text

        until(shown)
        self.text = self.text.partition(text)[2]

    def close(self) -> None:
        os.kill(self.process_id, signal.SIGHUP)
        os.close(self.descriptor)
        os.waitpid(self.process_id, 0)


@pytest.fixture
def terminal(results: Path) -> Iterator[Terminal]:
    if shutil.which("bash") is None:
        pytest.skip("a shell with job control is needed: bash")
    shell = Terminal(results.parent)
    yield shell
    shell.close()


PROGRAM = """import signal, time
def tell(number, frame):
    print("GOT", number, flush=True)
    tell.count += 1
tell.count = 0
signal.signal(signal.SIGINT, tell)
print("REA" + "DY", flush=True)
while tell.count == 0: time.sleep(0.01)
time.sleep(0.3)
print("COUNT=%d" % tell.count, flush=True)
raise SystemExit(130)
"""


UNTIL_OVER = """import os, time
print("REA" + "DY", flush=True)
while not os.path.exists("over"): time.sleep(0.01)
print("OV" + "ER", flush=True)
"""


def test_ctrl_c_at_a_terminal_reaches_the_command_once(
    results: Path, terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    terminal.type(f"{' '.join(RUN)} -- {sys.executable} program.py; echo STATUS=$?\n")
    terminal.until_shown("READY")
    terminal.type("\x03")
    terminal.until_shown("COUNT=1")
    terminal.until_shown("STATUS=130")
    assert live_lines(results)[-1]["status"] == "interrupted"


def test_ctrl_z_stops_the_job_and_fg_continues_it(
    results: Path, terminal: Terminal, tmp_path: Path
) -> None:
    # No shell: one that is stopped between its vfork and the exec of a command is not stopped until that goes on.
    (tmp_path / "program.py").write_text(UNTIL_OVER)
    terminal.type(f"{' '.join(RUN)} -- {sys.executable} program.py\n")
    terminal.until_shown("READY")
    terminal.type("\x1a")
    terminal.until_shown("Stopped")
    terminal.type("echo PRO''MPT; fg\n")
    terminal.until_shown("PROMPT")
    (tmp_path / "over").touch()
    terminal.until_shown("OVER")
    until(lambda: is_told(results, "end"))
    assert live_lines(results)[-1]["status"] == "completed"


def test_a_command_reads_the_terminal(terminal: Terminal) -> None:
    terminal.type(
        f"{' '.join(RUN)} -- sh -c 'echo REA''DY; read line; echo line=$line; test -t 0 && test -t 1 && echo tt''y'\n"
    )
    terminal.until_shown("READY")
    terminal.type("abc\n")
    terminal.until_shown("line=abc")
    terminal.until_shown("tty")


def test_results_of_the_command_itself_count_for_themselves(
    wired: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "from benchmark_exporter.client import *; MonitoredPerfSuite().run_benchmark_with_monitoring(lambda: None, 'parsing', iterations=5)"
    monkeypatch.chdir(tmp_path)
    assert run(wired.results, "--name=parsing", sys.executable, "-c", program).returncode == 0
    wired.settle()
    assert wired.value("benchmark_suite_duration_seconds_count") == 1
    assert wired.value("benchmark_runs_total", benchmark_name="parsing", environment="local") == 1
    assert (
        wired.value("benchmark_runs_total", benchmark_name="run/parsing", environment="local") == 1
    )
