"""`POST /api/v1/github`: GitHub's webhook for workflow runs.

A finished run becomes a document of the `pipeline` format and is handled like an upload: it is
answered once it is on the disk, and counts once even if it is delivered again or late. See
https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run
"""

import hashlib
import hmac
from collections.abc import Iterable

import msgspec
from aiohttp import web

from benchmark_exporter.formats.fields import Timestamp
from benchmark_exporter.formats.pipeline_outcome import (
    CIStatusError,
    PipelineOutcome,
    document,
    status_of,
)
from benchmark_exporter.server.bodies import DELIVERIES_BYTES, Bodies, BodyShare
from benchmark_exporter.server.refusal import Refusal, Refused
from benchmark_exporter.server.upload import SENDER, Receipt, Uploads
from benchmark_exporter.server.worker import Worker
from benchmark_exporter.tokens import Token, TokenFile

# A delivery is about 20 kB.
MAX_DELIVERY_BYTES = 1024 * 1024
# After this long GitHub considers a delivery failed.
TIMEOUT_SECONDS = 10.0
NO_BRANCH = "(none)"


class WorkflowRun(msgspec.Struct, frozen=True):
    """A run. `event` is what triggered it. Branch and start are None if GitHub sends none."""

    id: int
    event: str
    updated_at: Timestamp
    name: str | None = None
    head_branch: str | None = None
    conclusion: str | None = None
    run_attempt: int = 1
    run_started_at: Timestamp | None = None


class Workflow(msgspec.Struct, frozen=True):
    """The workflow of a run."""

    name: str


class Repository(msgspec.Struct, frozen=True):
    """The repository of a run; `full_name` is owner/name."""

    full_name: str


class Event(msgspec.Struct, frozen=True):
    """What every delivery of workflow_run has."""

    action: str


class Completed(msgspec.Struct, frozen=True):
    """The part of a delivery that is used.

    A run's `name` may be its own, so the workflow's is preferred.
    """

    workflow_run: WorkflowRun
    repository: Repository
    workflow: Workflow | None = None


class Uncounted(msgspec.Struct, frozen=True):
    """The answer to a delivery that is not counted, and why."""

    ignored: str


def outcome_of(completed: Completed) -> PipelineOutcome | None:
    """A run's outcome; None if it neither passed nor failed.

    The pipeline has the name that `ci-status` gives it inside a job.

    Raises:
        CIStatusError: the conclusion is unknown.
    """
    run = completed.workflow_run
    status = status_of(run.conclusion or "")
    if status is None:
        return None
    started = run.updated_at if run.run_started_at is None else run.run_started_at
    duration_seconds = (run.updated_at - started).total_seconds()
    workflow = run.name if completed.workflow is None else completed.workflow.name
    return PipelineOutcome(
        pipeline=f"{completed.repository.full_name}/{workflow or run.id}",
        branch=run.head_branch or NO_BRANCH,
        trigger=run.event,
        run_id=f"{run.id}.{run.run_attempt}",
        status=status,
        timestamp=run.updated_at,
        duration_seconds=duration_seconds if duration_seconds > 0 else None,
    )


def signer(secrets: Iterable[Token], body: bytes, signature: str) -> Token | None:
    """The secret that signed a body. All are compared, each in constant time."""
    given = signature.encode("utf-8", "surrogateescape")
    found = None
    for secret in secrets:
        digest = hmac.new(secret.secret.encode(), body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(f"sha256={digest}".encode(), given):
            found = secret
    return found


class GitHub:
    """Answers GitHub's deliveries, which are counted like uploads.

    `secrets` are those of the webhooks that may deliver.
    """

    def __init__(self, uploads: Uploads, secrets: TokenFile | None, worker: Worker) -> None:
        self._uploads = uploads
        self._secrets = secrets
        self._worker = worker
        self._bodies = Bodies(
            BodyShare(DELIVERIES_BYTES),
            MAX_DELIVERY_BYTES,
            TIMEOUT_SECONDS,
            size_limit=f"{MAX_DELIVERY_BYTES} bytes",
            time_limit=f"{TIMEOUT_SECONDS:g} s",
        )

    async def handle(self, request: web.Request) -> web.Response:
        """The answer to one delivery, always JSON. GitHub shows it in the recent deliveries."""
        return await self._uploads.answer(request, self._accept)

    async def _accept(self, request: web.Request) -> tuple[int, Receipt | Uncounted]:
        secrets = await self._worker.run(self._secrets.read) if self._secrets is not None else ()
        if not secrets:
            way = (
                "start the exporter with --github-webhook-secret FILE"
                if self._secrets is None
                else f"write the webhook's secret into {self._secrets.path}"
            )
            detail = f"deliveries are off, since there is no secret to verify them; {way}"
            raise Refused(403, Refusal("github_off", detail))
        signature = request.headers.get("X-Hub-Signature-256")
        if signature is None:
            raise Refused(
                401,
                Refusal(
                    "no_signature",
                    "X-Hub-Signature-256 is missing; give the webhook the same secret as here",
                ),
            )
        async with self._bodies.received(request) as body:
            sender = signer(secrets, body, signature)
            if sender is None:
                raise Refused(
                    401,
                    Refusal(
                        "wrong_signature",
                        "X-Hub-Signature-256 does not match this body and any known secret",
                    ),
                )
            request[SENDER] = sender.name
            return await self._count(request, body)

    async def _count(self, request: web.Request, body: bytes) -> tuple[int, Receipt | Uncounted]:
        event = request.headers.get("X-GitHub-Event", "")
        if event == "ping":
            return 202, Uncounted("a ping: the address and the secret are correct")
        if event != "workflow_run":
            event = event or "(none)"
            return 202, Uncounted(f"the event {event}; only workflow_run is counted")
        if request.content_type != "application/json":
            raise Refused(
                415,
                Refusal(
                    "unsupported_type",
                    f"{request.content_type}; choose application/json in the webhook's settings",
                ),
            )
        try:
            action = msgspec.json.decode(body, type=Event).action
            if action != "completed":
                return 202, Uncounted(f"the action {action}; only completed is counted")
            completed = msgspec.json.decode(body, type=Completed)
            outcome = outcome_of(completed)
            if outcome is None:
                conclusion = completed.workflow_run.conclusion
                return 202, Uncounted(f"the conclusion {conclusion}, neither pass nor fail")
            data = document(outcome)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, CIStatusError) as error:
            raise Refused(
                400, Refusal("invalid_delivery", f"not a workflow_run delivery: {error}")
            ) from error
        key = f"github {completed.repository.full_name} {outcome.run_id}"
        return await self._uploads.keep(request, data, key=key.encode())
