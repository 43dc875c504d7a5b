"""Jobs of GitHub in which `comment` runs, and the command in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmark_exporter.review.report import Change, Report
from tests.exporter.review.forge_server import WORKFLOW, Forge

REPORT = Report("comparison", [Change("parse", "seconds", 1.2, 1.0, 0.2, 0.1, 0.3, 0.01, "worse")])
SHA = "a5c3785ed8d6a35868bc169f07e40e889087fd2e"
# What the tests' own job may have set.
NOTHING = dict.fromkeys(
    (
        "GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_API_URL", "GITHUB_EVENT_PATH",
        "GITHUB_EVENT_NAME", "GITHUB_TOKEN", "GITHUB_RUN_ID", "GITHUB_SERVER_URL", "GITLAB_CI",
        "GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_PATH",
        "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_PATH", "CI_PIPELINE_URL",
        "CI_PIPELINE_ID", "CI_JOB_ID", "GITHUB_RUN_ATTEMPT",
    ),
    "",
)  # fmt: skip


def github(forge: Forge, folder: Path, name: str, event: Any, token: str = WORKFLOW) -> Any:
    path = folder / "event.json"
    path.write_text(json.dumps(event))
    return NOTHING | {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "octo/router",
        "GITHUB_API_URL": forge.url,
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_RUN_ID": "9",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_TOKEN": token,
    }


def pull_request(head: int = 1, number: int = 5) -> Any:
    return {
        "pull_request": {
            "number": number,
            "base": {"repo": {"id": 1}},
            "head": {"repo": {"id": head}},
        }
    }


def workflow_run(event: str = "pull_request", sha: str = SHA, branch: str = "fast") -> Any:
    """What GitHub sends of a fork's run: it names no pull request."""
    return {
        "workflow_run": {
            "id": 8,
            "run_attempt": 2,
            "event": event,
            "head_branch": branch,
            "head_sha": sha,
            "html_url": "https://github.example/octo/router/actions/runs/8",
            "pull_requests": [],
            "repository": {"id": 1},
            "head_repository": {"id": 2, "owner": {"login": "fork"}},
        }
    }


def pull(number: int, sha: str = SHA, repository: int | None = 2, branch: str = "fast") -> Any:
    repo = None if repository is None else {"id": repository}
    return {"number": number, "head": {"label": f"fork:{branch}", "sha": sha, "repo": repo}}


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Comment = Callable[..., Ended]
