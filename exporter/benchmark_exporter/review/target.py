"""Where a comment goes, by the variables of a CI job and GitHub's event.

The variables are documented by GitHub:
https://docs.github.com/en/actions/reference/workflows-and-actions/variables, and GitLab:
https://docs.gitlab.com/ci/variables/predefined_variables/. The event is the file that
GITHUB_EVENT_PATH names, which GitHub writes and the code of a pull request does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from benchmark_exporter.review.order import Order, order_of
from benchmark_exporter.wording import reason_of

GITHUB_API_URL, GITLAB_API_URL = "https://api.github.com", "https://gitlab.com/api/v4"
Kind = Literal["github", "gitlab"]


class TargetError(Exception):
    """It is not clear what to comment on; the message says what to give."""


class NoRequest(Exception):
    """The job is not of a pull or merge request, so there is nothing to comment on."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the newest commit of a pull request is."""

    owner: str
    repository_id: int
    branch: str
    commit: str


@dataclass(frozen=True, slots=True)
class Target:
    """One pull or merge request. `number` is None where `head` has to be looked for.

    `foreign` says that the code which ran is not of this repository, `order` which run it was.
    """

    kind: Kind
    api_url: str
    repository: str
    number: int | None = None
    head: Head | None = None
    run_url: str = ""
    foreign: bool = False
    order: Order | None = None


def kind_of(environ: Mapping[str, str]) -> Kind | None:
    """Which forge's job this is; None outside of both. Forgejo and Gitea are as GitHub."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if environ.get("GITLAB_CI") == "true" else None


def find_target(
    environ: Mapping[str, str],
    kind: Kind | None = None,
    api_url: str | None = None,
    repository: str | None = None,
    number: int | None = None,
) -> Target:
    """The request that options and variables name; an option wins.

    Raises:
        TargetError: no forge, repository or number is known.
        NoRequest: the job runs for a push, a schedule or the like.
    """
    own = kind_of(environ)
    kind = kind or own
    if kind is None:
        raise TargetError("this is not a job of GitHub or GitLab: give --forge")
    variables = environ if own == kind else {}
    target = _github(variables, number) if kind == "github" else _gitlab(variables, number)
    target = replace(
        target, api_url=api_url or target.api_url, repository=repository or target.repository
    )
    if not target.repository:
        raise TargetError("no variable names the repository here: give --repository")
    if target.number is None and target.head is None:
        raise TargetError("no variable names the request here: give --number")
    return target


def _github(variables: Mapping[str, str], number: int | None) -> Target:
    server, repository = variables.get("GITHUB_SERVER_URL"), variables.get("GITHUB_REPOSITORY", "")
    run_id = variables.get("GITHUB_RUN_ID")
    target = Target(
        "github",
        variables.get("GITHUB_API_URL") or GITHUB_API_URL,
        repository,
        number,
        run_url=f"{server}/{repository}/actions/runs/{run_id}" if server and run_id else "",
        order=order_of(variables, "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"),
    )
    if not variables:
        return target
    event = _event(variables)
    if (run := event.get("workflow_run")) is not None:
        return _of_other_workflow(target, run)
    request = event.get("pull_request")
    if request is None and number is None:
        raise NoRequest(f"the event is {variables.get('GITHUB_EVENT_NAME', 'unknown')}")
    if request is None:
        return target
    own, head = _get(request, "base", "repo", "id"), _get(request, "head", "repo", "id")
    return replace(target, number=number or _whole(_get(request, "number")), foreign=own != head)


def _of_other_workflow(target: Target, run: Any) -> Target:
    """What a workflow that was started by the end of another one comments on."""
    if _get(run, "event") != "pull_request":
        raise NoRequest(f"the other workflow ran for {_get(run, 'event')}")
    head = Head(
        _text(_get(run, "head_repository", "owner", "login")),
        _whole(_get(run, "head_repository", "id")),
        _text(_get(run, "head_branch")),
        _text(_get(run, "head_sha")),
    )
    own = _get(run, "repository", "id")
    return replace(
        target,
        head=head if target.number is None else None,
        run_url=_text(_get(run, "html_url")),
        foreign=own != head.repository_id,
        # That of the run which measured, as this one may be late.
        order=_order_of_run(run),
    )


def _order_of_run(run: Any) -> Order | None:
    """None where the event does not have it, as may be of another forge."""
    numbers = _get(run, "id"), _get(run, "run_attempt")
    known = [each for each in numbers if isinstance(each, int) and not isinstance(each, bool)]
    return Order(*known) if len(known) == len(numbers) else None


def _gitlab(variables: Mapping[str, str], number: int | None) -> Target:
    found = variables.get("CI_MERGE_REQUEST_IID", "")
    if variables and not found and number is None:
        raise NoRequest(f"the pipeline is of {variables.get('CI_PIPELINE_SOURCE', 'unknown')}")
    project = variables.get("CI_MERGE_REQUEST_PROJECT_PATH") or variables.get("CI_PROJECT_PATH", "")
    source = variables.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", project)
    return Target(
        "gitlab",
        variables.get("CI_API_V4_URL") or GITLAB_API_URL,
        project,
        number or (_whole(int(found)) if found.isdecimal() else None),
        run_url=variables.get("CI_PIPELINE_URL", ""),
        foreign=source != project,
        order=order_of(variables, "CI_PIPELINE_ID", "CI_JOB_ID"),
    )


def _event(variables: Mapping[str, str]) -> Mapping[str, Any]:
    path = variables.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        event = msgspec.json.decode(Path(path).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise TargetError(
            f"GITHUB_EVENT_PATH: {path}: cannot be read: {reason_of(error)}"
        ) from error
    return event if isinstance(event, dict) else {}


def _get(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TargetError("GitHub's event does not say which commit ran; give --number")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TargetError("the event does not name a request; give --number")
    return value
