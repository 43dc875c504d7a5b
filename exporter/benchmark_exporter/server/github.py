"""`POST /api/v1/github`: GitHub's webhook for workflow runs.

A run that has ended becomes a document of the `pipeline` format and goes the way of an upload: the answer comes when it is on the disk, and
the same run, delivered again or late, counts once. https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run
"""

import asyncio
import hashlib
import hmac
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import msgspec
from aiohttp import web

from benchmark_exporter.formats.fields import Timestamp
from benchmark_exporter.formats.pipeline_outcome import CIStatusError, document, status_of
from benchmark_exporter.formats.pipeline_outcome import PipelineOutcome as Outcome
from benchmark_exporter.server.upload import SENDER, Bodies, Receipt, Refusal, Refused, Uploads
from benchmark_exporter.tokens import Token, TokenFile

# A delivery has some 20 kB.
MAX_DELIVERY_BYTES = 1024 * 1024
# After which GitHub takes a delivery for failed.
TIMEOUT_SECONDS = 10.0
NO_BRANCH = "(none)"


class WorkflowRun(msgspec.Struct, frozen=True):
    """`event` is what triggered it. Branch and start are None where GitHub knows none."""

    id: int
    event: str
    updated_at: Timestamp
    name: str | None = None
    head_branch: str | None = None
    conclusion: str | None = None
    run_attempt: int = 1
    run_started_at: Timestamp | None = None


class Workflow(msgspec.Struct, frozen=True):
    name: str


class Repository(msgspec.Struct, frozen=True):
    full_name: str


class Event(msgspec.Struct, frozen=True):
    """What each delivery of workflow_run has."""

    action: str


class Completed(msgspec.Struct, frozen=True):
    """The part of a delivery of workflow_run that is counted; `name` of a run may be its own, and its workflow's is not."""

    workflow_run: WorkflowRun
    repository: Repository
    workflow: Workflow | None = None


class Uncounted(msgspec.Struct, frozen=True):
    """The answer to a delivery that says nothing that is counted."""

    ignored: str


def outcome_of(completed: Completed) -> Outcome | None:
    """What a delivery says of a run; None where it says neither pass nor fail. The pipeline is called as `ci-status` in a job calls it.

    Raises:
        CIStatusError: the conclusion is no word that is known.
    """
    run = completed.workflow_run
    status = status_of(run.conclusion or "")
    if status is None:
        return None
    started = run.updated_at if run.run_started_at is None else run.run_started_at
    duration_seconds = (run.updated_at - started).total_seconds()
    workflow = run.name if completed.workflow is None else completed.workflow.name
    return Outcome(
        pipeline=f"{completed.repository.full_name}/{workflow or run.id}",
        branch=run.head_branch or NO_BRANCH,
        trigger=run.event,
        run_id=f"{run.id}.{run.run_attempt}",
        status=status,
        timestamp=run.updated_at,
        duration_seconds=duration_seconds if duration_seconds > 0 else None,
    )


def signer(secrets: Iterable[Token], body: bytes, signature: str) -> Token | None:
    """The secret that a body was signed with. All are compared, each in constant time."""
    given = signature.encode("utf-8", "surrogateescape")
    found = None
    for secret in secrets:
        digest = hmac.new(secret.secret.encode(), body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(f"sha256={digest}".encode(), given):
            found = secret
    return found


class GitHub:
    """Answers GitHub's deliveries, which are counted as uploads are. `secrets` are those of the webhooks that may deliver."""

    def __init__(
        self, uploads: Uploads, secrets: TokenFile | None, worker: ThreadPoolExecutor
    ) -> None:
        self._uploads = uploads
        self._secrets = secrets
        self._worker = worker
        # Apart from those of uploads: what nobody has signed must not take the place of what has a token.
        self._bodies = Bodies(
            MAX_DELIVERY_BYTES,
            TIMEOUT_SECONDS,
            size_limit=f"{MAX_DELIVERY_BYTES} bytes",
            time_limit=f"{TIMEOUT_SECONDS:g} s",
        )

    async def handle(self, request: web.Request) -> web.Response:
        """The answer to one delivery, always JSON. GitHub shows it among the webhook's recent deliveries."""
        return await self._uploads.answer(request, self._take)

    async def _take(self, request: web.Request) -> tuple[int, Receipt | Uncounted]:
        secrets = (
            await asyncio.get_running_loop().run_in_executor(self._worker, self._secrets.read)
            if self._secrets is not None
            else ()
        )
        if not secrets:
            way = (
                "start the exporter with --github-webhook-secret FILE"
                if self._secrets is None
                else f"write the webhook's secret into {self._secrets.path}, for the exporter to read"
            )
            raise Refused(
                403,
                Refusal(
                    "github_off",
                    f"deliveries are off, since there is no secret to check them by; {way}",
                ),
            )
        signature = request.headers.get("X-Hub-Signature-256")
        if signature is None:
            raise Refused(
                401,
                Refusal(
                    "no_signature",
                    "there is no X-Hub-Signature-256; give the webhook a secret, the same as here",
                ),
            )
        async with self._bodies.received(request) as body:
            sender = signer(secrets, body, signature)
            if sender is None:
                raise Refused(
                    401,
                    Refusal(
                        "wrong_signature",
                        "X-Hub-Signature-256 is not of this body by a secret known here",
                    ),
                )
            request[SENDER] = sender.name
            return await self._count(request, body)

    async def _count(self, request: web.Request, body: bytes) -> tuple[int, Receipt | Uncounted]:
        event = request.headers.get("X-GitHub-Event", "")
        if event == "ping":
            return 202, Uncounted("a ping: the address and the secret are right")
        if event != "workflow_run":
            return 202, Uncounted(f"the event {event or '(none)'}; workflow_run is counted")
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
                return 202, Uncounted(f"the action {action}; completed is counted")
            completed = msgspec.json.decode(body, type=Completed)
            outcome = outcome_of(completed)
            if outcome is None:
                return 202, Uncounted(
                    f"the conclusion {completed.workflow_run.conclusion}, which is neither pass nor fail"
                )
            data = document(outcome)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, CIStatusError) as error:
            raise Refused(
                400, Refusal("invalid_delivery", f"not as GitHub delivers workflow_run: {error}")
            ) from error
        key = f"github {completed.repository.full_name} {outcome.run_id}"
        return await self._uploads.keep(request, data, key=key.encode())
