"""The doors of a running stack: how they are asked, and what docs/security.md says of them."""

import http.client
import json
import re
from collections.abc import Mapping, Sequence

from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    LISTENERS,
    NODE_EXPORTER,
    PROMETHEUS,
    STREAM,
    VMAUTH,
    Part,
    Settings,
)
from tests.stack.backends import Backend
from tests.support.forgeries import EVIL_HOST
from tests.support.paths import REPOSITORY

# Every published door but Grafana's, which few stacks of tests have.
DOORS = (EXPORTER, STREAM, PROMETHEUS, ALERTMANAGER, NODE_EXPORTER)
DOCUMENT = REPOSITORY / "docs/security.md"
# What each part shows to whoever may read it.
PAGES: Mapping[Part, Sequence[str]] = {
    EXPORTER: ("/", "/metrics", "/api/v1/status", "/runbooks/Watchdog"),
    STREAM: ("/", "/live.js", "/api/v1/trends"),
    PROMETHEUS: ("/api/v1/query?query=up", "/api/v1/rules", "/metrics"),
    ALERTMANAGER: ("/", "/api/v2/alerts", "/metrics"),
    NODE_EXPORTER: ("/metrics",),
    GRAFANA: ("/login",),
    VMAUTH: ("/api/v1/query?query=1", "/api/v1/labels"),
}
# Of Grafana, what only those see who have logged in.
BEHIND_LOGIN = {GRAFANA: ("/api/search", "/metrics")}
FOREIGN = f"http://{EVIL_HOST}"
SILENCE = json.dumps(
    {
        "matchers": [{"name": "alertname", "value": ".+", "isRegex": True}],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "test",
        "comment": "forged",
    }
)
JSON = {"Content-Type": "application/json"}


def doors(backend: Backend) -> list[Part]:
    """What this stack publishes."""
    optional = (GRAFANA, VMAUTH)
    return [part for part in LISTENERS if part not in optional or part in backend.parts]


def published(part: Part, settings: Settings) -> str:
    return f"{settings.reach}:{settings.port(part)}"


def ask(
    address: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: str | None = None,
) -> tuple[int, str]:
    """The status and the text of an answer; the path is sent as it is."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def table() -> Mapping[str, tuple[str, list[str], list[str]]]:
    """The doors that docs/security.md lists: the setting, and what is open at each of the two."""
    rows = re.findall(
        r"^\| (\w+) \| `(\w+_PORT)` \| (.*) \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE
    )

    def paths(cell: str) -> list[str]:
        return [path for path in re.findall(r"`([^`]+)`", cell) if not path.startswith("POST")]

    return {name: (setting, paths(login), paths(bare)) for name, setting, login, bare in rows}
