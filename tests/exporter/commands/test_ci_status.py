"""`benchmark-exporter ci-status`, as a process: what it reports of a run, and where."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmark_exporter.commands.ci_status import described_by, outcome_of
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter
from tests.support.uploading import TOKEN

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WORDS = ("--pipeline=nightly", "--branch=main", "--trigger=schedule", "--run-id=17")
SERIES = '{pipeline="nightly",branch="main",trigger="schedule"}'
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "octo/router",
    "GITHUB_WORKFLOW": "CI",
    "GITHUB_REF_NAME": "main",
    "GITHUB_HEAD_REF": "",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_RUN_ID": "123",
    "GITHUB_RUN_ATTEMPT": "2",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_PATH": "group/router",
    "CI_COMMIT_REF_NAME": "main",
    "CI_PIPELINE_SOURCE": "schedule",
    "CI_PIPELINE_ID": "456",
    "CI_JOB_ID": "789",
    "CI_JOB_STATUS": "failed",
    "CI_PIPELINE_CREATED_AT": "2026-03-01T11:58:30Z",
}
JENKINS = {
    "JENKINS_URL": "http://ci.example/",
    "JOB_NAME": "team/router",
    "GIT_BRANCH": "origin/main",
    "BUILD_TAG": "jenkins-team-router-17",
}
MULTIBRANCH = JENKINS | {
    "JOB_NAME": "team/router/PR-9",
    "BRANCH_NAME": "PR-9",
    "CHANGE_BRANCH": "faster",
    "CHANGE_ID": "9",
}


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    (tmp_path / "config.yaml").write_text("counter_hold_seconds: 0\n")
    (tmp_path / "upload_tokens").write_text(TOKEN)
    options = (
        f"--config={tmp_path / 'config.yaml'}",
        f"--upload-tokens={tmp_path / 'upload_tokens'}",
    )
    running = Exporter(tmp_path, free_port(), *options)
    yield running
    assert running.stop() == 0, running.log.read_text()


def ci_status(
    *words: str | Path, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command in a folder, outside of CI unless the variables say so."""
    return subprocess.run(
        [*COMMAND, "ci-status", *words],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "stated"),
    [
        (
            GITHUB,
            {"pipeline": "octo/router/CI", "branch": "main", "trigger": "push", "run_id": "123.2"},
        ),
        (
            GITHUB
            | {
                "GITHUB_REF_NAME": "9/merge",
                "GITHUB_HEAD_REF": "faster",
                "GITHUB_EVENT_NAME": "pull_request",
            },
            {
                "pipeline": "octo/router/CI",
                "branch": "faster",
                "trigger": "pull_request",
                "run_id": "123.2",
            },
        ),
        (
            GITLAB,
            {
                "pipeline": "group/router",
                "branch": "main",
                "trigger": "schedule",
                "run_id": "456.789",
                "status": "failed",
                "duration": "90",
            },
        ),
        (
            JENKINS,
            {
                "pipeline": "team/router",
                "branch": "main",
                "trigger": "build",
                "run_id": "jenkins-team-router-17",
            },
        ),
        (
            MULTIBRANCH,
            {
                "pipeline": "team/router",
                "branch": "faster",
                "trigger": "change_request",
                "run_id": "jenkins-team-router-17",
            },
        ),
        ({"CI": "true"}, {}),
    ],
    ids=["github", "github pull request", "gitlab", "jenkins", "jenkins multibranch", "another"],
)
def test_the_run_is_described_by_the_variables_of_its_job(
    variables: Mapping[str, str], stated: Mapping[str, str]
) -> None:
    assert described_by(variables, NOW) == stated


@pytest.mark.parametrize("created", ["yesterday", "2026-03-01T11:58:30", ""])
def test_an_unknown_duration_is_none(created: str) -> None:
    reported = outcome_of(described_by(GITLAB | {"CI_PIPELINE_CREATED_AT": created}, NOW), NOW)
    assert reported is not None
    assert (reported.status, reported.duration_seconds) == ("fail", None)


def test_an_outcome_in_the_folder_is_on_the_metrics_page(exporter: Exporter) -> None:
    done = ci_status(
        *WORDS,
        "--status=fail",
        "--duration=312.5",
        "--results-dir",
        exporter.results,
        folder=exporter.folder,
    )
    assert (done.returncode, done.stderr) == (
        0,
        f"benchmark-exporter: writing to {exporter.results}\n",
    )
    assert done.stdout.startswith("nightly on main, by schedule: fail: written to ")
    exporter.until(lambda: exporter.value(f"ci_pipeline_status{SERIES}") == 0)
    assert exporter.value(f"ci_pipeline_duration_seconds{SERIES}") == 312.5
    assert exporter.value('ci_pipeline_runs_total{pipeline="nightly",status="fail"}') == 1
    assert [path.name.partition("-")[0] for path in exporter.results.iterdir()] == ["ci"]


