"""An exporter with a credential answers the stack's parts and its proxy, nobody else."""

import base64
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.asking import ask
from tests.support.command import run
from tests.support.documents import perf_suite
from tests.support.following import handshake_status
from tests.support.process import Exporter
from tests.support.uploading import TOKEN

CREDENTIAL = "made-up-credential-of-the-stack"
BEARER = {"Authorization": f"Bearer {CREDENTIAL}"}
PROXY = {"X-Stack-Credential": CREDENTIAL}
JSON = {"Content-Type": "application/json"}
ALERTS = "/api/v1/alerts"
PATHS = (
    "/",
    "/metrics",
    "/favicon.ico",
    "/api/v1/status",
    "/api/v1/changes",
    "/api/v1/runs",
    "/api/v1/results",
    "/api/v1/diff",
    "/api/v1/openapi.json",
    "/runbooks/Watchdog",
    "/runbooks/ja/Watchdog",
    "/nothing",
)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def post_alerts(port: int, headers: Mapping[str, str], path: str = ALERTS) -> int:
    body = json.dumps({"version": "4", "alerts": []}).encode()
    return ask(port, path, JSON | dict(headers), "POST", body).status


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[tuple[int, list[str | None]]]:
    """The port of an Alertmanager's API, and the Authorization header of each request to it."""
    seen: list[str | None] = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer()

        def _answer(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, seen
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    alertmanager: tuple[int, list[str | None]],
) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("credential")
    (folder / "credential").write_text(f"{CREDENTIAL}\n")
    (folder / "upload_tokens").write_text(f"ci {TOKEN}\n")
    (folder / "Watchdog.md").write_text("# Watchdog\n")
    keeping = {"after_seconds": 0.2, "report_after_seconds": 0.2}
    (folder / "config.yaml").write_text(json.dumps({"alert_keeping": keeping}))
    running = Exporter(
        folder,
        free_port(),
        f"--config={folder / 'config.yaml'}",
        f"--credential-file={folder / 'credential'}",
        f"--upload-tokens={folder / 'upload_tokens'}",
        f"--alertmanager-api-url=http://127.0.0.1:{alertmanager[0]}",
        stream_port=free_port(),
    )
    yield running
    assert running.stop() == 0, running.log.read_text()
    assert CREDENTIAL not in running.log.read_text()
    assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("path", PATHS)
def test_without_a_credential_nothing_is_answered(exporter: Exporter, path: str) -> None:
    answer = ask(exporter.port, path)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.body.count(b"\n") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/start-content",
        "/files",
        "/addresses",
        "/live",
        "/site.css",
        "/live.js",
        "/api/v1/trends",
        "/stream",
        "/nothing",
    ],
)
def test_the_stream_asks_for_it_too(exporter: Exporter, path: str) -> None:
    assert ask(exporter.stream_port, path).status == 401
    allowed = {"/stream": 426, "/nothing": 404}.get(path, 200)
    assert ask(exporter.stream_port, path, BEARER).status == allowed
    assert ask(exporter.stream_port, path, PROXY).status == allowed


async def test_a_websocket_needs_it_too(exporter: Exporter) -> None:
    assert await handshake_status(exporter) == 401
    for headers in (BEARER, basic("stack", CREDENTIAL), PROXY):
        assert await handshake_status(exporter, headers=headers) == 101


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_health_checks_are_open(exporter: Exporter, path: str) -> None:
    assert ask(exporter.port, path).status == 200
    assert ask(exporter.port, path, method="HEAD").status == 200
    assert ask(exporter.port, path + "/", {}).status == 401
    listen = f"--listen=127.0.0.1:{exporter.port}"
    assert run("healthcheck", listen).returncode == 0


@pytest.mark.parametrize(
    "headers",
    [BEARER, basic("stack", CREDENTIAL), PROXY, {"Authorization": f"bearer {CREDENTIAL}"}],
)
def test_each_way_to_send_it(exporter: Exporter, headers: dict[str, str]) -> None:
    assert ask(exporter.port, "/metrics?collect[]=state", headers).status == 200
    assert ask(exporter.port, "/", headers).status == 200
    assert ask(exporter.port, "/nothing", headers).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": CREDENTIAL},
        {"Authorization": f"Bearer {CREDENTIAL}x"},
        {"Authorization": f"Bearer {CREDENTIAL[:-1]}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer ü"},
        {"Authorization": f"Basic {CREDENTIAL}"},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic /w=="},
        basic("other", CREDENTIAL),
        basic("stack", ""),
        {"Authorization": f"Bearer {TOKEN}"},
        {"X-Stack-Credential": ""},
        {"X-Stack-Credential": f"Bearer {CREDENTIAL}"},
        {"X-Stack-Credential": TOKEN},
    ],
)
def test_wrong_credentials(exporter: Exporter, headers: dict[str, str]) -> None:
    assert ask(exporter.port, "/api/v1/status", headers).status == 401


