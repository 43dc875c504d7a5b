"""`benchmark-exporter comment --of-forks`: on merge requests from forks, by the project itself."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import aiohttp

from benchmark_exporter.review.api import Api, Waiting
from benchmark_exporter.review.comment import Frame, render
from benchmark_exporter.review.forges import GitLab
from benchmark_exporter.review.forks import OfFork, files_of_forks
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.publish import confirm, post
from benchmark_exporter.review.report import MAX_BYTES, ReportError, parse_report
from benchmark_exporter.review.target import Target


async def comment_on_forks(
    target: Target,
    number: int | None,
    job: str,
    path: str,
    headers: Mapping[str, str],
    waiting: Waiting,
    frame: Frame,
    show: Callable[[str], None],
) -> None:
    """Comments on each open merge request from a fork, and says what became of each.

    A file that cannot be used costs its own request the comment, and no other.

    Raises:
        ApiError: the API refuses, or there is no time left.
    """
    own_marker = marker(frame.project, frame.suite)
    async with aiohttp.ClientSession(trust_env=True) as session:
        api = Api(session, target.api_url, headers, waiting)
        found, posted = False, []
        async for file in files_of_forks(api, target.repository, job, path, number):
            found = True
            for body in _bodies(file, path, frame, show):
                gitlab = GitLab(api, target.repository, file.number)
                done = await post(gitlab, own_marker, body)
                show(f"{target.repository}: comment on request {file.number} {done}")
                posted.append((gitlab, own_marker, body, done))
        # Together, since each of them waits.
        await asyncio.gather(*(confirm(*each) for each in posted))
    if not found:
        show("nothing to comment on: no open merge request is from a fork")


def _bodies(file: OfFork, path: str, frame: Frame, show: Callable[[str], None]) -> Iterator[str]:
    """One comment, or none."""
    if file.data is None:
        show(f"nothing to comment on request {file.number}: {file.reason}")
        return
    try:
        if len(file.data) > MAX_BYTES:
            raise ReportError(f"is larger than {MAX_BYTES:,} bytes")
        report = parse_report(file.data)
    except ReportError as error:
        show(f"nothing to comment on request {file.number}: {path}: {error}")
        return
    yield render(report, replace(frame, run_url=file.run_url, foreign=True, order=file.order))
