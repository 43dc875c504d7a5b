"""Where a run comes from, and where its results go."""

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmark_exporter.client.provenance import Provenance, find_provenance, find_results_dir


@pytest.mark.parametrize(
    ("stated", "environ", "found"),
    [
        (
            Provenance("p", "e", "c1", "b"),
            {"BENCHMARK_PROJECT": "x", "BENCHMARK_COMMIT": "x"},
            Provenance("p", "e", "c1", "b"),
        ),
        (
            Provenance(),
            {
                "BENCHMARK_PROJECT": "p",
                "BENCHMARK_ENVIRONMENT": "e",
                "BENCHMARK_COMMIT": "c",
                "BENCHMARK_BRANCH": "b",
            },
            Provenance("p", "e", "c", "b"),
        ),
        (
            Provenance(),
            {"GITHUB_SHA": "c", "GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": ""},
            Provenance(None, None, "c", "main"),
        ),
        (
            Provenance(),
            {"GITHUB_SHA": "c", "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "topic"},
            Provenance(None, None, "c", "topic"),
        ),
        (
            Provenance(),
            {"CI_COMMIT_SHA": "c", "CI_COMMIT_REF_NAME": "main"},
            Provenance(None, None, "c", "main"),
        ),
        (
            Provenance(),
            {"GIT_COMMIT": "c", "GIT_BRANCH": "origin/main"},
            Provenance(None, None, "c", "origin/main"),
        ),
    ],
    ids=["stated", "our variables", "GitHub", "GitHub's pull request", "GitLab", "Jenkins"],
)
def test_the_provenance_of_a_run(
    stated: Provenance, environ: dict[str, str], found: Provenance
) -> None:
    assert find_provenance(stated, environ) == found


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_is_asked_where_nothing_else_states_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_provenance(Provenance(), {}) == Provenance()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for words in (
        ["init", "--quiet", "--initial-branch=topic"],
        ["commit", "--quiet", "--allow-empty", "--message=x"],
    ):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    assert find_provenance(Provenance(), {}) == Provenance(None, None, commit, "topic")
    subprocess.run(["git", "checkout", "--quiet", "--detach"], check=True)
    assert find_provenance(Provenance(), {}) == Provenance(None, None, commit, "")


def test_where_results_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_results_dir(None, {}) == tmp_path / "results"
    assert find_results_dir(None, {"BENCHMARK_RESULTS_DIR": "/srv/results"}) == Path("/srv/results")
    assert (
        find_results_dir("there", {"BENCHMARK_RESULTS_DIR": "/srv/results"}) == tmp_path / "there"
    )
