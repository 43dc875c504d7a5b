"""`benchmark-exporter ci-status`: the outcome of a CI pipeline's run as a document of the `pipeline` format."""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.formats import parse
from benchmark_exporter.formats.pipeline import SCHEMA
from benchmark_exporter.model import Rejected

Status = Literal["pass", "fail"]

# In lower case the words of GitHub (status of a job, conclusion of a run), GitLab (CI_JOB_STATUS) and Jenkins (currentBuild.currentResult).
PASSED = frozenset({"pass", "passed", "success"})
FAILED = frozenset({"fail", "failed", "failure", "unstable", "timed_out", "startup_failure"})
# Of these none says whether the pipeline works: a run was ended by someone, superseded, or had nothing to do.
UNDECIDED = frozenset(
    {
        "cancelled",
        "canceled",
        "aborted",
        "skipped",
        "not_built",
        "neutral",
        "stale",
        "action_required",
    }
)


class CIStatusError(Exception):
    """Why there is no document; the message says what to do."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run of a pipeline that has ended at `timestamp`; it took `duration_seconds`, None where that is not known."""

    pipeline: str
    branch: str
    trigger: str
    run_id: str
    status: Status
    timestamp: datetime
    duration_seconds: float | None = None


def status_of(word: str) -> Status | None:
    """What a CI's word for the outcome of a run means; None where it means neither.

    Raises:
        CIStatusError: the word is not known.
    """
    lower = word.lower()
    if lower in PASSED:
        return "pass"
    if lower in FAILED:
        return "fail"
    if lower in UNDECIDED:
        return None
    raise CIStatusError(
        f"{word!r} is no status; there are {', '.join(sorted(PASSED | FAILED | UNDECIDED))}"
    )


def described_by(environ: Mapping[str, str], now: datetime) -> dict[str, str]:
    """What the variables of a CI job say of its run, by the names of `ci-status`' options; nothing outside of CI.

    GitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/variables (Forgejo and Gitea set the same),
    GitLab: https://docs.gitlab.com/ci/variables/predefined_variables/,
    Jenkins: https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables.
    """
    said = {name: value for name, value in environ.items() if value}
    if said.get("GITHUB_ACTIONS") == "true":
        found = _github(said)
    elif said.get("GITLAB_CI") == "true":
        found = _gitlab(said, now)
    elif "JENKINS_URL" in said:
        found = _jenkins(said)
    else:
        found = {}
    return {name: value for name, value in found.items() if value}


def _github(said: Mapping[str, str]) -> dict[str, str]:
    return {
        "pipeline": _joined("/", said, "GITHUB_REPOSITORY", "GITHUB_WORKFLOW"),
        "branch": said.get("GITHUB_HEAD_REF") or said.get("GITHUB_REF_NAME", ""),
        "trigger": said.get("GITHUB_EVENT_NAME", ""),
        "run_id": _joined(".", said, "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"),
    }


def _gitlab(said: Mapping[str, str], now: datetime) -> dict[str, str]:
    found = {
        "pipeline": _joined("/", said, "CI_PROJECT_PATH", "CI_PIPELINE_NAME"),
        "branch": said.get("CI_COMMIT_REF_NAME", ""),
        "trigger": said.get("CI_PIPELINE_SOURCE", ""),
        # A retried job is in the same pipeline.
        "run_id": _joined(".", said, "CI_PIPELINE_ID", "CI_JOB_ID"),
        "status": said.get("CI_JOB_STATUS", ""),
    }
    try:
        started = datetime.fromisoformat(said["CI_PIPELINE_CREATED_AT"])
        found["duration"] = f"{max((now - started).total_seconds(), 0.0):.0f}"
    except (KeyError, ValueError, TypeError):
        pass  # not said, in no form that is known, or without a zone
    return found


def _jenkins(said: Mapping[str, str]) -> dict[str, str]:
    job = said.get("JOB_NAME", "")
    return {
        # A multibranch project has a job for each branch, called by it.
        "pipeline": job.rpartition("/")[0] if "BRANCH_NAME" in said else job,
        "branch": said.get("CHANGE_BRANCH")
        or said.get("BRANCH_NAME")
        or said.get("GIT_BRANCH", "").removeprefix("origin/"),
        "trigger": "change_request" if "CHANGE_ID" in said else "build",
        "run_id": said.get("BUILD_TAG", ""),
    }


def _joined(separator: str, said: Mapping[str, str], *names: str) -> str:
    return separator.join(said[name] for name in names if name in said)


def outcome(said: Mapping[str, str], now: datetime) -> Outcome | None:
    """The outcome that options and variables tell, by the names of `ci-status`' options; None where it is neither pass nor fail.

    Raises:
        CIStatusError: something is not said, or no status or number.
    """
    for name in ("pipeline", "branch", "trigger", "run_id", "status"):
        if not said.get(name):
            raise CIStatusError(
                f"give --{name.replace('_', '-')}: no variable of GitHub, GitLab or Jenkins says it here"
            )
    status = status_of(said["status"])
    if status is None:
        return None
    return Outcome(
        pipeline=said["pipeline"],
        branch=said["branch"],
        trigger=said["trigger"],
        run_id=said["run_id"],
        status=status,
        timestamp=now,
        duration_seconds=_seconds(said["duration"]) if said.get("duration") else None,
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise CIStatusError(f"--duration: {text!r} is no number of seconds")
    return seconds


def document(outcome: Outcome) -> bytes:
    """The document, as it would be ingested.

    Raises:
        CIStatusError: it would be rejected: a text is empty, say.
    """
    data = msgspec.json.encode({"schema": SCHEMA} | msgspec.to_builtins(outcome))
    try:
        parse(data)
    except Rejected as rejected:
        raise CIStatusError(
            f"{rejected.json_path.removeprefix('$.')}: {rejected.detail}"
        ) from rejected
    return data


def drop(data: bytes, folder: Path) -> Path:
    """The document's file in a folder of results, there as a whole or not at all.

    Raises:
        CIStatusError: the folder is not there, or cannot be written.
    """
    path = folder / f"ci-status-{hashlib.sha256(data).hexdigest()[:16]}.json"
    try:
        write_file(path, data)
    except OSError as error:
        raise CIStatusError(
            f"{path}: cannot be written: {error.strerror}; "
            "name another folder with --results-dir, or --url"
        ) from error
    return path
