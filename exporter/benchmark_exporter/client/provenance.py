"""Where a run comes from: what the caller says, else variables, ours and those of CI systems, else git."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RESULTS_VARIABLE = "BENCHMARK_RESULTS_DIR"
# GitHub's head ref is there for pull requests alone, where the other names a merge that is no branch.
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
    """project and environment None: the exporter's defaults. commit and branch empty: not known."""

    project: str | None = None
    environment: str | None = None
    commit: str = ""
    branch: str = ""


def find_provenance(said: Provenance, environ: Mapping[str, str] = os.environ) -> Provenance:
    """`said`, completed from variables and, where these name no commit, from the repository of the working folder."""
    commit = said.commit or _first(environ, COMMIT_VARIABLES)
    branch = said.branch or _first(environ, BRANCH_VARIABLES)
    if not commit:
        commit, checked_out = _ask_git()
        branch = branch or checked_out
    return Provenance(
        project=said.project or environ.get("BENCHMARK_PROJECT") or None,
        environment=said.environment or environ.get("BENCHMARK_ENVIRONMENT") or None,
        commit=commit,
        branch=branch,
    )


def find_results_dir(
    said: str | os.PathLike[str] | None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The results folder: the caller's, else the variable's, else `results`. Absolute, since benchmarks change their working folder."""
    return Path(said or environ.get(RESULTS_VARIABLE) or "results").absolute()


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environ.get(name))), "")


def _ask_git() -> tuple[str, str]:
    """Commit and branch; empty outside of a repository, without git, and for a branch where HEAD is detached."""
    command = ["git", "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603  # git of PATH, as a user would call it
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
