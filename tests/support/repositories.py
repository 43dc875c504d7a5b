"""Git repositories whose commits differ in how slow they are."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

_IDENTITY = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=0")

# Writes a document of hyperfine: the level of the commit in ms, with noise of 1 % that is seeded by
# how often the program ran. So there are no real times in it. Once the file HOLD_FILE has
# HOLD_TEXT, it writes its process id and waits instead, so that it can be stopped there.
BENCH = """#!/bin/sh
n=0
[ ! -e "$RUNS_MADE" ] || read -r n < "$RUNS_MADE"
read -r level < level
echo $((n + 1)) > "$RUNS_MADE"
if [ -n "$HOLD_FILE" ] && grep -q "$HOLD_TEXT" "$HOLD_FILE"; then
    echo $$ > "$RUNS_MADE.holding"
    exec sleep 600
fi
awk -v seed="$n" -v level="$level" 'BEGIN {
    srand(seed * 7919 + 13)
    for (i = 0; i < 12; i++) x += rand()
    t = level / 1000 * (1 + 0.01 * (x - 6))
    form = "{\\"results\\":[{\\"command\\":\\"work\\",\\"mean\\":%.9f,\\"median\\":%.9f,"
    form = form "\\"min\\":%.9f,\\"max\\":%.9f,\\"stddev\\":0,\\"user\\":0,\\"system\\":0,"
    form = form "\\"times\\":[%.9f],\\"exit_codes\\":[0]}]}\\n"
    printf form, t, t, t, t, t
}' > "$1/work.json"
"""


def git(folder: Path, *words: str) -> str:
    """What git prints in a folder."""
    ended = subprocess.run(
        ["git", *_IDENTITY, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )
    return ended.stdout


def commit_all(folder: Path, subject: str) -> str:
    """Commits what is in a repository, and gives the hash."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", subject)
    return git(folder, "rev-parse", "HEAD").strip()


def with_levels(folder: Path, levels: Sequence[int | None]) -> Sequence[str]:
    """A new repository with a commit for each level, in ms; None for one that does not build.

    Returns the hashes. `level` has a commit's level, `broken` is there if it does not build.
    """
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "bench.sh").write_text(BENCH)
    return [
        add_level(folder, level, f"commit {number}: {level}") for number, level in enumerate(levels)
    ]


def add_level(folder: Path, level: int | None, subject: str) -> str:
    """Another commit, on the branch that is checked out."""
    (folder / "broken").unlink(missing_ok=True)
    if level is None:
        (folder / "broken").touch()
    else:
        (folder / "level").write_text(f"{level}\n")
    return commit_all(folder, subject)
