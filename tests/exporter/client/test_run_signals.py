"""`benchmark-exporter run` under signals, from others and from a terminal."""

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

import pytest

from tests.exporter.client.running import has_line, start
from tests.support.monitored import DEADLINE_SECONDS, RUN, document, live_lines, until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_forwarded_once_and_the_run_is_interrupted(
    results: Path, number: signal.Signals, tmp_path: Path
) -> None:
    script = """trap 'echo INT' INT; trap 'echo TERM' TERM; trap 'echo HUP' HUP; echo ready > ready
    while [ ! -e over ]; do sleep 0.05; done; exit 130"""
    process = start(results, "sh", "-c", script, stdout=subprocess.PIPE)
    until((tmp_path / "ready").exists)
    process.send_signal(number)
    time.sleep(0.3)  # a second one must not arrive
    (tmp_path / "over").touch()
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert output == f"{number.name.removeprefix('SIG')}\n"
    assert process.returncode == 130
    assert live_lines(results)[-1]["status"] == "interrupted"
    assert [path.name for path in results.iterdir()] == ["live"]


def test_a_command_that_succeeds_after_a_signal_is_an_ordinary_run(
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
    until(lambda: has_line(results, "start"))
    os.kill(live_lines(results)[0]["pid"], signal.SIGKILL)
    assert process.wait(DEADLINE_SECONDS) == 137
    end = live_lines(results)[-1]
    assert (end["status"], end["error"], end["exit_status"]) == ("failed", "ended by SIGKILL", 137)
    assert document(results)[0].failures[0].error == "ended by SIGKILL"


def test_a_killed_wrapper_leaves_the_command_alone_and_no_result(
    results: Path, tmp_path: Path
) -> None:
    script = "while [ ! -e over ]; do sleep 0.05; done; echo > ended"
    # It leaves a folder there, until a run a day later: test_phase_folder.py.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = start(results, "sh", "-c", script, env=environment)
    until(lambda: has_line(results, "sample"))
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
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])  # noqa: S606  # this is the shell
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
def count(number, frame):
    print("GOT", number, flush=True)
    count.signals += 1
count.signals = 0
signal.signal(signal.SIGINT, count)
print("REA" + "DY", flush=True)
while count.signals == 0: time.sleep(0.01)
time.sleep(0.3)
print("COUNT=%d" % count.signals, flush=True)
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
    # Not a shell: one that is stopped between its vfork and the exec of a command keeps running
    # until the exec.
    (tmp_path / "program.py").write_text(UNTIL_OVER)
    terminal.type(f"{' '.join(RUN)} -- {sys.executable} program.py\n")
    terminal.until_shown("READY")
    terminal.type("\x1a")
    terminal.until_shown("Stopped")
    terminal.type("echo PRO''MPT; fg\n")
    terminal.until_shown("PROMPT")
    (tmp_path / "over").touch()
    terminal.until_shown("OVER")
    until(lambda: has_line(results, "end"))
    assert live_lines(results)[-1]["status"] == "completed"


def test_a_command_reads_the_terminal(terminal: Terminal) -> None:
    script = "echo REA''DY; read line; echo line=$line; test -t 0 && test -t 1 && echo tt''y"
    terminal.type(f"{' '.join(RUN)} -- sh -c '{script}'\n")
    terminal.until_shown("READY")
    terminal.type("abc\n")
    terminal.until_shown("line=abc")
    terminal.until_shown("tty")
