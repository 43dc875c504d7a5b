"""Runs git."""

import os
import shutil
import subprocess
from pathlib import Path

from benchmark_exporter.compare.documents import CompareError

# What a hook of git sets for its own repository and index, which are not to be written to.
_OF_HOOKS = frozenset(
    {
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_WORK_TREE",
    }
)


def git(folder: Path, *words: str) -> str:
    """What git prints in a folder. No hooks of the repository run.

    Raises:
        CompareError: git is missing, or fails; the message has what it says.
    """
    ended = subprocess.run(  # noqa: S603  # the words follow `git`
        [git_program(), "-C", str(folder), "-c", f"core.hooksPath={os.devnull}", *words],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        stdin=subprocess.DEVNULL,
        env={name: text for name, text in os.environ.items() if name not in _OF_HOOKS},
    )
    if ended.returncode:
        raise CompareError(f"git {words[0]}: {' '.join(ended.stderr.split())}")
    return ended.stdout


def git_program() -> str:
    """Where git is.

    Raises:
        CompareError: it is not installed.
    """
    program = shutil.which("git")
    if program is None:
        raise CompareError("commits are checked out with git, which is not installed")
    return program
