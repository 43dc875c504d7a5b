"""What pipelines of forks have measured, for GitLab: where it is, by the API of the project.

GitLab runs the pipeline of a merge request from a fork in the fork, where its code decides
everything. So nothing of it is trusted but the figures in one file: which request, commit and
pipeline it is of says the API (https://docs.gitlab.com/api/merge_requests/, .../api/jobs/).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from benchmark_exporter.review.api import Api, ApiError, Forbidden, Missing, Unauthenticated
from benchmark_exporter.review.order import Order


@dataclass(frozen=True, slots=True)
class OfFork:
    """A file of the newest pipeline of an open merge request from a fork.

    `data` is None where the pipeline has no such job or file, or it may not be read: `reason` says
    so.
    """

    number: int
    data: bytes | None = None
    order: Order | None = None
    run_url: str = ""
    reason: str = ""


async def files_of_forks(
    api: Api, project: str, job: str, path: str, number: int | None = None
) -> AsyncIterator[OfFork]:
    """The file at a path in the artifacts of a job, of each open merge request from a fork.

    It is that of the newest pipeline of the request's newest commit. `number` selects one request.

    Raises:
        ApiError: the API refuses, or there is no time left.
    """
    of_project = f"/projects/{quote(project, safe='')}"
    own = _number(await api.send("GET", of_project), "id")
    async for request in api.all(f"{of_project}/merge_requests?state=opened&per_page=100"):
        source, iid = _number(request, "source_project_id"), _number(request, "iid")
        # Of a fork that was deleted there is no project.
        if source in (None, own) or iid is None or number not in (None, iid):
            continue
        try:
            yield await _file(api, of_project, request, job, path)
        except (Missing, Forbidden, Unauthenticated) as error:
            yield OfFork(iid, reason=f"its pipeline cannot be read: {error}")


async def _file(api: Api, of_project: str, request: Any, job: str, path: str) -> OfFork:
    iid, source = request["iid"], request["source_project_id"]
    pipelines = [
        each
        async for each in api.all(f"{of_project}/merge_requests/{iid}/pipelines?per_page=100")
        if each.get("sha") == request.get("sha") and _number(each, "project_id") == source
    ]
    if not pipelines:
        return OfFork(iid, reason="the fork has no pipeline of its newest commit")
    pipeline = max(pipelines, key=lambda each: _number(each, "id") or 0)
    jobs = [
        each
        async for each in api.all(
            f"/projects/{source}/pipelines/{_number(pipeline, 'id')}/jobs?per_page=100"
        )
        if each.get("name") == job and each.get("status") in ("success", "failed")
    ]
    if not jobs:
        return OfFork(iid, reason=f"its pipeline has no job {job!r} that has ended")
    newest = max(_number(each, "id") or 0 for each in jobs)
    try:
        data = await api.content(f"/projects/{source}/jobs/{newest}/artifacts/{quote(path)}")
    except ApiError as error:  # such as one that is too large: the fork decides what it is
        return OfFork(iid, reason=f"{path} cannot be read: {error}")
    order = Order(_number(pipeline, "id") or 0, newest)
    return OfFork(iid, data, order, str(pipeline.get("web_url") or ""))


def _number(document: Any, key: str) -> int | None:
    found = document.get(key) if isinstance(document, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    if found is None:
        return None
    raise ApiError(f"the API answers with a {key} that is not a number; is its address right?")
