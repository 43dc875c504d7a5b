"""`benchmark-exporter ci-status`: reports the outcome of a CI pipeline's run from inside the CI."""

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED, values
from benchmark_exporter.commands.delivery import DeliveryError, Undelivered, deliver, exporter_at
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    announce,
    exporter_options,
    folder_option,
    is_on_command_line,
    option,
    stack_option,
)
from benchmark_exporter.commands.output import show
from benchmark_exporter.commands.stack_file import StackError, Where, find_stack
from benchmark_exporter.formats.pipeline_outcome import (
    CIStatusError,
    PipelineOutcome,
    document,
    status_of,
)


def _known_status(word: str) -> str:
    try:
        status_of(word)
    except CIStatusError as error:
        raise ValueError(str(error)) from error
    return word


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if the outcome was reported, or is not to be; 1 if it was refused or not "
    "delivered in time; 2 if it is not known, or cannot be written or sent.",
)
@option(
    "--status",
    type=values.Parsed("word", _known_status),
    metavar="WORD",
    help="pass, fail, or the CI's own word, like success or UNSTABLE. A cancelled or skipped run "
    "is not reported.",
)
@option("--pipeline", metavar="NAME", help="Name of the pipeline.")
@option("--branch", metavar="NAME", help="Branch it ran for.")
@option("--trigger", metavar="NAME", help="What started it, like push or schedule.")
@option("--run-id", metavar="ID", help="What distinguishes this run from the pipeline's others.")
@option("--duration", type=values.DURATION, metavar="SECONDS", help="How long it took.")
@folder_option(
    "--results-dir",
    help="Folder to write to, where no --url is given.",
    show_default="the stack's, else results",
)
@exporter_options(None)
@stack_option
def command(
    results_dir: Path | None,
    url: str | None,
    token_file: Path | None,
    timeout: float,
    stack: Path | None,
    **given: str | float | None,
) -> int:
    """Report the outcome of a CI pipeline's run.

    In a job of GitHub, GitLab or Jenkins, what is not given is taken from the job's variables.
    """
    now = datetime.now(UTC)
    name = ""
    try:
        if url is not None and results_dir is not None:
            # An option wins over a variable.
            if is_on_command_line("url") == is_on_command_line("results_dir"):
                raise CIStatusError("give --url or --results-dir, not both; each may be a variable")
            url, results_dir = (url, None) if is_on_command_line("url") else (None, results_dir)
        stated = described_by(os.environ, now) | {
            key: str(value) for key, value in given.items() if value not in (None, "")
        }
        outcome = outcome_of(stated, now)
        if outcome is None:
            show(f"not reported: {stated['status']} is neither pass nor fail")
            return EXIT_OK
        name = f"{outcome.pipeline} on {outcome.branch}, by {outcome.trigger}: {outcome.status}"
        data = document(outcome)
        if url is None:
            where = _folder(results_dir, stack)
            announce(f"writing to {where}")
            show(f"{name}: written to {drop(data, Path(where.address))}")
        else:
            exporter = exporter_at(url, token_file, timeout)
            announce(f"sending to {url}")
            show(f"{name}: {deliver(name, data, {}, exporter)}")
    except (CIStatusError, DeliveryError, StackError) as error:
        raise Unusable(str(error)) from error
    except Undelivered as undelivered:
        show(f"{name}: {undelivered}")
        return EXIT_REJECTED
    return EXIT_OK


def _folder(given: Path | None, named: Path | None) -> Where:
    """Raises StackError if it is not clear which stack is meant."""
    if given is not None:
        return Where(str(given))
    stack = find_stack(named, Path.cwd())
    return Where("results") if stack is None else Where(str(stack.results_dir), stack)


