"""What foreign pages and strangers try to change in a stack.

Runs after test_stack.py, on the same stack.
"""

import http.client
from collections.abc import Mapping

import pytest

from stack import credential, internal
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    PROMETHEUS,
)
from tests.stack.backends import Backend
from tests.stack.doors import (
    FOREIGN,
    JSON,
    PAGES,
    SILENCE,
    ask,
    doors,
    published,
)
from tests.support.forgeries import FORGED_ALERTS


@pytest.mark.parametrize(
    "headers",
    [
        {**JSON, "Origin": FOREIGN},
        {"Content-Type": "text/plain", "Origin": FOREIGN, "Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain", "Origin": "null"},
        {**JSON, "Host": "evil.example"},
        {"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
    ids=["json", "plain", "sandboxed", "rebound", "no-origin"],
)
def test_a_foreign_page_silences_nothing(backend: Backend, headers: Mapping[str, str]) -> None:
    address = published(ALERTMANAGER, backend.settings)
    before = internal.get_json(ALERTMANAGER, backend.settings, "/api/v2/silences")
    assert ask(address, "/api/v2/silences", headers, method="POST", body=SILENCE)[0] == 403
    preflight = {
        "Origin": FOREIGN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    assert ask(address, "/api/v2/silences", preflight, method="OPTIONS")[0] == 403
    assert internal.get_json(ALERTMANAGER, backend.settings, "/api/v2/silences") == before


def test_no_answer_lets_another_origin_read_it(backend: Backend) -> None:
    for part in doors(backend):
        connection = http.client.HTTPConnection(published(part, backend.settings), timeout=20)
        origin = f"http://localhost:{backend.settings.port(EXPORTER)}"
        connection.request("GET", PAGES[part][0], headers={"Origin": origin})
        answer = connection.getresponse()
        answer.read()
        names = {name.lower() for name, _ in answer.getheaders()}
        assert not {name for name in names if name.startswith("access-control-")}, part.name
        assert answer.headers["X-Frame-Options"] == "DENY"
        connection.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
@pytest.mark.parametrize(
    "path",
    [
        "/-/quit",
        "/-/reload",
        "/-/quit/",
        "/-/QUIT",
        "/-/%71uit",
        "//-/quit",
        "/x/../-/quit",
        "/-/./reload",
        "/-%2freload",
        "/-/quit?x=1",
        "/api/v1/admin/tsdb/delete_series?match[]=up",
        "/api/v1/admin/tsdb/snapshot",
        "/api/v1/%61dmin/tsdb/clean_tombstones",
        "//api//v1/admin/tsdb/clean_tombstones",
    ],
)
def test_nobody_stops_or_changes_a_part_through_the_proxy(
    backend: Backend, path: str, method: str
) -> None:
    for part in (PROMETHEUS, ALERTMANAGER, EXPORTER):
        status, text = ask(published(part, backend.settings), path, method=method)
        assert (status, text.partition(":")[0]) == (403, "refused"), part.name
    # Whoever knows the credential may.
    assert ask(internal.address(PROMETHEUS, backend.settings), path, method=method)[0] == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": FOREIGN},
        {"X-Stack-Credential": "CREDENTIAL"},
        {"Authorization": "Bearer CREDENTIAL"},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
    ids=["plain", "foreign", "proxy", "bearer", "forwarded"],
)
@pytest.mark.parametrize("path", ["/api/v1/alerts", "/api/v1/%61lerts", "//api/v1/alerts"])
def test_nobody_forges_an_alert_through_the_proxy(
    backend: Backend, path: str, headers: Mapping[str, str]
) -> None:
    secret = credential.read(backend.settings)
    filled = {name: value.replace("CREDENTIAL", secret) for name, value in headers.items()}
    address = published(EXPORTER, backend.settings)
    assert ask(address, path, {**JSON, **filled}, method="POST", body=FORGED_ALERTS)[0] == 403
    alerts = internal.get_json(EXPORTER, backend.settings, "/api/v1/status")["alerts"]
    assert "Forged" not in {alert["alertname"] for alert in alerts}
