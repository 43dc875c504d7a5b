"""What .env may say, what `make up` says when it may not or cannot, and that both modes start the same thing."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from benchmark_exporter.tokens import parse_tokens
from stack import settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.programs import COMPILED_IN, WORKING_FOLDER
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    LISTENERS,
    NODE_EXPORTER,
    PROMETHEUS,
    StackError,
)
from tests.stack.backends import checkout
from tests.support.paths import REPOSITORY


@pytest.fixture
def folder(tmp_path: Path, free_port: Callable[[], int]) -> Path:
    """A copy of the checkout on ports of its own."""
    ports = {part.port_setting: str(free_port()) for part in LISTENERS}
    return checkout(tmp_path / "checkout", {"MODE": "local", **ports}).root


def write_env(folder: Path, line: str) -> None:
    with (folder / ".env").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def stack(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stack", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("PROMETHEUS_PROT=9091", "PROMETHEUS_PROT is no setting"),
        ("PROMETHEUS_PORT=http", "PROMETHEUS_PORT=http is no port"),
        ("PROMETHEUS_PORT=70000", "PROMETHEUS_PORT=70000 is no port"),
        ("EXPORTER_PORT=9090\nPROMETHEUS_PORT=9090", "the port of another part"),
        ("MODE=kubernetes", "MODE=kubernetes is none"),
        (
            "PUBLIC_HOST=http://perf.example.org",
            "PUBLIC_HOST=http://perf.example.org is no name or address of a machine",
        ),
        ("PUBLIC_HOST=2001:db8::1", "like perf.example.org or [2001:db8::1]"),
        (
            "PUBLIC_GRAFANA_URL=perf.example.org/grafana",
            "PUBLIC_GRAFANA_URL=perf.example.org/grafana is no address of a server",
        ),
        ("PUBLIC_GRAFANA_URL=https://admin:secret@perf.example.org", "is no address of a server"),
    ],
)
def test_a_mistake_in_env_is_named(folder: Path, line: str, named: str) -> None:
    write_env(folder, line)
    up = stack(folder, "up")
    assert up.returncode == 1
    assert named in up.stderr
    assert "Traceback" not in up.stderr


def test_every_setting_of_compose_is_in_the_example() -> None:
    compose = (REPOSITORY / "docker-compose.yml").read_text()
    used = dict(re.findall(r"\$\{([A-Z_]+):-((?:[^{}]|\{[^}]*\})*)\}", compose))
    used |= dict(
        re.findall(r"\$\{([A-Z_]+):-([^{}]*)\}", compose)
    )  # those within the default of another
    example = settings.load(REPOSITORY, environ={}).values
    assert used.keys() - example.keys() == {"SECRETS_GID"}  # which the stack's commands reckon
    # What is made of other settings where it is empty, the next test reads.
    defaults = {
        name: default
        for name, default in used.items()
        if name != "SECRETS_GID" and "${" not in default
    }
    assert {
        name: default
        for name, default in defaults.items()
        if default not in (example[name], "/dev/null")
    } == {}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (
            {},
            {
                "exporter": "http://localhost:8000",
                "stream": "http://localhost:8765",
                "grafana": "http://localhost:3000",
            },
        ),
        (
            {"PUBLIC_HOST": "perf.example.org", "EXPORTER_PORT": "8001", "GRAFANA_PORT": "3001"},
            {
                "exporter": "http://perf.example.org:8001",
                "prometheus": "http://perf.example.org:9090",
                "grafana": "http://perf.example.org:3001",
            },
        ),
        (
            {
                "PUBLIC_HOST": "[2001:db8::1]",
                "PUBLIC_GRAFANA_URL": "https://perf.example.org/grafana/",
            },
            {
                "alertmanager": "http://[2001:db8::1]:9093",
                "grafana": "https://perf.example.org/grafana",
            },
        ),
    ],
    ids=["default", "host", "proxy"],
)
def test_both_modes_have_the_same_public_addresses(
    folder: Path, chosen: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))
    values = settings.load(folder, environ={})
    public = {part.name: values.public_url(part) for part in LISTENERS}
    assert expected.items() <= public.items()
    in_compose = compose_configuration(values)["x-public-urls"]
    assert set(in_compose) == set(public.values()) - {
        values.public_url(NODE_EXPORTER)
    }  # to which nothing links


def compose_configuration(values: settings.Settings) -> Any:
    """docker-compose.yml with the settings filled in, which takes the plugin but no engine."""
    if (
        shutil.which("docker") is None
        or subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("the compose plugin, which fills in docker-compose.yml, is not installed")
    done = subprocess.run(
        ["docker", "compose", "config", "--format", "json"],
        cwd=values.root,
        env={**os.environ, **values.values},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_servers_know_their_public_addresses_in_both_modes(
    folder: Path, programs: Mapping[str, list[str]]
) -> None:
    assert programs
    write_env(folder, "PUBLIC_HOST=perf.example.org")
    values = settings.load(folder, environ={})
    (folder / ".local").mkdir()
    (folder / ".local/programs").symlink_to(REPOSITORY / ".local/programs")
    stack_here = LocalStack(values)
    services = compose_configuration(values)["services"]
    for process in stack_here._processes():
        if process.part in (PROMETHEUS, ALERTMANAGER):
            command = services[process.part.name]["command"]
            assert command[command.index("--web.external-url") + 1] == values.public_url(
                process.part
            )
            assert f"--web.external-url={values.public_url(process.part)}" in process.argv
        if process.part is EXPORTER:
            told = dict(
                option.removeprefix("--").split("-url=")
                for option in process.argv
                if "-url=" in option
            )
            variables = {
                f"BENCHMARK_EXPORTER_{name.upper()}_URL": url for name, url in told.items()
            }
            environment = services["exporter"]["environment"]
            in_compose = {name: url for name, url in environment.items() if name.endswith("_URL")}
            # Grafana is told of here where it is installed.
            assert (
                variables | {"BENCHMARK_EXPORTER_GRAFANA_URL": values.public_url(GRAFANA)}
                == in_compose
            )
        if process.part is PROMETHEUS:
            assert services["prometheus"]["environment"] == process.environment
    assert services["grafana"]["environment"]["GF_SERVER_ROOT_URL"] == values.public_url(GRAFANA)
    assert stack_here._grafana_environment()["GF_SERVER_ROOT_URL"] == values.public_url(GRAFANA)


def test_every_setting_of_a_channel_reaches_alertmanager_in_local_mode(folder: Path) -> None:
    chosen = {
        "ALERT_EMAIL_TO": "team@example.org",
        "PAGERDUTY_URL": "https://events.eu.pagerduty.com/v2/enqueue",
        "SMTP_FROM": "alerts@example.org",
        "SMTP_REQUIRE_TLS": "false",
        "SMTP_SMARTHOST": "smtp.example.org:587",
        "SMTP_USERNAME": "alerts",
    }
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    assert chosen.keys() == services["alertmanager_config"]["environment"].keys()
    write_env(folder, "\n".join(f"{name}={value}" for name, value in chosen.items()))
    values = settings.load(folder, environ={})
    for secret in ("pagerduty_routing_key", "smtp_password"):
        (values.secrets_dir / secret).write_text("made-up")
    assert list(LocalStack(values).render())
    receivers = yaml.safe_load((folder / ".local/alertmanager/alertmanager.yml").read_text())[
        "receivers"
    ]
    options = {**receivers[1]["pagerduty_configs"][0], **receivers[2]["email_configs"][0]}
    rendered = [
        options[name] for name in ("to", "url", "from", "require_tls", "smarthost", "auth_username")
    ]
    assert rendered == [False if value == "false" else value for value in chosen.values()]


def test_a_copy_for_a_test_has_no_secret_of_the_checkout(folder: Path) -> None:
    assert [path.name for path in (folder / "secrets").iterdir()] == ["README.md"]


def test_the_environment_wins_over_env(folder: Path) -> None:
    write_env(folder, "RESULTS_DIR=/of/env")
    assert settings.load(folder, environ={}).results_dir == Path("/of/env")
    assert settings.load(folder, environ={"RESULTS_DIR": "/of/environment"}).results_dir == Path(
        "/of/environment"
    )


def test_a_taken_port_is_named_with_who_has_it(
    folder: Path, programs: Mapping[str, list[str]]
) -> None:
    assert programs
    (folder / ".local").mkdir()
    (folder / ".local/programs").symlink_to(REPOSITORY / ".local/programs")
    port = settings.load(folder, environ={}).port(EXPORTER)
    with socket.create_server(("127.0.0.1", port)):
        up = stack(folder, "up")
    assert up.returncode == 1
    assert f"exporter: 127.0.0.1:{port}: Address already in use" in up.stderr
    assert "set EXPORTER_PORT in .env" in up.stderr
    assert stack(folder, "down").returncode == 0


def test_status_of_nothing_says_what_to_do(folder: Path) -> None:
    status = stack(folder, "status")
    assert status.returncode == 1
    assert "`make up`" in status.stderr


def test_clean_asks_first(folder: Path) -> None:
    (folder / ".local").mkdir()
    kept = folder / ".local/prometheus"
    kept.mkdir()
    asked = stack(folder, "clean")
    assert asked.returncode == 1
    assert "make clean YES=1" in asked.stderr
    assert kept.exists()
    assert stack(folder, "clean", "--yes").returncode == 0
    assert not kept.exists()


def test_grafanas_password_is_made_once_and_closed_to_others(folder: Path) -> None:
    values = settings.load(folder, environ={})
    list(prepare(values))
    password = values.secrets_dir / "grafana_admin_password"
    first = password.read_text()
    assert len(first) >= 20
    assert password.stat().st_mode & 0o777 == 0o640
    list(prepare(values))
    assert password.read_text() == first


@pytest.mark.parametrize("name", ["upload_tokens", "github_webhook_secret"])
def test_a_file_of_the_exporters_secrets_is_made_once_and_closed_to_others(
    folder: Path, name: str
) -> None:
    values = settings.load(folder, environ={})
    list(prepare(values))
    tokens = values.secrets_dir / "exporter" / name
    assert parse_tokens(tokens.read_text()) == ([], [])
    assert tokens.parent.stat().st_mode & 0o777 == 0o750
    tokens.write_text("ci made-up-token-of-the-tests\n")
    tokens.chmod(0o644)
    list(prepare(values))
    assert tokens.read_text() == "ci made-up-token-of-the-tests\n"
    assert tokens.stat().st_mode & 0o777 == 0o640


def test_both_modes_give_the_servers_the_same_options(
    folder: Path, programs: Mapping[str, list[str]]
) -> None:
    assert programs
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    (folder / ".local").mkdir()
    (folder / ".local/programs").symlink_to(REPOSITORY / ".local/programs")
    local = {
        process.part.name: process.argv
        for process in LocalStack(settings.load(folder, environ={}))._processes()
    }
    only_in = {
        "prometheus": {"--web.listen-address"},
        "alertmanager": {"--web.listen-address"},
        "node_exporter": {"--web.listen-address", "--path.rootfs", "--path.udev.data"},
    }
    for name, differ in only_in.items():
        in_compose = {
            option.partition("=")[0]
            for option in services[name]["command"]
            if option.startswith("--")
        }
        here = {option.partition("=")[0] for option in local[name] if option.startswith("--")}
        assert in_compose ^ here == differ, name


@pytest.fixture
def orphan(folder: Path) -> Iterator[psutil.Process]:
    """A process of the stack that no supervisor looks after."""
    mark = f"--storage.path={folder}/.local/alertmanager/data"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", mark]) as process:
        threading.Thread(target=process.wait).start()  # takes note of its end, as init would
        yield psutil.Process(process.pid)
        process.kill()


def test_down_ends_what_a_killed_supervisor_left(folder: Path, orphan: psutil.Process) -> None:
    down = stack(folder, "down")
    assert down.returncode == 0
    assert f"ending process {orphan.pid}" in down.stdout
    assert not orphan.is_running()


def test_the_rewritten_path_is_as_long_as_the_one_it_stands_for() -> None:
    assert len(WORKING_FOLDER) == len(COMPILED_IN)
    assert WORKING_FOLDER.decode().rstrip("/") == "/proc/self/cwd"


def test_an_unwritable_results_folder_is_named(folder: Path) -> None:
    write_env(folder, "RESULTS_DIR=/proc/nowhere/results")
    with pytest.raises(StackError, match="RESULTS_DIR=/proc/nowhere/results"):
        list(prepare(settings.load(folder, environ={})))