def test_an_outcome_is_posted_with_the_token(exporter: Exporter) -> None:
    variables = {
        "BENCHMARK_EXPORTER_URL": f"http://127.0.0.1:{exporter.port}",
        "BENCHMARK_EXPORTER_TOKEN": TOKEN,
    }
    done = ci_status("--status=success", folder=exporter.folder, **GITHUB, **variables)
    assert done.returncode == 0, done.stderr
    assert (
        "octo/router/CI on main, by push: pass: uploaded: pipeline, run 123.2, id " in done.stdout
    )
    exporter.until(
        lambda: (
            exporter.value(
                'ci_pipeline_status{pipeline="octo/router/CI",branch="main",trigger="push"}'
            )
            == 1
        )
    )
    refused = ci_status(
        "--status=success",
        folder=exporter.folder,
        **GITHUB,
        **variables | {"BENCHMARK_EXPORTER_TOKEN": TOKEN[::-1]},
    )
    assert refused.returncode == 2
    assert "wrong_token" in refused.stderr


def test_options_win_over_variables_and_empty_ones_do_not_count(tmp_path: Path) -> None:
    words = ("--pipeline=nightly", "--branch=", "--status=pass", "--results-dir=.")
    assert ci_status(*words, folder=tmp_path, **GITHUB).returncode == 0
    (path,) = tmp_path.iterdir()
    written = json.loads(path.read_text())
    assert (written["pipeline"], written["branch"], written["status"]) == (
        "nightly",
        "main",
        "pass",
    )
    assert "duration_seconds" not in written


@pytest.mark.parametrize("words", [("--results-dir=.",), ("--url=http://127.0.0.1:1",)])
def test_an_option_wins_over_the_variable_of_the_other_way(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    variables = {
        "BENCHMARK_EXPORTER_URL": "http://127.0.0.1:2",
        "BENCHMARK_EXPORTER_RESULTS_DIR": "/nowhere",
        "BENCHMARK_EXPORTER_TOKEN": TOKEN,
    }
    done = ci_status(*WORDS, "--status=pass", "--timeout=0.1", *words, folder=tmp_path, **variables)
    way = "writing to ." if words == ("--results-dir=.",) else "sending to http://127.0.0.1:1"
    assert done.stderr.splitlines()[0] == f"benchmark-exporter: {way}"


def test_a_cancelled_run_is_not_reported(tmp_path: Path) -> None:
    done = ci_status(*WORDS, "--status=cancelled", "--results-dir=.", folder=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        "not reported: cancelled is neither pass nor fail\n",
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--status=pass", "--branch=main", "--trigger=push", "--run-id=1"),
            "give --pipeline: no variable of GitHub, GitLab or Jenkins",
        ),
        (WORDS, "give --status"),
        ((*WORDS, "--status=green"), "'green' is not a known status; known are aborted, "),
        (
            (*WORDS, "--status=pass", "--duration=soon"),
            "'--duration': 'soon' is not a number of seconds",
        ),
        (
            (*WORDS, "--status=pass", "--duration=nan"),
            "'--duration': 'nan' is not a number of seconds",
        ),
        ((*WORDS[:3], "--status=pass", f"--run-id={'7' * 2000}"), "run_id: "),
        ((*WORDS, "--status=pass"), "results/ci-status-"),
        (
            (*WORDS, "--status=pass", "--url=http://127.0.0.1:1", "--results-dir=."),
            "give --url or --results-dir, not both",
        ),
        ((*WORDS, "--status=pass", "--url=http://127.0.0.1:1"), "no token to send"),
    ],
)
def test_why_an_outcome_cannot_be_reported_is_said(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    done = ci_status(*words, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_outcome_that_is_not_delivered_in_time_is_a_failure(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    url = f"--url=http://127.0.0.1:{free_port()}"
    done = ci_status(
        *WORDS,
        "--status=pass",
        url,
        "--timeout=0.1",
        folder=tmp_path,
        BENCHMARK_EXPORTER_TOKEN=TOKEN,
    )
    assert done.returncode == 1
    assert (
        "nightly on main, by schedule: pass: not delivered within 0.1 s: no answer" in done.stdout
    )
