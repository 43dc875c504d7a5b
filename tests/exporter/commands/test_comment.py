"""`benchmark-exporter comment` in the jobs of GitHub and GitLab, against a server as theirs."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.review.markdown import marker
from tests.exporter.commands.commenting import (
    NOTHING,
    Comment,
    github,
    pull,
    pull_request,
    workflow_run,
)
from tests.exporter.review.forge_server import PERSON, READER, WORKFLOW, Forge
from tests.support.command import run
from tests.support.documents import result
from tests.support.process import COMMAND


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
    # Without a token of the project there is the job's, which GitLab does not take here.
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
    of_job, elsewhere = "<!-- run 9.1 -->\n", ""
    for each, order in ((environment, of_job), (NOTHING, elsewhere)):
        ended = comment(report, each, "--dry-run", "--project=octo/router")
        assert (ended.returncode, ended.stderr) == (0, "")
        hidden = f"{marker('octo/router', '')}\n{order}"
        assert ended.stdout.startswith(f"{hidden}### Benchmarks: 1 worse\n")
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
