"""A short form of `make soak`; and what Ctrl-C leaves behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.stack.backends import until
from tests.support.paths import REPOSITORY

MINUTES = 0.4
SEED = 7
DEADLINE_SECONDS = 300.0


def soak(output: Path, *words: str) -> subprocess.Popen[str]:
    """A soak, in a process group of its own, as a shell starts it in a terminal."""
    command = [sys.executable, "-m", "benchmarks.soak", *words]
    command += [f"--output={output}", f"--work={output.parent}"]
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_short_soak_loses_nothing(tmp_path: Path, programs: Mapping[str, list[str]]) -> None:
    assert programs
    page = tmp_path / "soak.md"
    running = soak(page, f"--minutes={MINUTES}", f"--seed={SEED}")
    printed, _ = running.communicate(timeout=DEADLINE_SECONDS)
    assert running.returncode == 0, printed
    for part in ("exporter", "prometheus", "alertmanager"):
        assert f"kill -9 of {part}" in printed
    table = page.read_text(encoding="utf-8")
    assert "| regressions paged once and resolved once | 1 | kept |" in table.splitlines()
    assert page.with_suffix(".png").stat().st_size > 10_000


def test_ctrl_c_leaves_nothing_running(tmp_path: Path, programs: Mapping[str, list[str]]) -> None:
    assert programs
    running = soak(tmp_path / "soak.md")
    until(lambda: of(tmp_path) or None, DEADLINE_SECONDS, "a process of the stack")
    os.killpg(running.pid, signal.SIGINT)
    printed, _ = running.communicate(timeout=DEADLINE_SECONDS)
    assert running.returncode == 130, printed
    until(lambda: not of(tmp_path) or None, DEADLINE_SECONDS, "the end of all processes")
    assert not list(tmp_path.iterdir())


def of(folder: Path) -> list[psutil.Process]:
    """The processes whose command names a file of the stack in the folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(f"{folder}/soak-" in word for word in process.info["cmdline"] or ())
    ]
