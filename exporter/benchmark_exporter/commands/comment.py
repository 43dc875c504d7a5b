"""`benchmark-exporter comment`: what a pull or merge request changes, as a comment on it."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import aiohttp
import click

from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED, values
from benchmark_exporter.commands.comment_forks import comment_on_forks
from benchmark_exporter.commands.delivery import DeliveryError, read_token
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    announce,
    file_option,
    option,
)
from benchmark_exporter.commands.output import show, show_all
from benchmark_exporter.review.api import Api, ApiError, Waiting
from benchmark_exporter.review.comment import Frame, render
from benchmark_exporter.review.forges import GitHub, GitLab, find_number
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.publish import publish
from benchmark_exporter.review.report import ReportError, read_report
from benchmark_exporter.review.target import (
    Kind,
    NoRequest,
    Target,
    TargetError,
    find_target,
    kind_of,
)

TOKENS: Mapping[Kind, tuple[str, ...]] = {
    "github": ("GITHUB_TOKEN",),
    "gitlab": ("GITLAB_TOKEN", "CI_JOB_TOKEN"),
}
# A limit of requests lasts a minute or more.
TIMEOUT_SECONDS = 300.0


@click.command(
    "comment",
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if the comment is there, or the job is not of a pull or merge request; 1 if "
    "the API refuses it; 2 if there is nothing to render or no token.",
)
@option(
    "--from",
    "source",
    required=True,
    shared=False,
    metavar="FILE|-",
    help="What `compare --format json` or `check --gate --report` wrote; - for standard input.",
)
@option(
    "--forge",
    type=click.Choice(("github", "gitlab")),
    shared=False,
    help="Where to comment; Forgejo and Gitea are as github.",
    show_default="the CI's",
)
@option(
    "--repository",
    metavar="OWNER/NAME",
    shared=False,
    help="Repository, or GitLab's project.",
    show_default="the CI's",
)
@option(
    "--number",
    type=click.IntRange(1),
    shared=False,
    help="Number of the pull or merge request.",
    show_default="the CI's",
)
@option(
    "--of-forks",
    metavar="JOB",
    shared=False,
    help="GitLab: comment on each open merge request from a fork; FILE is in the artifacts of the "
    "fork's job of this name.",
    show_default="off",
)
@option(
    "--project",
    metavar="NAME",
    help="Project. Each project has a comment of its own.",
    show_default="the repository",
)
@option(
    "--suite",
    metavar="NAME",
    shared=False,
    default="",
    show_default=False,
    help="Suite, if several report on one request: each has a comment of its own.",
)
@option(
    "--history-url",
    type=values.URL,
    metavar="URL",
    shared=False,
    help="Where people reach Grafana, for links to each result's history.",
)
@file_option(
    "--token-file",
    shared=False,
    help="File whose first token is sent.",
    show_default="the token in GITHUB_TOKEN; GITLAB_TOKEN, else CI_JOB_TOKEN",
)
@option(
    "--api-url",
    type=values.URL,
    metavar="URL",
    shared=False,
    help="Address of the API.",
    show_default="the CI's",
)
@option(
    "--timeout",
    type=values.TIMEOUT,
    default=TIMEOUT_SECONDS,
    show_default=f"{TIMEOUT_SECONDS:g}",
    shared=False,
    metavar="SECONDS",
    help="Give up after this time, waits for limits of the API included.",
)
@option("--dry-run", is_flag=True, shared=False, help="Print the comment, and post nothing.")
def command(
    source: str,
    forge: Kind | None,
    repository: str | None,
    number: int | None,
    of_forks: str | None,
    project: str | None,
    suite: str,
    history_url: str | None,
    token_file: Path | None,
    api_url: str | None,
    timeout: float,
    dry_run: bool,
) -> int:
    """Post what a pull or merge request changes as one comment, and update it in place."""
    try:
        if of_forks is not None:
            found = _project_of_forks(forge, api_url, repository, dry_run=dry_run)
            name = project or found.repository
            frame = Frame(name, suite, (history_url or "").rstrip("/"))
            headers, waiting = _headers(found, token_file), Waiting(timeout, report=announce)
            asyncio.run(
                comment_on_forks(found, number, of_forks, source, headers, waiting, frame, show)
            )
            return EXIT_OK
        report = read_report(source)
        target = None
        if not dry_run or forge or kind_of(os.environ):
            target = _target(dry_run, forge, api_url, repository, number)
        name = project or (target.repository if target else "") or repository or "benchmarks"
        grafana_url = (history_url or "").rstrip("/")
        frame = Frame(name, suite, grafana_url)
        if target is not None:
            frame = replace(
                frame, run_url=target.run_url, foreign=target.foreign, order=target.order
            )
        body = render(report, frame)
        if dry_run or target is None:
            show_all(body.rstrip("\n").split("\n"))
            return EXIT_OK
        headers = _headers(target, token_file)
        waiting = Waiting(timeout, report=announce)
        line = asyncio.run(_post(target, headers, waiting, marker(name, suite), body))
    except NoRequest as reason:
        show(f"nothing to comment on: {reason}")
        return EXIT_OK
    except (ReportError, TargetError, DeliveryError) as error:
        raise Unusable(str(error)) from error
    except ApiError as error:
        announce(str(error))
        return EXIT_REJECTED
    show(line)
    return EXIT_OK


def _project_of_forks(
    kind: Kind | None, api_url: str | None, repository: str | None, *, dry_run: bool
) -> Target:
    """The project whose merge requests from forks are commented on."""
    if (kind or kind_of(os.environ)) != "gitlab" or dry_run:
        raise TargetError(
            "--of-forks is for GitLab, and without --dry-run; GitHub has workflow_run"
        )
    # The job is of no merge request, so it cannot name one.
    return find_target(os.environ, "gitlab", api_url, repository, number=1)


def _target(
    dry_run: bool,
    kind: Kind | None,
    api_url: str | None,
    repository: str | None,
    number: int | None,
) -> Target | None:
    """None where it is not known and not needed."""
    try:
        return find_target(os.environ, kind, api_url, repository, number)
    except (TargetError, NoRequest):
        if dry_run:
            return None
        raise


def _headers(target: Target, token_file: Path | None) -> Mapping[str, str]:
    """Raises TargetError and DeliveryError if there is no token."""
    variables = TOKENS[target.kind]
    set_ones = [name for name in variables if os.environ.get(name)]
    if token_file is None and not set_ones:
        raise TargetError(
            f"no token to send; set {' or '.join(variables)}, or name its file with --token-file"
        )
    token = read_token(token_file) if token_file is not None else os.environ[set_ones[0]].strip()
    if not token.isascii() or not token.isprintable():
        raise TargetError(f"{set_ones[0] if set_ones else token_file}: is not a token")
    if target.kind == "github":
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
    of_job = token_file is None and set_ones[0] == "CI_JOB_TOKEN"
    return {"JOB-TOKEN" if of_job else "PRIVATE-TOKEN": token}


async def _post(
    target: Target, headers: Mapping[str, str], waiting: Waiting, own_marker: str, body: str
) -> str:
    async with aiohttp.ClientSession(trust_env=True) as session:
        api = Api(session, target.api_url, headers, waiting)
        number = await find_number(api, target)
        if number is None:
            return "nothing to comment on: no open pull request has this as its newest commit"
        kind = GitHub if target.kind == "github" else GitLab
        done = await publish(kind(api, target.repository, number), own_marker, body)
    return f"{target.repository}: comment on request {number} {done}"
