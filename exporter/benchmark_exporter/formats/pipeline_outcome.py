"""The outcome of a CI pipeline's run, from a CI's own words to a document of the `pipeline` format.

`ci-status` reports it from inside the CI, GitHub's webhook from outside; both use these words.
"""

from datetime import datetime
from typing import Literal

import msgspec

from benchmark_exporter.formats import parse
from benchmark_exporter.formats.pipeline import SCHEMA
from benchmark_exporter.model import Rejected

Status = Literal["pass", "fail"]

# The words, in lower case, of GitHub (a job's status, a run's conclusion), GitLab (CI_JOB_STATUS)
# and Jenkins (currentBuild.currentResult).
PASSED = frozenset({"pass", "passed", "success"})
FAILED = frozenset({"fail", "failed", "failure", "unstable", "timed_out", "startup_failure"})
# None of these says whether the pipeline works: somebody ended the run, a newer one replaced it, or
# it had nothing to do.
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
    """There is no document; the message says why and what to do."""


class PipelineOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run of a pipeline that ended at `timestamp`; `duration_seconds` is None if not known."""

    pipeline: str
    branch: str
    trigger: str
    run_id: str
    status: Status
    timestamp: datetime
    duration_seconds: float | None = None


def status_of(word: str) -> Status | None:
    """What a CI's word for the outcome of a run means; None where it is neither pass nor fail.

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
        f"{word!r} is not a known status; "
        f"known are {', '.join(sorted(PASSED | FAILED | UNDECIDED))}"
    )


def document(outcome: PipelineOutcome) -> bytes:
    """The document, as it would be ingested.

    Raises:
        CIStatusError: it would be rejected, because a text is empty, for instance.
    """
    data = msgspec.json.encode({"schema": SCHEMA} | msgspec.to_builtins(outcome))
    try:
        parse(data)
    except Rejected as rejected:
        raise CIStatusError(
            f"{rejected.json_path.removeprefix('$.')}: {rejected.detail}"
        ) from rejected
    return data
