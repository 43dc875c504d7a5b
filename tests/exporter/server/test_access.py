"""Whom an exporter without a credential answers: programs, and pages of this machine.

Any page in a browser can send requests to this machine. What it must not do is change or read
anything, also if its owner points its name at this machine (DNS rebinding).
"""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

import pytest

from benchmark_exporter.config import ConfigError, load_config
from benchmark_exporter.server.hosts import Hosts
from tests.support.asking import ask
from tests.support.documents import perf_suite
from tests.support.following import handshake_status
from tests.support.forgeries import FORGED_ALERTS
from tests.support.process import Exporter
from tests.support.uploading import TOKEN

JSON = {"Content-Type": "application/json"}
EVIL = {"Origin": "http://evil.example"}
ALERTS, RESULTS, GITHUB = "/api/v1/alerts", "/api/v1/results", "/api/v1/github"
API = ("/api/v1/runs", "/api/v1/results", "/api/v1/diff", "/api/v1/openapi.json")
PAGES = (
    *("/", "/start-content", "/files", "/addresses", "/live", "/runbooks/Slow", "/site.js"),
    "/commit?hash=a1b2c3d&project=router",
)
READ = (*PAGES, "/metrics", "/api/v1/status", "/api/v1/changes", *API, "/nothing")
TRENDS = "/api/v1/trends"
# As Chromium sends them from a page of another origin.
IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
MESSAGE = FORGED_ALERTS.encode()


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("access")
    (folder / "config.yaml").write_text(
        "allowed_hosts: [Ci.Example.net]\nstream_origins: [https://ci.example]\n"
    )
    (folder / "tokens").write_text(f"ci {TOKEN}\n")
    running = Exporter(
        folder,
        free_port(),
        f"--config={folder / 'config.yaml'}",
        f"--upload-tokens={folder / 'tokens'}",
        "--exporter-url=https://perf.example.org",
        "--grafana-url=http://perf.example.org:3000",
        stream_port=free_port(),
    )
    yield running
    assert running.stop() == 0, running.log.read_text()


def status(port: int, path: str, headers: Mapping[str, str]) -> int:
    answer = ask(port, path, headers)
    if answer.status == HTTPStatus.FORBIDDEN:
        assert answer.body.count(b"\n") == 1
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    return answer.status


@pytest.mark.parametrize("path", READ)
def test_nothing_is_read_under_a_strangers_name(exporter: Exporter, path: str) -> None:
    for host in ("evil.example", "evil.example:8000", f"127.0.0.1.evil.example:{exporter.port}"):
        answer = ask(exporter.port, path, {"Host": host})
        assert answer.status == HTTPStatus.FORBIDDEN
        assert b"allowed_hosts" in answer.body


@pytest.mark.parametrize("path", [*PAGES, TRENDS, "/live.js", "/stream"])
def test_nor_from_the_stream(exporter: Exporter, path: str) -> None:
    port = exporter.stream_port
    assert status(port, path, {"Host": f"evil.example:{port}"}) == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "host",
    [
        "localhost:{port}",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "127.0.0.1:{port}",
        "[::1]:{port}",
        "192.0.2.7",
        "exporter:8000",
        "perf.example.org",
        "PERF.example.org:443",
        "ci.example.net:8000",
        "ci.example.net.",
        socket.gethostname(),
        socket.getfqdn(),
    ],
)
def test_names_of_this_machine(exporter: Exporter, host: str) -> None:
    headers = {"Host": host.format(port=exporter.port)}
    assert status(exporter.port, "/api/v1/status", headers) == HTTPStatus.OK
    assert status(exporter.stream_port, TRENDS, headers) == HTTPStatus.OK


@pytest.mark.parametrize(
    "host",
    [
        "x@evil.example",
        "localhost@evil.example",
        "evil.example:80:80",
        "[::1",
        "a b.c",
        "",
        "a/b.c",
    ],
)
async def test_what_is_not_a_name(host: str) -> None:
    assert not await Hosts([], list).allow(host)


def test_health_checks_and_what_asks_for_a_secret_have_any_name(exporter: Exporter) -> None:
    """A load balancer asks for the one, a program with a token posts the other."""
    assert status(exporter.port, "/-/ready", {"Host": "evil.example"}) == HTTPStatus.OK
    sent = {"Host": "evil.example", "Authorization": f"Bearer {TOKEN}"}
    body = json.dumps(perf_suite("by-name")).encode()
    assert ask(exporter.port, RESULTS, sent, "POST", body).status == HTTPStatus.CREATED
    assert ask(exporter.port, RESULTS, {"Host": "evil.example"}, "POST", body).status == 401


