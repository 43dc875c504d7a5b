"""Where a run comes from: what the caller states, else variables, ours and a CI's, else git."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RESULTS_VARIABLE = "BENCHMARK_RESULTS_DIR"
# GitHub sets its head ref for pull requests alone, where the ref name is a merge, not a branch.
COMMIT_VARIABLES = ("BENCHMARK_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT")
BRANCH_VARIABLES = (
    "BENCHMARK_BRANCH",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_COMMIT_REF_NAME",
    "GIT_BRANCH",
)
GIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Provenance:
    """None for project and environment means the exporter's defaults; empty means not known."""

    project: str | None = None
    environment: str | None = None
    commit: str = ""
    branch: str = ""


def find_provenance(stated: Provenance, environ: Mapping[str, str] = os.environ) -> Provenance:
    """What is `stated`, completed from variables, and from git where these name no commit."""
    commit = stated.commit or _first(environ, COMMIT_VARIABLES)
    branch = stated.branch or _first(environ, BRANCH_VARIABLES)
    if not commit:
        commit, checked_out = _ask_git()
        branch = branch or checked_out
    return Provenance(
        project=stated.project or environ.get("BENCHMARK_PROJECT") or None,
        environment=stated.environment or environ.get("BENCHMARK_ENVIRONMENT") or None,
        commit=commit,
        branch=branch,
    )


def find_results_dir(
    given: str | os.PathLike[str] | None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The results folder: the given one, else the variable's, else `results`.

    It is absolute, since benchmarks change their working directory.
    """
    return Path(given or environ.get(RESULTS_VARIABLE) or "results").absolute()


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environ.get(name))), "")


def _ask_git() -> tuple[str, str]:
    """Commit and branch of the working directory.

    Both are empty outside of a repository and without git, the branch also where HEAD is detached.
    """
    command = ["git", "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603  # git from PATH, as a user would call it
            command,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        commit, branch = done.stdout.split()
    except (OSError, subprocess.SubprocessError, ValueError):
        return "", ""
    return commit, "" if branch == "HEAD" else branch
