"""`benchmark-exporter comment` in the jobs of GitHub and GitLab, against a server as theirs."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmark_exporter.__main__ import main
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.report import Change, Report, to_json
from tests.exporter.review import forge_server
from tests.exporter.review.forge_server import PERSON, READER, WORKFLOW, Fault, Forge
from tests.support.command import run
from tests.support.documents import result
from tests.support.process import COMMAND

REPORT = Report("comparison", [Change("parse", "seconds", 1.2, 1.0, 0.2, 0.1, 0.3, 0.01, "worse")])
SHA = "a5c3785ed8d6a35868bc169f07e40e889087fd2e"
# What the tests' own job may have set.
NOTHING = dict.fromkeys(
    (
        "GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_API_URL", "GITHUB_EVENT_PATH",
        "GITHUB_EVENT_NAME", "GITHUB_TOKEN", "GITHUB_RUN_ID", "GITHUB_SERVER_URL", "GITLAB_CI",
        "GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_PATH",
        "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_PATH", "CI_PIPELINE_URL",
    ),
    "",
)  # fmt: skip


@pytest.fixture
def forge() -> Iterator[Forge]:
    with forge_server.forge() as server:
        yield server


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(REPORT))
    return path


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


@pytest.fixture
def comment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Comment:
    """Runs the command in this process, with the variables of a job."""

    def run_command(report: Path, environment: Mapping[str, str], *words: str) -> Ended:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = main(["comment", f"--from={report}", "--timeout=60", *words])
        return Ended(status, *capsys.readouterr())

    return run_command


def test_a_pull_request_gets_one_comment(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path
) -> None:
    environment = github(forge, tmp_path, "pull_request", pull_request())
    for done in ("posted", "unchanged"):
        ended = comment(report, environment)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == f"octo/router: comment on request 5 {done}\n"
    (body,) = forge.bodies()
    assert "[run](https://github.example/octo/router/actions/runs/9)" in body
    assert "fork" not in body


def test_each_suite_and_project_has_a_comment_of_its_own(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path
) -> None:
    environment = github(forge, tmp_path, "pull_request", pull_request())
    for words in ([], ["--suite=memory"], ["--project=parser"], ["--suite=memory"]):
        assert comment(report, environment, *words).returncode == 0
    assert [body.split("\n")[0] for body in forge.bodies()] == [
        marker("octo/router", ""),
        marker("octo/router", "memory"),
        marker("parser", ""),
    ]


def test_the_pull_request_of_a_fork_is_found_by_its_commit(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path
) -> None:
    """Not by what its run says: neither the artifact nor a branch of that name elsewhere."""
    forge.pulls = [
        pull(3, sha="0" * 40),
        pull(4, repository=99),
        pull(6, branch="other"),
        pull(7, repository=None),
        pull(5),
    ]
    environment = github(forge, tmp_path, "workflow_run", workflow_run())
    ended = comment(report, environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "request 5 posted" in ended.stdout
    assert forge.bodies(4) == forge.bodies(6) == []
    (body,) = forge.bodies()
    assert "The code of a fork measured this" in body
    assert "[run](https://github.example/octo/router/actions/runs/8)" in body


def test_a_branchs_name_changes_nothing_but_what_is_looked_for(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path
) -> None:
    branch = "x&head=fork:fast/../?#%0a"
    forge.pulls = [pull(5, branch="fast"), pull(6, branch=branch)]
    environment = github(forge, tmp_path, "workflow_run", workflow_run(branch=branch))
    assert "request 6 posted" in comment(report, environment).stdout


@pytest.mark.parametrize(
    ("pulls", "status", "words"),
    [
        ([pull(5, sha="0" * 40)], 0, "nothing to comment on: no open pull request has this"),
        ([pull(5), pull(6)], 1, "pull requests 5, 6 have this commit as their newest"),
    ],
)
def test_a_commit_that_is_the_newest_of_no_or_several_gets_no_comment(
    comment: Comment,
    forge: Forge,
    report: Path,
    tmp_path: Path,
    pulls: list[Any],
    status: int,
    words: str,
) -> None:
    forge.pulls = pulls
    ended = comment(report, github(forge, tmp_path, "workflow_run", workflow_run()))
    assert ended.returncode == status
    assert words in ended.stdout + ended.stderr
    assert not forge.comments


@pytest.mark.parametrize(
    ("name", "event"),
    [("push", {}), ("workflow_run", workflow_run("push")), ("schedule", {"schedule": "x"})],
)
def test_what_is_not_of_a_pull_request_gets_none(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path, name: str, event: Any
) -> None:
    ended = comment(report, github(forge, tmp_path, name, event))
    assert ended.returncode == 0
    assert ended.stdout.startswith("nothing to comment on: ")
    assert not forge.requests


def test_a_merge_request_gets_one_note(comment: Comment, forge: Forge, report: Path) -> None:
    environment = NOTHING | {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": forge.url,
        "CI_PROJECT_PATH": "octo/router",
        "CI_MERGE_REQUEST_PROJECT_PATH": "octo/router",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "fork/router",
        "CI_MERGE_REQUEST_IID": "5",
        "CI_PIPELINE_URL": "https://gitlab.example/octo/router/-/pipelines/9",
        "CI_JOB_TOKEN": READER,
        "GITLAB_TOKEN": PERSON,
    }
    assert comment(report, environment).stdout == "octo/router: comment on request 5 posted\n"
    assert comment(report, environment).stdout == "octo/router: comment on request 5 unchanged\n"
    (body,) = forge.bodies()
    assert "The code of a fork measured this" in body
    # Without a token of the project there is the job's, which GitLab lets read alone.
    refused = comment(report, environment | {"GITLAB_TOKEN": ""}, "--suite=memory")
    assert refused.returncode == 1
    assert "set GITLAB_TOKEN to a project access token" in refused.stderr
    of_push = environment | {"CI_MERGE_REQUEST_IID": "", "CI_PIPELINE_SOURCE": "push"}
    assert comment(report, of_push).stdout == "nothing to comment on: the pipeline is of push\n"


def test_without_a_ci_options_say_where(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{WORKFLOW}\n")
    words = [
        "--forge=github", f"--api-url={forge.url}", "--repository=octo/router", "--number=5",
        f"--token-file={tmp_path / 'token'}",
    ]  # fmt: skip
    assert "request 5 posted" in comment(report, NOTHING, *words).stdout
    for needed in ("--forge", "--repository", "--number"):
        given = [word for word in words if not word.startswith(needed)]
        ended = comment(report, NOTHING, *given)
        assert ended.returncode == 2
        assert f"give {needed}" in ended.stderr


def test_a_dry_run_prints_the_comment_and_asks_nobody(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path
) -> None:
    environment = github(forge, tmp_path, "pull_request", pull_request(), token="")
    for each in (environment, NOTHING):
        ended = comment(report, each, "--dry-run", "--project=octo/router")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith(f"{marker('octo/router', '')}\n### Benchmarks: 1 worse\n")
    assert not forge.requests


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"GITHUB_TOKEN": ""}, "no token to send; set GITHUB_TOKEN, or name its file with"),
        ({"GITHUB_TOKEN": "a\nb"}, "GITHUB_TOKEN: is not a token"),
        ({"GITHUB_EVENT_PATH": "/nowhere"}, "GITHUB_EVENT_PATH: /nowhere: cannot be read"),
        ({"GITHUB_REPOSITORY": ""}, "give --repository"),
    ],
)
def test_what_is_missing_is_named(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    environment = github(forge, tmp_path, "pull_request", pull_request()) | change
    ended = comment(report, environment)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert not forge.requests


def test_an_api_that_stays_away_is_reported_with_its_retries(
    comment: Comment, forge: Forge, report: Path, tmp_path: Path
) -> None:
    forge.faults = [("*", Fault(502))] * 100
    environment = github(forge, tmp_path, "pull_request", pull_request())
    ended = comment(report, environment, "--timeout=2")
    assert ended.returncode == 1
    assert "benchmark-exporter: HTTP 502: Server Error; given up" in ended.stderr


def test_a_damaged_artifact_posts_nothing(comment: Comment, forge: Forge, tmp_path: Path) -> None:
    forge.pulls = [pull(5)]
    (tmp_path / "report.json").write_text('{"kind": "history", "changes": [{"name": "\\u001b[31m')
    environment = github(forge, tmp_path, "workflow_run", workflow_run())
    ended = comment(tmp_path / "report.json", environment)
    assert ended.returncode == 2
    assert "report.json: Input data was truncated" in ended.stderr
    assert not forge.requests


def test_what_compare_prints_can_be_piped(tmp_path: Path) -> None:
    for folder, level in (("before", 1.0), ("after", 1.5)):
        (tmp_path / folder).mkdir()
        for number in range(24):
            path = tmp_path / folder / f"{number}.json"
            path.write_text(json.dumps(result(number, {"parse": level})))
    folders = f"--base-results={tmp_path / 'before'}", f"--head-results={tmp_path / 'after'}"
    compared = run("compare", *folders, "--format=json")
    assert compared.returncode == 1, compared.stderr
    ended = subprocess.run(
        [*COMMAND, "comment", "--from=-", "--dry-run"],
        input=compared.stdout,
        capture_output=True,
        text=True,
        check=True,
        env=NOTHING,
    )
    assert "| `parse` | 1 ms | 1.5 ms | +50.00% | +50.00% to +50.00% | - |" in ended.stdout