def test_allowed_hosts_changes_while_it_runs(tmp_path: Path, free_port: Callable[[], int]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("environment: ci\n")
    exporter = Exporter(tmp_path, free_port(), f"--config={config}")
    named = {"Host": "new.example.org"}
    assert status(exporter.port, "/", named) == HTTPStatus.FORBIDDEN
    config.write_text("environment: ci\nallowed_hosts: [new.example.org]\n")
    exporter.until(lambda: status(exporter.port, "/", named) == HTTPStatus.OK)
    assert exporter.stop() == 0


@pytest.mark.parametrize("host", ["http://perf.example.org", "perf.example.org:8000", "*.org", ""])
def test_allowed_hosts_are_names(tmp_path: Path, host: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"allowed_hosts": [host]}))
    with pytest.raises(ConfigError, match="allowed_hosts"):
        load_config(path)


@pytest.mark.parametrize(
    "page",
    [
        EVIL,
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://["},
        {"Origin": "http://perf.example.org"},
        IMAGE,
        IMAGE | {"Sec-Fetch-Site": "same-site"},
        IMAGE | EVIL,
        EVIL | LINK,
        LINK | {"Sec-Fetch-Dest": "iframe"},
        LINK | {"Sec-Fetch-Dest": "embed"},
        {name: value for name, value in LINK.items() if name != "Sec-Fetch-Dest"},
    ],
)
def test_pages_of_others_read_and_change_nothing(exporter: Exporter, page: dict[str, str]) -> None:
    port, stream_port = exporter.port, exporter.stream_port
    for path in READ:
        assert status(port, path, page) == HTTPStatus.FORBIDDEN
    assert status(stream_port, TRENDS, page) == HTTPStatus.FORBIDDEN
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for path in (ALERTS, RESULTS, GITHUB):
        assert ask(port, path, page | JSON | bearer, "POST", MESSAGE).status == HTTPStatus.FORBIDDEN
        preflight = {"Access-Control-Request-Method": "POST"}
        assert ask(port, path, page | preflight, "OPTIONS").status == HTTPStatus.FORBIDDEN


def test_links_from_elsewhere_open(exporter: Exporter) -> None:
    for path in ("/", "/api/v1/status", "/metrics"):
        assert status(exporter.port, path, LINK) == HTTPStatus.OK
    assert status(exporter.stream_port, "/", LINK) == HTTPStatus.OK
    assert ask(exporter.port, ALERTS, LINK | JSON, "POST", MESSAGE).status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1:{port}", "https://perf.example.org", "http://perf.example.org:3000"],
)
def test_pages_of_the_stack_are_answered(exporter: Exporter, origin: str) -> None:
    page = {"Origin": origin.format(port=exporter.port)}
    assert status(exporter.port, "/api/v1/status", page) == HTTPStatus.OK
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert status(exporter.port, "/api/v1/status", own) == HTTPStatus.OK


async def test_a_page_that_may_follow_the_stream(exporter: Exporter) -> None:
    fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"}
    listed = {"Origin": "https://ci.example"} | fetched
    assert await handshake_status(exporter, headers=listed) == HTTPStatus.SWITCHING_PROTOCOLS
    assert await handshake_status(exporter, headers=EVIL | fetched) == HTTPStatus.FORBIDDEN
    assert await handshake_status(exporter, headers=fetched) == HTTPStatus.FORBIDDEN
    # It may follow the stream, and nothing else.
    assert status(exporter.port, "/api/v1/status", listed) == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_alerts_have_a_type_that_pages_have_to_ask_for(
    exporter: Exporter, content_type: str
) -> None:
    sent = {"Content-Type": content_type} if content_type else {}
    answer = ask(exporter.port, ALERTS, sent, "POST", MESSAGE)
    assert answer.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert "Forged" not in exporter.get("/api/v1/status").decode()


def test_no_alert_of_a_page_was_taken(exporter: Exporter) -> None:
    assert ask(exporter.port, ALERTS, EVIL | JSON, "POST", MESSAGE).status == HTTPStatus.FORBIDDEN
    named = JSON | {"Host": "evil.example"}
    assert ask(exporter.port, ALERTS, named, "POST", MESSAGE).status == HTTPStatus.FORBIDDEN
    assert "Forged" not in exporter.get("/api/v1/status").decode()
