"""Uploads to a running exporter; they can be wrong in any way."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.process import DEADLINE_SECONDS, Exporter

TOKEN = "made-up-token-of-the-tests"
PATH = "/api/v1/results"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    json: Any


def upload(
    exporter: Exporter,
    document: object,
    query: str = "",
    *,
    token: str | None = TOKEN,
    **headers: str,
) -> Answer:
    """Sends one document: bytes unchanged, anything else as JSON.

    A header's name has `_` in place of `-`.
    """
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    connection = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("POST", PATH + query, body, sent)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), json.loads(response.read()))
    finally:
        connection.close()
