"""The program that builds kubernetes/."""

import fcntl
import shutil
import subprocess

import pytest

from stack.settings import STATE
from tests.support.paths import REPOSITORY

FETCH_SECONDS = 240


@pytest.fixture(scope="session")
def kustomize() -> str:
    """The program on PATH, or else unpacked from a newer release's package."""
    if (found := shutil.which("kustomize")) is not None:
        return found
    folder = REPOSITORY / STATE / "tools"
    program = folder / "usr/bin/kustomize"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "kustomize.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not program.is_file():
            command = [str(REPOSITORY / "stack/debian-packages"), "forky", str(folder), "kustomize"]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS
            )
            if done.returncode != 0:
                pytest.skip(
                    "kustomize is not on PATH and Debian's package cannot be fetched: "
                    f"{done.stderr}"
                )
    return str(program)
