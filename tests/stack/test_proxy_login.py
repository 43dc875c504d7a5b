"""A stack with TLS and a login, which takes over what a version without a proxy has started."""

import base64
import http.client
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, HttpCredentials

from stack import credential, internal, proxy
from stack import settings as stack_settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    PROMETHEUS,
    STREAM,
    Part,
    Settings,
)
from stack.supervisor import Process, Supervisor
from tests.stack.backends import until
from tests.stack.checkouts import checkout, link_programs, ports, run_stack, write_env
from tests.stack.doors import DOORS, PAGES, table
from tests.stack.orbit import FAST, run_of
from tests.stack.pages import (
    LOADED_MS,
    OPENED,
    address,
    changes_nothing,
    forms_change_nothing,
    open_page,
    reads_nothing,
    stream_address,
)
from tests.support.foreign_pages import foreign_page

SCRAPED_SECONDS = 60.0
LOCALHOST = "localhost"


@dataclass(frozen=True)
class Taken:
    """The stack, what `make up` printed, and the processes that ran before."""

    folder: Path
    said: str
    before: Mapping[str, psutil.Process]

    @property
    def settings(self) -> Settings:
        return stack_settings.load(self.folder, environ={})

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = run_stack(self.folder, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def ask(self, part: Part, path: str, login: str = "", method: str = "GET") -> tuple[int, str]:
        """The answer of a published door, whose certificate has to be good for localhost."""
        root = self.folder / ".local/proxy-data" / proxy.ROOT_CERTIFICATE
        context = ssl.create_default_context(cafile=str(root))
        port = self.settings.port(part)
        connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
        encoded = base64.b64encode(login.encode()).decode()
        headers = {"Authorization": f"Basic {encoded}"} if login else {}
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    @property
    def login(self) -> str:
        return f"admin:{(self.folder / 'secrets/proxy_admin_password').read_text().strip()}"


def start_without_proxy(settings: Settings) -> Mapping[str, psutil.Process]:
    """Start the servers as a version before the proxy did: on the published ports, for everyone."""
    stack, supervisor = LocalStack(settings), Supervisor(settings.state_dir, settings.root)
    list(prepare(settings))
    published = {
        internal.address(part, settings): f"127.0.0.1:{settings.port(part)}" for part in DOORS
    }

    def without(argument: str) -> str:
        for inside, outside in published.items():
            argument = argument.replace(inside, outside)
        return argument

    list(stack.render())
    supervisor.write_configuration(
        Process(
            process.part,
            [
                without(word)
                for word in process.argv
                if not word.startswith(("--web.config.file=", "--credential-file="))
            ],
            process.environment,
        )
        for process in stack.processes.all()
        if process.part in DOORS
    )
    supervisor.start()

    def listen() -> bool | None:
        ours = stack.own_ports()
        return ours >= {settings.port(part) for part in DOORS} or None

    until(listen, 60, "the servers on the published ports")
    return {one.name: psutil.Process(one.process_id) for one in supervisor.processes()}


@pytest.fixture(scope="module")
def taken(
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    programs: Mapping[str, list[str]],
) -> Iterator[Taken]:
    assert programs
    folder = tmp_path_factory.mktemp("taken") / "checkout"
    settings = checkout(folder, {"MODE": "local", **ports(free_port)})
    link_programs(folder)
    try:
        before = start_without_proxy(settings)
        for path in (".local/internal_ports.json", "secrets/stack_credential"):
            (folder / path).unlink()  # as that version knew neither
        write_env(folder, "PROXY_TLS=yes")
        up = run_stack(folder, "up")
        assert up.returncode == 0, up.stdout + up.stderr
        yield Taken(folder, up.stdout, before)
    finally:
        down = run_stack(folder, "down")
        assert down.returncode == 0, down.stdout + down.stderr


def test_servers_of_a_version_without_a_proxy_are_replaced(taken: Taken) -> None:
    assert not [name for name, process in taken.before.items() if process.is_running()]
    assert "proxy is ready" in taken.said
    assert internal.ports(taken.settings).keys() == {part.name for part in stack_settings.INTERNAL}


def test_each_door_asks_for_a_login_but_where_the_document_says(taken: Taken) -> None:
    for part in DOORS:
        for path in PAGES[part]:
            assert taken.ask(part, path)[0] == 401, f"{part.name} {path}"
            assert taken.ask(part, path, taken.login)[0] in (200, 302), f"{part.name} {path}"
        for path in table()[part.name][1]:
            assert taken.ask(part, path)[0] == 200, f"{part.name} {path}"
    assert taken.ask(PROMETHEUS, "/metrics", "admin:wrong")[0] == 401
    assert taken.ask(PROMETHEUS, "/metrics", f"stack:{credential.read(taken.settings)}")[0] == 401
    # They reach the exporter, which has neither tokens nor secrets.
    for path, what in (("results", "uploads"), ("github", "github"), ("triage", "triage")):
        status, text = taken.ask(EXPORTER, f"/api/v1/{path}", method="POST")
        assert (status, json.loads(text)["reason"]) == (403, f"{what}_off")
    assert taken.ask(EXPORTER, "/api/v1/triage")[0] == 401
    assert taken.ask(EXPORTER, "/triage?benchmark_name=x", method="POST")[0] == 401
    assert taken.ask(EXPORTER, "/api/v1/alerts", taken.login, "POST")[0] == 403
    assert taken.ask(PROMETHEUS, "/-/quit", taken.login, "POST")[0] == 403


def test_up_says_who_may_log_in_and_what_to_trust(taken: Taken) -> None:
    assert "secrets/proxy_admin_password" in taken.said
    assert str(taken.folder / ".local/proxy-data" / proxy.ROOT_CERTIFICATE) in taken.said
    assert f"https://localhost:{taken.settings.port(STREAM)}" in taken.said


def test_commands_of_the_stack_need_no_login(taken: Taken) -> None:
    assert "NOT READY" not in taken.run("status").stdout
    with (taken.folder / "secrets/exporter/upload_tokens").open("a") as file:
        file.write("ci 0123456789abcdef0123456789abcdef\n")
    (taken.folder / "result.json").write_text(json.dumps(run_of(FAST, 1)))
    pushed = run_stack(taken.folder, "exporter", "push", "result.json")
    assert "uploaded" in pushed.stdout, pushed.stdout + pushed.stderr


@pytest.fixture
def logged_in(taken: Taken, browser: Browser) -> Iterator[BrowserContext]:
    """A browser of which the user has accepted the certificates, and which knows the login.

    `Taken.ask` checks the certificates, by the root certificate that `make up` names.
    """
    name, _, password = taken.login.partition(":")
    credentials: HttpCredentials = {"username": name, "password": password}
    opened = browser.new_context(ignore_https_errors=True, http_credentials=credentials)
    opened.set_default_timeout(LOADED_MS)
    yield opened
    opened.close()


def test_a_browser_wants_the_root_certificate_and_the_login(taken: Taken, browser: Browser) -> None:
    for is_trusted, error in (
        (False, "ERR_CERT_AUTHORITY_INVALID"),
        (True, "ERR_INVALID_AUTH_CREDENTIALS"),
    ):
        page = browser.new_page(ignore_https_errors=is_trusted)
        with pytest.raises(Error, match=error):
            page.goto(address(taken.settings, EXPORTER))
        page.close()


@pytest.mark.parametrize(("part", "path"), OPENED, ids=lambda value: getattr(value, "name", value))
def test_a_page_loads_by_tls_alone(
    taken: Taken, logged_in: BrowserContext, part: Part, path: str
) -> None:
    asked: list[str] = []
    logged_in.on("request", lambda request: asked.append(request.url))
    logged_in.on("page", lambda page: page.on("websocket", lambda each: asked.append(each.url)))
    page = open_page(logged_in, taken.settings, part, path)
    origin = address(taken.settings, part)
    assert {url for url in asked if not url.startswith(f"{origin}/")} == (
        {stream_address(taken.settings)} if part is STREAM else set()
    )
    links = page.evaluate("[...document.links].map(link => link.href)")
    assert [link for link in links if link.startswith(f"http://{LOCALHOST}")] == []
    if part is EXPORTER and path == "/addresses":
        others = (STREAM, PROMETHEUS, ALERTMANAGER)
        assert {f"{address(taken.settings, each)}/" for each in others} <= set(links)


def test_a_foreign_page_reads_and_changes_nothing_of_who_is_logged_in(
    taken: Taken, logged_in: BrowserContext
) -> None:
    for part in DOORS:
        # Chromium sends the login from now on without being asked: with links and forms of a
        # foreign page, too, not with what else that page loads.
        assert logged_in.new_page().goto(address(taken.settings, part) + PAGES[part][0])
    with foreign_page(logged_in) as foreign:
        # Under another name there is no certificate, so not even a connection.
        for host in (LOCALHOST, "127.0.0.1"):
            reads_nothing(foreign, taken.settings, host)
            changes_nothing(foreign, taken.settings, host)
        forms_change_nothing(foreign, taken.settings)


def test_a_user_is_added(taken: Taken) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stack", "proxy-user", "ann"],
        cwd=taken.folder,
        input="correct horse\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "correct horse" not in (taken.folder / "secrets/proxy_users").read_text()
    taken.run("reload")
    assert taken.ask(PROMETHEUS, "/metrics", "ann:correct horse")[0] == 200
    assert taken.ask(PROMETHEUS, "/metrics", taken.login)[0] == 200


def test_another_credential_and_fewer_users_count_at_the_next_up(taken: Taken) -> None:
    settings = taken.settings
    old = f"Basic {credential.basic(settings)}"
    (settings.secrets_dir / credential.FILE).unlink()
    users = settings.secrets_dir / "proxy_users"
    [admin] = re.findall(r"^admin:.*\n", users.read_text(), re.MULTILINE)
    users.write_text(admin)
    taken.run("up")
    assert old != f"Basic {credential.basic(settings)}"
    assert taken.ask(PROMETHEUS, "/metrics", "ann:correct horse")[0] == 401
    for part in DOORS:
        connection = http.client.HTTPConnection(internal.address(part, settings), timeout=20)
        connection.request("GET", PAGES[part][0], headers={"Authorization": old})
        assert connection.getresponse().status == 401, part.name
        connection.close()
        assert taken.ask(part, PAGES[part][0], taken.login)[0] in (200, 302)

    def all_scraped() -> bool | None:
        found = internal.get_json(PROMETHEUS, settings, "/api/v1/targets?state=active")
        return all(each["health"] == "up" for each in found["data"]["activeTargets"]) or None

    until(all_scraped, SCRAPED_SECONDS, "a scrape of every part with the new credential")


def test_without_a_login_the_network_may_not_write_samples(taken: Taken) -> None:
    write_env(taken.folder, "PROXY_TLS=no\nBIND_ADDRESS=0.0.0.0")
    said = taken.run("up").stdout
    assert "BIND_ADDRESS=0.0.0.0 without a login" in said
    connection = http.client.HTTPConnection("127.0.0.1", taken.settings.port(PROMETHEUS))
    for path in ("/api/v1/write", "/api/v1/otlp/v1/metrics", "/api/v1/%77rite"):
        connection.request("POST", path, b"")
        answer = connection.getresponse()
        assert (answer.status, answer.read().partition(b":")[0]) == (403, b"refused"), path
    connection.request("GET", "/api/v1/query?query=up")
    assert connection.getresponse().status == 200
    connection.close()