def described_by(environ: Mapping[str, str], now: datetime) -> dict[str, str]:
    """What the variables of a CI job state of its run, by the names of this command's options.

    Empty outside of CI. The variables are documented by
    GitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/variables (Forgejo
    and Gitea set the same), GitLab: https://docs.gitlab.com/ci/variables/predefined_variables/,
    Jenkins: https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables.
    """
    variables = {name: value for name, value in environ.items() if value}
    if variables.get("GITHUB_ACTIONS") == "true":
        found = _github(variables)
    elif variables.get("GITLAB_CI") == "true":
        found = _gitlab(variables, now)
    elif "JENKINS_URL" in variables:
        found = _jenkins(variables)
    else:
        found = {}
    return {name: value for name, value in found.items() if value}


def _github(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        "pipeline": _joined("/", variables, "GITHUB_REPOSITORY", "GITHUB_WORKFLOW"),
        "branch": variables.get("GITHUB_HEAD_REF") or variables.get("GITHUB_REF_NAME", ""),
        "trigger": variables.get("GITHUB_EVENT_NAME", ""),
        "run_id": _joined(".", variables, "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"),
    }


def _gitlab(variables: Mapping[str, str], now: datetime) -> dict[str, str]:
    found = {
        "pipeline": _joined("/", variables, "CI_PROJECT_PATH", "CI_PIPELINE_NAME"),
        "branch": variables.get("CI_COMMIT_REF_NAME", ""),
        "trigger": variables.get("CI_PIPELINE_SOURCE", ""),
        # A retried job is in the same pipeline.
        "run_id": _joined(".", variables, "CI_PIPELINE_ID", "CI_JOB_ID"),
        "status": variables.get("CI_JOB_STATUS", ""),
    }
    try:
        started = datetime.fromisoformat(variables["CI_PIPELINE_CREATED_AT"])
        found["duration"] = f"{max((now - started).total_seconds(), 0.0):.0f}"
    except (KeyError, ValueError, TypeError):
        pass  # it is missing, in an unknown form, or without a zone
    return found


def _jenkins(variables: Mapping[str, str]) -> dict[str, str]:
    job = variables.get("JOB_NAME", "")
    return {
        # A multibranch project has a job for each branch, named after it.
        "pipeline": job.rpartition("/")[0] if "BRANCH_NAME" in variables else job,
        "branch": variables.get("CHANGE_BRANCH")
        or variables.get("BRANCH_NAME")
        or variables.get("GIT_BRANCH", "").removeprefix("origin/"),
        "trigger": "change_request" if "CHANGE_ID" in variables else "build",
        "run_id": variables.get("BUILD_TAG", ""),
    }


def _joined(separator: str, variables: Mapping[str, str], *names: str) -> str:
    return separator.join(variables[name] for name in names if name in variables)


def outcome_of(stated: Mapping[str, str], now: datetime) -> PipelineOutcome | None:
    """The outcome that options and variables state, by the names of this command's options.

    None where it is neither pass nor fail.

    Raises:
        CIStatusError: something is missing, or is not a known status.
    """
    for name in ("pipeline", "branch", "trigger", "run_id", "status"):
        if not stated.get(name):
            raise CIStatusError(
                f"give --{name.replace('_', '-')}: "
                "no variable of GitHub, GitLab or Jenkins states it here"
            )
    status = status_of(stated["status"])
    if status is None:
        return None
    return PipelineOutcome(
        pipeline=stated["pipeline"],
        branch=stated["branch"],
        trigger=stated["trigger"],
        run_id=stated["run_id"],
        status=status,
        timestamp=now,
        duration_seconds=float(stated["duration"]) if stated.get("duration") else None,
    )


def drop(data: bytes, folder: Path) -> Path:
    """Writes the document into a results folder, whole or not at all, and returns its path.

    Raises:
        CIStatusError: the folder does not exist, or cannot be written.
    """
    path = folder / f"ci-status-{hashlib.sha256(data).hexdigest()[:16]}.json"
    try:
        write_file(path, data)
    except OSError as error:
        raise CIStatusError(
            f"{path}: cannot be written: {error.strerror}; "
            "name another folder with --results-dir, or give --url"
        ) from error
    return path
