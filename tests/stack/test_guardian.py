"""Test runs leave nothing behind when they are killed, and take no port of each other."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import guardian
from tests.conftest import find_free_port
from tests.support.paths import REPOSITORY

DEADLINE_SECONDS = 30.0
# A daemon like supervisor's: out of the session and the group of the run, no child of it any more,
# and deaf to the polite signal.
DAEMON = """
import os, signal, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""
RUN = f"""
import subprocess, sys, time
from collections.abc import Callable
from pathlib import Path
from tests import guardian
from tests.conftest import find_free_port

def test_that_takes_long(tmp_path):
    daemon = tmp_path / "daemon"
    subprocess.run([sys.executable, "-c", {DAEMON!r}, str(daemon)], check=True)
    while not daemon.exists() or not daemon.read_text():
        time.sleep(0.05)
    guardian.at_end("touch", ["touch", str(Path({{folder!r}}) / "at-end")])
    (Path({{folder!r}}) / "running").write_text(daemon.read_text())
    time.sleep(600)
"""


def until(condition: Callable[[], object], what: str) -> None:
    """Waits until a function says yes."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("workers", ["0", "2"], ids=["one process", "two workers"])
def test_a_killed_run_leaves_nothing(tmp_path: Path, workers: str, number: int) -> None:
    test = tmp_path / "test_long.py"
    test.write_text(RUN.format(folder=str(tmp_path)))
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure\n")
    command = [sys.executable, "-m", "pytest", "-q", f"-n{workers}", "-c", "/dev/null"]
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    run = subprocess.Popen(
        [*command, f"--rootdir={tmp_path}", str(test)],
        cwd=REPOSITORY,
        env={**environment, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    try:
        running = tmp_path / "running"
        until(lambda: running.exists() and running.read_text(), "the test runs")
        daemon = int(running.read_text())
        variables = Path(f"/proc/{daemon}/environ").read_bytes().decode().split("\0")
        [mark] = [each for each in variables if each.startswith(guardian.MARK)]
        assert is_alive(daemon)
    finally:
        run.send_signal(number)
        run.wait()
    until(lambda: not is_alive(daemon), "the daemon's end")
    until((tmp_path / "at-end").exists, "the command for the end")
    assert guardian.marked(mark.partition("=")[2]) == []


def test_what_a_run_has_undone_itself_is_not_done_again(tmp_path: Path) -> None:
    folder = tmp_path / "at-end"
    folder.mkdir()
    (folder / "touch.json").write_text(json.dumps(["touch", str(tmp_path / "touched")]))
    (folder / "touch.json").unlink()
    nobody = "0"  # a parent that is gone
    command = [sys.executable, guardian.__file__, "no-such-mark", nobody, str(folder)]
    subprocess.run(command, check=True, timeout=DEADLINE_SECONDS)
    assert not (tmp_path / "touched").exists()
    assert not folder.exists()


def test_two_runs_at_once_are_given_different_ports() -> None:
    program = (
        "import sys; from tests.conftest import find_free_port\n"
        "print(*(find_free_port() for _ in range(2000)), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        theirs = other.stdout.readline().split()
        ours = [find_free_port() for _ in range(2000)]
        other.stdin.close()
    assert len(set(theirs)) == len(set(ours)) == 2000
    assert not set(map(int, theirs)) & set(ours)
