"""Deliveries of GitHub's webhook to a running exporter; they can be wrong in any way."""

import hashlib
import hmac
import http.client
import json
from typing import Any

from tests.support.documents import Json
from tests.support.process import DEADLINE_SECONDS
from tests.support.uploading import Answer

SECRET = "made-up-secret-of-the-tests"


def completed(
    run_id: int = 123,
    *,
    attempt: int = 1,
    conclusion: str | None = "success",
    minute: int = 5,
    **run: Any,
) -> Json:
    """GitHub's payload, as far as the exporter reads it, for a run that was started at noon."""
    return {
        "action": "completed",
        "workflow_run": {
            "id": run_id,
            "name": "CI",
            "display_title": "Make it faster",
            "head_branch": "main",
            "head_sha": "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678",
            "event": "push",
            "status": "completed",
            "conclusion": conclusion,
            "run_attempt": attempt,
            "created_at": "2026-03-01T11:59:58Z",
            "run_started_at": "2026-03-01T12:00:00Z",
            "updated_at": f"2026-03-01T12:{minute:02}:30Z",
            **run,
        },
        "workflow": {"id": 7, "name": "CI", "path": ".github/workflows/ci.yml"},
        "repository": {"id": 1, "full_name": "octo/router"},
    }


def signature(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def deliver(
    port: int, payload: object, event: str = "workflow_run", **changed: str | None
) -> Answer:
    """Sends one delivery: bytes unchanged, anything else as JSON.

    A header's name has `_` in place of `-`; None leaves the header out.
    """
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers: dict[str, str | None] = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": signature(body),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    try:
        connection.request(
            "POST",
            "/api/v1/github",
            body,
            {name: value for name, value in headers.items() if value is not None},
        )
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), json.loads(response.read()))
    finally:
        connection.close()
