"""Nothing is committed that a tool or a mistyped command left behind."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or not (REPOSITORY / ".git").exists(),
    reason="not a git checkout, or git is not installed",
)
# Files that mean something although nothing is in them.
EMPTY = {"__init__.py", "py.typed", ".gitkeep"}


def committed(*options: str) -> list[Path]:
    """The files that git tracks, of those only the ones that are still there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *options],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = map(REPOSITORY.joinpath, filter(None, listed.split("\0")))
    return [path for path in paths if path.is_file()]


def test_no_committed_file_is_one_that_git_ignores() -> None:
    assert committed("--cached", "--ignored", "--exclude-standard") == []


def test_no_committed_file_is_empty() -> None:
    assert [
        str(path.relative_to(REPOSITORY))
        for path in committed()
        if path.stat().st_size == 0 and path.name not in EMPTY
    ] == []
