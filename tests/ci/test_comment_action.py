"""The actions that comment: their scripts, as in jobs of GitHub, against a server as its API."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_exporter.review.report import parse_report
from tests.exporter.review import forge_server
from tests.exporter.review.forge_server import READER, WORKFLOW, Forge
from tests.support.documents import perf_suite
from tests.support.paths import REPOSITORY
from tests.support.process import DEADLINE_SECONDS

REPORT = REPOSITORY / "github-action/report-results/report.sh"
COMMENT = REPOSITORY / "github-action/comment/comment.sh"


@pytest.fixture
def forge() -> Iterator[Forge]:
    with forge_server.forge() as server:
        yield server


def run(
    script: Path, forge: Forge, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A script in the job of pull request 5, with results that fail their gate."""
    (folder / "a run.json").write_text(json.dumps(perf_suite(speedup=9.0)))
    event = {"number": 5, "base": {"repo": {"id": 1}}, "head": {"repo": {"id": 1}}}
    (folder / "event").write_text(json.dumps({"pull_request": event}))
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": forge.url,
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(folder / "event"),
        "GITHUB_REPOSITORY": "octo/router",
        "GITHUB_TOKEN": WORKFLOW,
        "FILES": "a*.json",
        "BENCHMARK_EXPORTER_COMMENT_SUITE": "",
        **variables,
    }
    return subprocess.run(
        [script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(("fail_on", "status"), [("", 0), ("critical", 1)])
def test_the_outcome_of_the_gate_becomes_a_comment(
    forge: Forge, tmp_path: Path, fail_on: str, status: int
) -> None:
    done = run(REPORT, forge, tmp_path, COMMENT="true", FAIL_ON=fail_on)
    assert done.returncode == status, done.stdout + done.stderr
    (body,) = forge.bodies()
    assert "### Benchmarks, **failed**: 1 worse" in body
    assert "`fails its gate (p50, p95), at least 15`" in body


def test_without_the_input_there_is_none(forge: Forge, tmp_path: Path) -> None:
    assert run(REPORT, forge, tmp_path, COMMENT="false").returncode == 0
    assert not forge.requests


def test_a_forks_job_writes_the_outcome_to_a_file_and_does_not_fail(
    forge: Forge, tmp_path: Path
) -> None:
    done = run(REPORT, forge, tmp_path, COMMENT="true", OF_FORK="true", REPORT="out.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::warning::no comment: " in done.stdout
    assert not forge.requests
    assert parse_report((tmp_path / "out.json").read_bytes()).passed is False


def test_a_token_that_may_not_write_fails_the_step(forge: Forge, tmp_path: Path) -> None:
    done = run(REPORT, forge, tmp_path, COMMENT="true", GITHUB_TOKEN=READER)
    assert done.returncode == 1
    assert "permissions: pull-requests: write" in done.stderr


def test_files_that_cannot_be_judged_fail_the_step_and_get_no_comment(
    forge: Forge, tmp_path: Path
) -> None:
    (tmp_path / "b.json").write_text("{}")
    done = run(REPORT, forge, tmp_path, COMMENT="true", FILES="*.json")
    assert done.returncode == 2
    assert not forge.requests


def test_a_comparison_becomes_a_comment(forge: Forge, tmp_path: Path) -> None:
    (tmp_path / "compare.json").write_text('{"rounds": 3, "results": []}')
    done = run(
        COMMENT,
        forge,
        tmp_path,
        BENCHMARK_EXPORTER_COMMENT_FROM="compare.json",
        BENCHMARK_EXPORTER_COMMENT_SUITE="$(touch injected) `touch injected`",
    )
    assert done.returncode == 0, done.stderr
    (body,) = forge.bodies()
    assert "suite `` $(touch injected) `touch injected` ``" in body
    assert not (tmp_path / "injected").exists()
