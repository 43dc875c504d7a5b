"""Runs the commands of docs/tutorial.md, and compares their output with what the page shows.

    make up && make tutorial

It takes about four minutes on an idle machine, since it measures. The stack must not know the
project of the tutorial yet: `make clean` first where it has run before. Figures, times and ids may
differ; all other differences are printed, and it exits with 1. What only a busy machine changes, a
result that is undecided say, is for whoever reads them.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.settings import ALERTMANAGER, ROOT, load
from tools.tutorial_page import Step, differences, steps

PAGE = ROOT / "docs" / "tutorial.md"
SHOWN_ALERTMANAGER = "localhost:9093"
# A comparison stops by itself after ten minutes.
STEP_SECONDS = 900.0
# What is shown only after it was scraped, evaluated or sent.
SOON_SECONDS, POLL_SECONDS = 60.0, 0.5
# What only reads may be repeated until it is as shown.
READING = ("history", "ARGS=list", "curl")


class Terminal:
    """A shell that runs one command after the other, as the one of a person."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._errors = (folder / "errors").open("w+b")
        self._shell = subprocess.Popen(
            ["bash", "--norc"],  # noqa: S607  # the one that a person has
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            cwd=folder,
        )

    def run(self, command: str) -> Sequence[str]:
        """The lines that the command prints on standard output."""
        if self._shell.stdin is None or self._shell.stdout is None:
            raise RuntimeError("the shell has no pipes")
        end = f"end-of-{os.urandom(8).hex()}"
        self._shell.stdin.write(f"{command}\nprintf '\\n%s\\n' {end}\n".encode())
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            if text == end:
                return lines[:-1] if lines and not lines[-1] else lines
            lines.append(text)
        self._errors.seek(0)
        raise RuntimeError(f"the shell ended: {self._errors.read()[-2000:].decode()}")

    def close(self) -> None:
        """Ends the shell."""
        self._shell.kill()
        self._shell.communicate()
        self._errors.close()


@contextmanager
def watching(environment: dict[str, str], folder: Path) -> Iterator[Callable[[], Sequence[str]]]:
    """Runs `watch` in a second terminal; gives what it has printed so far."""
    path = folder / "watched"
    words = ["make", "-s", "-C", str(ROOT), "watch", "ARGS=--project words"]
    with path.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # no words of others
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,  # make's, at the end
            env=environment,
            start_new_session=True,
        )
        try:
            yield lambda: path.read_text(encoding="utf-8").splitlines()
        finally:
            os.killpg(process.pid, 15)
            process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs all of the page; 1 if anything is not as it shows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page", type=Path, default=PAGE, help="the page")
    parser.add_argument("--transcript", type=Path, help="file for all commands and their output")
    given = parser.parse_args(arguments)
    alertmanager = load().public_url(ALERTMANAGER).removeprefix("http://").rstrip("/")
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory(prefix="tutorial-") as home:
        environment = {
            **os.environ,
            "HOME": home,
            "MONITORING": str(ROOT),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "MAKEFLAGS": "-s --no-print-directory",
        }
        page = given.page.read_text(encoding="utf-8").replace(SHOWN_ALERTMANAGER, alertmanager)
        terminal = Terminal(environment, Path(home))
        try:
            with watching(environment, Path(home)) as watched:
                return run_steps(list(steps(page)), terminal, watched, given.transcript)
        finally:
            terminal.close()


def run_steps(
    all_steps: Sequence[Step],
    terminal: Terminal,
    watched: Callable[[], Sequence[str]],
    transcript: Path | None = None,
) -> int:
    """Runs the commands and prints what differs; 1 if anything does."""
    failed, text, seen = 0, "", 0
    for step in all_steps:
        began = time.monotonic()
        real = terminal.run(step.command)
        found = differences(step.output, real)
        while found and _only_reads(step.command) and time.monotonic() - began < SOON_SECONDS:
            time.sleep(POLL_SECONDS)
            real = terminal.run(step.command)
            found = differences(step.output, real)
        second: Sequence[str] = ()
        while step.watched:
            second = watched()[seen:]
            missing = differences(step.watched, second)
            if not missing or time.monotonic() - began > SOON_SECONDS:
                found += missing
                seen += len(second)
                break
            time.sleep(POLL_SECONDS)
        failed += bool(found)
        print(f"{'differs' if found else 'same   '} {time.monotonic() - began:6.1f} s  $ ", end="")
        print(step.command.partition("\n")[0], *found, sep="\n    ", flush=True)
        text += "\n".join([f"$ {step.command}", *real, *(f"2> {line}" for line in second), ""])
    if transcript is not None:
        transcript.write_text(f"{text}\n", encoding="utf-8")
    print(f"{len(all_steps)} commands on {socket.gethostname()}, {failed} not as shown")
    return 1 if failed else 0


def _only_reads(command: str) -> bool:
    return any(word in command for word in READING)


if __name__ == "__main__":
    sys.exit(main())
