"""Who may speak to a stack: what it listens on, and what its doors refuse.

Runs after test_stack.py, on the same stack.
"""

import asyncio
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from stack import credential, internal
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    LISTENERS,
    NODE_EXPORTER,
    PROMETHEUS,
    STREAM,
)
from tests.stack.backends import PUBLIC_HOST, Backend, Compose
from tests.stack.doors import (
    BEHIND_LOGIN,
    FOREIGN,
    PAGES,
    ask,
    doors,
    published,
    table,
)


def test_a_stack_listens_on_the_doors_of_the_document_alone(backend: Backend) -> None:
    settings = backend.settings
    listed = {
        part: (setting, internal.ports(settings)[name])
        for name, (setting, _, _) in table().items()
        for part in LISTENERS
        if part.name == name
    }
    assert {part: setting for part, (setting, _) in listed.items()} == {
        part: part.port_setting for part in LISTENERS
    }
    bind = settings["BIND_ADDRESS"]
    expected = {(bind, settings.port(part)) for part in doors(backend)}
    expected |= {
        ("127.0.0.1", port) for part, (_, port) in listed.items() if part in doors(backend)
    }
    if backend.name == "compose":
        # Docker publishes Grafana's port of the proxy also where there is no Grafana.
        expected |= {(bind, settings.port(GRAFANA))}
    assert set(backend.listening()) == expected


def test_a_user_of_this_machine_sees_every_page(backend: Backend) -> None:
    for part in doors(backend):
        for path in PAGES[part]:
            for host in ("localhost", "127.0.0.1", PUBLIC_HOST, "192.0.2.7", "[::1]"):
                port = backend.settings.port(part)
                headers = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
                status, text = ask(published(part, backend.settings), path, headers)
                assert status in (200, 302), f"{part.name} {path} as {host}: {status} {text[:200]}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:9090"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "xlocalhost"},
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://localhost.evil.example:9090"},
        {"Origin": "http://192.0.2.7:9093"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "iframe",
        },
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_no_published_door_answers_a_foreign_page(
    backend: Backend, headers: Mapping[str, str]
) -> None:
    for part in doors(backend):
        for path in PAGES[part]:
            status, text = ask(published(part, backend.settings), path, headers)
            assert (status, text.partition(":")[0]) == (403, "refused"), f"{part.name} {path}"


def test_a_link_from_another_site_opens(backend: Backend) -> None:
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    for part in doors(backend):
        assert ask(published(part, backend.settings), PAGES[part][0], headers)[0] == 200
        status, _ = ask(published(part, backend.settings), "/", headers, method="POST")
        assert status == 403


def test_an_address_of_another_part_is_no_foreign_origin(backend: Backend) -> None:
    settings = backend.settings
    for host in ("localhost", PUBLIC_HOST):
        headers = {"Origin": f"http://{host}:{settings.port(EXPORTER)}"}
        assert ask(published(ALERTMANAGER, settings), "/api/v2/status", headers)[0] == 200
    headers = {
        "Host": f"192.0.2.7:{settings.port(ALERTMANAGER)}",
        "Origin": f"http://192.0.2.7:{settings.port(EXPORTER)}",
    }
    assert ask(published(ALERTMANAGER, settings), "/api/v2/status", headers)[0] == 200


def test_no_internal_door_answers_without_the_credential(backend: Backend) -> None:
    open_to_all = {name: bare for name, (_, _, bare) in table().items()}
    wrong = {
        "none": {},
        "basic": {"Authorization": "Basic c3RhY2s6d3Jvbmc="},
        "bearer": {"Authorization": "Bearer wrong"},
        "proxy": {"X-Stack-Credential": "wrong"},
    }
    for part in doors(backend):
        address = internal.address(part, backend.settings)
        for path in BEHIND_LOGIN.get(part, PAGES[part]):
            for name, headers in wrong.items():
                status, _ = ask(address, path, headers)
                assert status in (401, 403), f"{part.name} {path} {name}: {status}"
        for path in open_to_all[part.name]:
            assert ask(address, path)[0] == 200, f"{part.name} {path}"


def test_an_internal_door_answers_with_the_credential(backend: Backend) -> None:
    for part in doors(backend):
        if part is not GRAFANA:
            assert internal.request(part, backend.settings, PAGES[part][0])


def test_the_proxy_has_the_parts_trust_nothing_that_a_client_says_of_itself(
    backend: Backend,
) -> None:
    # Alertmanager and Prometheus know their credential in Authorization alone.
    for part in (PROMETHEUS, ALERTMANAGER, NODE_EXPORTER):
        wrong = {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}
        assert ask(published(part, backend.settings), PAGES[part][0], wrong)[0] == 200
    wrong = {"X-Stack-Credential": "wrong", "X-Forwarded-For": "192.0.2.1"}
    assert ask(published(EXPORTER, backend.settings), "/api/v1/status", wrong)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Host": "localhost:PORT", "Origin": "http://localhost:PORT"}, 101),
        ({"Origin": FOREIGN}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    ],
    ids=["program", "own-page", "foreign", "sandboxed", "rebound"],
)
def test_the_stream_follows_through_the_proxy_for_own_pages_alone(
    backend: Backend, headers: Mapping[str, str], status: int
) -> None:
    port = str(backend.settings.port(STREAM))
    filled = {name: value.replace("PORT", port) for name, value in headers.items()}
    url = f"ws://{published(STREAM, backend.settings)}/stream"

    async def follow() -> int:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(url, headers=filled) as socket:
                    message = await socket.receive_json(timeout=20)
                    assert message["type"] == "hello"
                    return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    assert asyncio.run(follow()) == status


def test_health_is_checked_under_any_name(backend: Backend) -> None:
    for part in (EXPORTER, PROMETHEUS, ALERTMANAGER):
        address = published(part, backend.settings)
        assert ask(address, "/-/healthy", {"Host": "health.example"})[0] == 200
    for path in ("results", "github", "triage"):  # which are off
        headers = {"Host": "hooks.example"}
        address = published(EXPORTER, backend.settings)
        status, text = ask(address, f"/api/v1/{path}", headers, method="POST", body="{}")
        assert "reason" in json.loads(text), status


def test_amtool_works_as_documented(backend: Backend, programs: Mapping[str, list[str]]) -> None:
    address = published(ALERTMANAGER, backend.settings)
    listed = [*programs["amtool"], f"--alertmanager.url=http://{address}", "silence", "query"]
    commands = [listed]
    if isinstance(backend, Compose):
        container = f"{backend.project}-alertmanager-1"
        commands += [
            [
                *("docker", "exec", container, "amtool"),
                "--http.config.file=/etc/stack-internal/http.yml",
                *("--alertmanager.url=http://localhost:9093", "silence", "query"),
            ]
        ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_no_secret_is_in_a_log_or_readable_by_others(backend: Backend) -> None:
    secret = credential.read(backend.settings)
    folder = credential.folder(backend.settings)
    for path in (*folder.iterdir(), *(backend.settings.state_dir / "proxy").iterdir()):
        assert path.stat().st_mode & 0o007 == 0, path
    for path in (folder, backend.settings.state_dir / "proxy", backend.settings.secrets_dir):
        assert path.stat().st_mode & 0o007 == 0, path
    for log in Path(backend.settings.state_dir / "logs").glob("*.log"):
        assert secret not in log.read_text(errors="replace"), log
