"""The confirmation page behind the stack's proxy: who is allowed, and under whose name."""

import json
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from benchmark_exporter.server.triage_door import is_local
from tests.exporter.server.test_triage_door import API, FORM, PAGE, started
from tests.support.asking import ask
from tests.support.process import Exporter

CREDENTIAL = "c" * 32
PROXY = {"X-Stack-Credential": CREDENTIAL, "X-Forwarded-For": "192.0.2.7", "Host": "perf.example"}
SAME_ORIGIN = {"Origin": "https://perf.example"}


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("triage")
    credential = folder / "credential"
    credential.write_text(f"{CREDENTIAL}\n")
    running = started(folder, free_port(), f"--credential-file={credential}")
    running.until(lambda: json.loads(ask(running.port, API, PROXY).body))
    yield running
    assert running.stop() == 0, running.log.read_text()


def token_of(page: bytes) -> str:
    return page.decode().split('name="form_token" value="')[1].split('"')[0]


def test_whom_the_proxy_has_logged_in_says_it(exporter: Exporter) -> None:
    headers = PROXY | {"X-Stack-User": "ann"}
    page = ask(exporter.port, PAGE, headers)
    assert page.status == 200
    assert b"As ann." in page.body
    assert b'name="who"' not in page.body
    fields = {"state": "fixing", "who": "mallory", "form_token": token_of(page.body)}
    sent = {**headers, **FORM, **SAME_ORIGIN}
    body = urlencode(fields).encode()
    assert ask(exporter.port, PAGE, sent, "POST", body).status == 303
    (found,) = json.loads(ask(exporter.port, API, PROXY).body)
    assert (found["state"], found["who"]) == ("fixing", "ann")


def test_a_proxy_without_a_login_asks_for_the_name(exporter: Exporter) -> None:
    page = ask(exporter.port, PAGE, PROXY)
    assert b'name="who"' in page.body
    # An empty header is what Caddy sends where nobody has logged in.
    assert b'name="who"' in ask(exporter.port, PAGE, PROXY | {"X-Stack-User": ""}).body


def test_a_foreign_page_is_refused_behind_the_proxy_too(exporter: Exporter) -> None:
    page = ask(exporter.port, PAGE, PROXY | {"X-Stack-User": "ann"})
    fields = {"state": "noise", "form_token": token_of(page.body)}
    sent = {**PROXY, **FORM, "Origin": "https://evil.example", "X-Stack-User": "ann"}
    body = urlencode(fields).encode()
    assert ask(exporter.port, PAGE, sent, "POST", body).status == 403


def test_without_the_credential_there_is_no_page(exporter: Exporter) -> None:
    user = {"X-Stack-User": "ann"}
    assert ask(exporter.port, PAGE, user).status == 401
    assert ask(exporter.port, PAGE, user, "POST", b"").status == 401
    assert ask(exporter.port, API, user, "POST", b"{}").status == 401


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("10.0.0.1", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1", False),
        ("localhost", False),
        ("", False),
        (None, False),
    ],
)
def test_without_a_proxy_only_this_machine_confirms(address: str | None, local: bool) -> None:
    assert is_local(address) == local
