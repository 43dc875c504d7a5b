"""Ends what a test run leaves behind when it is killed, whatever kills it.

Started by tests/conftest.py in a session of its own. It waits until the process of the test run is
gone, then ends every process that has the run's mark in its environment, which all that the run
started has inherited, and runs the commands that the run has left in a folder: for what is not a
process of the run, such as containers.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MARK = "STRATAREGULA_TEST_RUN"
POLL_SECONDS = 0.2
END_SECONDS = 5.0


def start(folder: Path) -> str:
    """Start a guardian of this process; gives the mark of the run, which is set here as well.

    Commands for the end are files `*.json` in `folder`: a list of words each.
    """
    mark = f"{os.getpid()}-{time.time_ns()}"
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    os.environ[MARK] = mark
    command = [sys.executable, __file__, mark, str(os.getpid()), str(folder)]
    # Not subprocess, which complains at the end of the run that this one goes on.
    os.posix_spawn(sys.executable, command, environment, setsid=True)
    return mark


def at_end(name: str, words: list[str]) -> Path:
    """Have the guardian run a command at the end of the run, unless the file is removed before."""
    path = Path(os.environ["STRATAREGULA_AT_END"]) / f"{name}.json"
    path.write_text(json.dumps(words), encoding="utf-8")
    return path


def marked(mark: str) -> list[int]:
    """The processes that have a mark in their environment."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    if not Path("/proc/self").exists():  # of a container that has ended
        return []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            continue
        if wanted in variables:
            found.append(int(folder.name))
    return found


def _end(mark: str) -> None:
    # Stopped ones are let go on, or they would not see their end.
    for number in (signal.SIGTERM, signal.SIGCONT):
        _signal(mark, number)
    deadline = time.monotonic() + END_SECONDS
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    while marked(mark):  # what they start meanwhile, too
        _signal(mark, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _signal(mark: str, number: int) -> None:
    for process in marked(mark):
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


def main(mark: str, parent: int, folder: Path) -> None:
    """Wait for the end of the run, then end and remove what is left of it."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    _end(mark)
    for path in sorted(folder.glob("*.json")):
        words = json.loads(path.read_text(encoding="utf-8"))
        # Not in the checkout, whose docker-compose.yml cannot be read without its settings.
        subprocess.run(words, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False)
        path.unlink()
    folder.rmdir()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
