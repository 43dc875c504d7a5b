"""The repository of docs/tutorial.md has the commits of the page, and one of them is slow."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.paths import REPOSITORY
from tests.support.process import DEADLINE_SECONDS
from tests.support.repositories import git, needs_git

PAGE = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
MAKE = REPOSITORY / "docs" / "tutorial" / "make-repository"
# What the page shows of `git log --oneline`: the graph, a hash, and the subject.
SHOWN_COMMIT = re.compile(r"^[*|\\/ ]*\* [| ]*([0-9a-f]{7}) ([A-Z].*)$", re.MULTILINE)

pytestmark = needs_git


def make(folder: Path, *stage: str) -> None:
    """Runs the script as the page does, from another folder than the checkout."""
    subprocess.run([MAKE, folder, *stage], cwd=folder.parent, check=True, timeout=DEADLINE_SECONDS)


def measured(repository: Path, ref: str, folder: Path) -> Path:
    """A folder with the results of two runs of a version."""
    git(repository, "checkout", "--quiet", ref)
    folder.mkdir(parents=True)
    for _ in range(2):
        words = (sys.executable, "bench.py", folder)
        subprocess.run(words, cwd=repository, check=True, timeout=DEADLINE_SECONDS)
    return folder


def changes(base: Path, head: Path) -> Mapping[str, float]:
    """The ratio by which each result changed, by `benchmark-exporter compare` on two folders."""
    words = ("--base-results", base, "--head-results", head, "--format", "json")
    ended = subprocess.run(
        [sys.executable, "-m", "benchmark_exporter", "compare", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    # One round is too few for a verdict: undecided.
    assert ended.returncode == 2, ended.stderr
    results: list[dict[str, Any]] = json.loads(ended.stdout)["results"]
    return {each["quantity"]["name"]: each["change"]["ratio"] for each in results}


def test_the_commits_are_those_of_the_page(tmp_path: Path) -> None:
    repository = tmp_path / "words"
    make(repository)
    make(repository, "merged")
    make(repository, "fixed")
    made = set(git(repository, "log", "--abbrev=7", "--format=%h %s").splitlines())
    shown = {f"{commit} {subject}" for commit, subject in SHOWN_COMMIT.findall(PAGE)}
    assert len(shown) >= 10
    assert shown - made == set()
    assert git(repository, "status", "--porcelain") == ""


def test_the_branch_is_slower_than_main_and_the_fix_is_not(tmp_path: Path) -> None:
    repository = tmp_path / "words"
    make(repository)
    slow = git(repository, "rev-parse", "first-seen").strip()
    fast = git(repository, "rev-parse", "main").strip()
    make(repository, "merged")
    make(repository, "fixed")
    # CPU times, and 100 % on a quiet machine. Load may hide that in one attempt, hardly in ten.
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        before, after, fixed = (
            measured(repository, ref, folder / ref) for ref in (fast, slow, "main")
        )
        slower = changes(before, after)["indexing"]
        faster = changes(after, fixed)["indexing"]
        if slower > 0.4 and faster < -0.3:
            return
    raise AssertionError(f"the last attempt: {slower:+.0%}, then {faster:+.0%}")


def test_a_stage_that_is_unknown_is_refused(tmp_path: Path) -> None:
    ended = subprocess.run(
        [MAKE, tmp_path, "shipped"], check=False, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert ended.stderr == "make-repository: 'shipped' must be 'merged' or 'fixed'\n"
