"""`comment --of-forks`: what pipelines of GitLab's forks have measured, which is not trusted."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.review.report import to_json
from tests.exporter.commands.commenting import NOTHING, REPORT, SHA, Comment
from tests.exporter.review.forge_server import PERSON, Forge

OWN, FORK = 1, 2
JOB = "benchmarks of a merge request"
OF_PROJECT = "/projects/octo%2Frouter"
ARTIFACT = f"/projects/{FORK}/jobs/70/artifacts/compare.json"
OPTIONS = (f"--of-forks={JOB}",)


def request(number: int, source: int | None = FORK, sha: str = SHA) -> Any:
    return {"iid": number, "source_project_id": source, "sha": sha}


def pipeline(number: int, sha: str = SHA, project: int = FORK) -> Any:
    url = f"https://gitlab.example/fork/router/-/pipelines/{number}"
    return {"id": number, "sha": sha, "project_id": project, "web_url": url}


def job(number: int, name: str = JOB, status: str = "success") -> Any:
    return {"id": number, "name": name, "status": status}


@pytest.fixture
def world(forge: Forge) -> Forge:
    """An open request from a fork, whose pipeline has measured."""
    forge.files = {
        OF_PROJECT: {"id": OWN},
        f"{OF_PROJECT}/merge_requests": [request(4, OWN), request(5), request(6, None)],
        f"{OF_PROJECT}/merge_requests/5/pipelines": [pipeline(7)],
        f"/projects/{FORK}/pipelines/7/jobs": [job(70), job(71, "tests")],
        ARTIFACT: to_json(REPORT),
    }
    return forge


@pytest.fixture
def environment(world: Forge) -> dict[str, str]:
    """The variables of a scheduled job of the project."""
    return NOTHING | {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": world.url,
        "CI_PROJECT_PATH": "octo/router",
        "CI_PIPELINE_SOURCE": "schedule",
        "CI_PIPELINE_ID": "900",
        "CI_JOB_ID": "9000",
        "GITLAB_TOKEN": PERSON,
    }


FILE = Path("compare.json")


def test_it_comments_on_requests_from_forks_alone(
    comment: Comment, world: Forge, environment: dict[str, str]
) -> None:
    ended = comment(FILE, environment, *OPTIONS)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "octo/router: comment on request 5 posted\n"
    (body,) = world.bodies(5)
    # The order and the link are those of the fork's pipeline, not of this job.
    assert "<!-- run 7.70 -->" in body
    assert "https://gitlab.example/fork/router/-/pipelines/7" in body
    assert "The code of a fork measured this" in body
    assert (world.bodies(4), world.bodies(6)) == ([], [])
    assert comment(FILE, environment, *OPTIONS).stdout.endswith("request 5 unchanged\n")


def test_what_an_older_pipeline_has_replaced_meanwhile_is_put_right(
    comment: Comment, world: Forge, environment: dict[str, str]
) -> None:
    def replace(method: str, _path: str) -> None:
        # Before the first request after the comment was posted and read.
        replaced = [each for each in world.comments.values() if "<!-- run 7.70 -->" in each["body"]]
        if method == "GET" and replaced and len(world.requests) > world.methods().index("POST") + 2:
            replaced[0]["body"] = replaced[0]["body"].replace("run 7.70", "run 6.60")
            world.before = lambda *_: None

    world.before = replace
    assert comment(FILE, environment, *OPTIONS).stdout.endswith("request 5 posted\n")
    (body,) = world.bodies(5)
    assert "<!-- run 7.70 -->" in body
    assert "PUT" in world.methods()


def test_what_is_of_another_commit_project_or_job_is_not_used(
    comment: Comment, world: Forge, environment: dict[str, str]
) -> None:
    pipelines = f"{OF_PROJECT}/merge_requests/5/pipelines"
    jobs = f"/projects/{FORK}/pipelines/7/jobs"
    for path, there, reason in (
        (pipelines, [pipeline(7, sha="0" * 40)], "has no pipeline of its newest commit"),
        (pipelines, [pipeline(7, project=3)], "has no pipeline of its newest commit"),
        (jobs, [job(70, "other")], f"its pipeline has no job '{JOB}' that has ended"),
        (jobs, [job(70, status="running")], "that has ended"),
    ):
        before = world.files[path]
        world.files[path] = there
        ended = comment(FILE, environment, *OPTIONS)
        world.files[path] = before
        assert ended.returncode == 0
        assert ended.stdout.startswith("nothing to comment on request 5: ")
        assert reason in ended.stdout
    assert world.bodies(5) == []


def test_the_newest_pipeline_and_job_count(
    comment: Comment, world: Forge, environment: dict[str, str]
) -> None:
    world.files[f"{OF_PROJECT}/merge_requests/5/pipelines"] = [pipeline(8), pipeline(7)]
    world.files[f"/projects/{FORK}/pipelines/8/jobs"] = [job(80), job(82), job(81)]
    world.files[f"/projects/{FORK}/jobs/82/artifacts/compare.json"] = to_json(REPORT)
    assert comment(FILE, environment, *OPTIONS).returncode == 0
    assert "<!-- run 8.82 -->" in world.bodies(5)[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{}", "is neither what `compare"),
        (b"\xff\xfe", "compare.json: "),
        (b"[" * 100_000, "compare.json: "),
        (b" " * (8 * 1024 * 1024 + 1), "is larger than 8,388,608 bytes"),
        (b" " * (33 * 1024 * 1024), "the answer is too large"),
        (json.dumps({"kind": "history", "changes": [{"name": 1}]}).encode(), "compare.json: "),
        (None, "compare.json cannot be read"),
    ],
    ids=["empty", "no text", "deep", "large", "huge", "wrong types", "missing"],
)
def test_a_bad_file_costs_its_own_request_alone(
    comment: Comment,
    world: Forge,
    environment: dict[str, str],
    data: bytes | None,
    reason: str,
) -> None:
    other = 3
    world.files |= {
        f"{OF_PROJECT}/merge_requests": [request(5), request(9, other, "b" * 40)],
        f"{OF_PROJECT}/merge_requests/9/pipelines": [pipeline(10, "b" * 40, other)],
        f"/projects/{other}/pipelines/10/jobs": [job(100)],
        f"/projects/{other}/jobs/100/artifacts/compare.json": to_json(REPORT),
    }
    if data is None:
        del world.files[ARTIFACT]
    else:
        world.files[ARTIFACT] = data
    ended = comment(FILE, environment, *OPTIONS)
    assert ended.returncode == 0
    assert "nothing to comment on request 5: " in ended.stdout
    assert reason in ended.stdout
    assert world.bodies(5) == []
    assert len(world.bodies(9)) == 1


def test_one_request_can_be_selected_and_none_is_said(
    comment: Comment, environment: dict[str, str]
) -> None:
    ended = comment(FILE, environment, *OPTIONS, "--number=6")
    assert ended.stdout == "nothing to comment on: no open merge request is from a fork\n"
    assert comment(FILE, environment, *OPTIONS, "--number=5").stdout.endswith("posted\n")


def test_github_has_another_way(comment: Comment) -> None:
    ended = comment(FILE, NOTHING | {"GITHUB_ACTIONS": "true"}, *OPTIONS)
    assert ended.returncode == 2
    assert "--of-forks is for GitLab" in ended.stderr
