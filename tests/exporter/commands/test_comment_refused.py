"""`benchmark-exporter comment` where something is missing, damaged or away."""

from pathlib import Path

import pytest

from tests.exporter.commands.commenting import Comment, github, pull, pull_request, workflow_run
from tests.exporter.review.forge_server import Fault, Forge


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