def test_the_proxy_has_checked_the_host(exporter: Exporter) -> None:
    named = PROXY | {"Host": "perf.example.org:8000"}
    assert ask(exporter.port, "/api/v1/status", named).status == 200
    assert ask(exporter.stream_port, "/api/v1/trends", named).status == 200
    same = named | {"Origin": "https://perf.example.org:8000"}
    assert ask(exporter.port, "/api/v1/status", same).status == 200
    assert ask(exporter.port, "/api/v1/status", BEARER | {"Host": "exporter.example"}).status == 200


def test_pages_that_the_proxy_let_through_are_checked_again(exporter: Exporter) -> None:
    foreign = PROXY | {"Origin": "https://evil.example"}
    assert ask(exporter.port, "/api/v1/status", foreign).status == 403
    assert ask(exporter.stream_port, "/api/v1/trends", foreign).status == 403


def test_uploads_come_through_the_proxy_with_their_own_token(exporter: Exporter) -> None:
    data = json.dumps(perf_suite("run-1")).encode()
    token = {"Authorization": f"Bearer {TOKEN}"}
    path = "/api/v1/results"
    assert ask(exporter.port, path, token, "POST", data).status == 401
    assert ask(exporter.port, path, PROXY, "POST", data).status == 401
    assert ask(exporter.port, path, PROXY | token, "POST", data).status == 201


def test_alerts_are_not_taken_from_the_proxy(exporter: Exporter) -> None:
    assert post_alerts(exporter.port, {}) == 401
    assert post_alerts(exporter.port, PROXY) == 403
    assert post_alerts(exporter.port, PROXY, "/api/v1/%61lerts") == 403
    assert post_alerts(exporter.port, PROXY | BEARER) == 403
    assert post_alerts(exporter.port, BEARER) == 200
    assert post_alerts(exporter.port, basic("stack", CREDENTIAL)) == 200


def test_only_bearers_count_as_prometheus(exporter: Exporter) -> None:
    """By the proxy anybody may scrape and say that they are one, and hold reports up."""
    scrape = {"User-Agent": "Prometheus/3.5.3"}
    forwarded = {"X-Forwarded-For": "198.51.100.1, 198.51.100.2"}
    path = "/metrics?collect[]=state"
    stranger = scrape | PROXY | {"X-Forwarded-For": "198.51.100.3"}
    assert ask(exporter.port, path, stranger).status == 200
    # One that comes by the proxy is known by the address that the proxy adds last. Nobody else's
    # X-Forwarded-For counts.
    assert ask(exporter.port, path, scrape | forwarded | PROXY | BEARER).status == 200
    assert ask(exporter.port, path, scrape | forwarded | BEARER).status == 200

    def scrapers() -> set[str]:
        with closing(sqlite3.connect(exporter.folder / "ledger.sqlite3")) as ledger:
            return {address for (address,) in ledger.execute("SELECT address FROM scrapers")}

    exporter.until(lambda: len(scrapers()) > 1)
    assert scrapers() == {"127.0.0.1", "198.51.100.2"}


def test_requests_to_alertmanager_carry_it(
    exporter: Exporter, alertmanager: tuple[int, list[str | None]]
) -> None:
    seen = alertmanager[1]
    exporter.until(lambda: seen)
    assert set(seen) == {basic("stack", CREDENTIAL)["Authorization"]}


def test_a_changed_file_counts_at_once(exporter: Exporter) -> None:
    path, other = exporter.folder / "credential", "another-credential-of-the-stack"
    try:
        path.write_text(f"{other}\n{CREDENTIAL}\n")  # both, while the parts get the new one
        for secret in (CREDENTIAL, other):
            assert ask(exporter.port, "/", {"X-Stack-Credential": secret}).status == 200
        path.write_text(f"{other}\n")
        assert ask(exporter.port, "/", PROXY).status == 401
        path.unlink()  # admits nobody
        assert ask(exporter.port, "/", {"X-Stack-Credential": other}).status == 401
        assert ask(exporter.port, "/-/ready").status == 200
    finally:
        path.write_text(f"{CREDENTIAL}\n")
    assert ask(exporter.port, "/", PROXY).status == 200


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "there is no token in this file"),
        ("# nothing yet\n\n", "there is no token in this file"),
        ("short\n", "line 1: a token has at least 16 characters, all of them ASCII"),
    ],
)
def test_it_does_not_start_without_a_credential_in_the_file(
    tmp_path: Path, text: str | None, reason: str
) -> None:
    path = tmp_path / "credential"
    if text is not None:
        path.write_text(text)
    answer = run("serve", f"--results-dir={tmp_path}", f"--credential-file={path}")
    assert answer.returncode == 2
    assert f"--credential-file: {path}: {reason}" in answer.stderr
