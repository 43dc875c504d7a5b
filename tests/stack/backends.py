"""A whole stack on ports of its own, from a copy of the checkout: as processes, or as containers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psutil
from testcontainers.compose import DockerCompose

from stack import settings as stack_settings
from stack.prepare import secrets_gid
from stack.readiness import is_ready, wait_until_connected, wait_until_ready
from stack.settings import GRAFANA, LISTENERS, PARTS, Part, Settings
from tests.support.paths import REPOSITORY

NOT_COPIED = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".local",
    "results",
    ".env",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)
COMPOSE_PROJECT = "strataregula-monitoring-test"
COMMAND_SECONDS = 180.0
# What links begin with in these stacks; no name server has it, and nothing follows one.
PUBLIC_HOST = "perf.example.org"
POLL_SECONDS = 0.05

T = TypeVar("T")


class Backend(Protocol):
    """What the tests do to a stack beyond its network addresses."""

    name: str
    settings: Settings
    parts: list[Part]

    @property
    def host(self) -> str:
        """The address at which the stack reaches this machine, for servers that listen on it."""

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the Makefile, `status` say."""

    def kill(self, part: Part) -> None:
        """End the part's process without warning."""

    def process_ids(self) -> Mapping[str, int]:
        """The process of each part."""


@dataclass
class _Checkout:
    name: str
    settings: Settings
    parts: list[Part]
    environment: Mapping[str, str]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stack", *words],
            cwd=self.settings.root,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )


class Local(_Checkout):
    """Plain processes under supervisor."""

    host = "127.0.0.1"

    def kill(self, part: Part) -> None:
        os.kill(self.process_ids()[part.name], signal.SIGKILL)

    def process_ids(self) -> Mapping[str, int]:
        supervisor = psutil.Process(int((self.settings.state_dir / "supervisord.pid").read_text()))
        words = {
            "exporter": "benchmark_exporter",
            "prometheus": "prometheus",
            "alertmanager": "alertmanager",
            "node_exporter": "node",
        }
        found: dict[str, int] = {}
        for child in supervisor.children():
            command = child.as_dict(["cmdline"])["cmdline"] or [
                ""
            ]  # one that was just killed has none
            program = command[2] if command[1:2] == ["-m"] else Path(command[0]).name
            found |= {
                name: child.pid
                for name, word in words.items()
                if program.removeprefix("prometheus-").startswith(word)
            }
        return found


class Compose(_Checkout):
    """Containers. Their processes are this machine's too, where the engine runs on it."""

    @property
    def host(self) -> str:
        network = f"{COMPOSE_PROJECT}_monitoring"
        return self._docker(
            "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", network
        ).strip()

    def kill(self, part: Part) -> None:
        # Not `docker kill`: the engine takes that for somebody's wish, and leaves the container dead.
        os.kill(self.process_ids()[part.name], signal.SIGKILL)

    def process_ids(self) -> Mapping[str, int]:
        return {part.name: int(self.inspect(part, "{{.State.Pid}}")) for part in self.parts}

    def inspect(self, part: Part, template: str) -> str:
        container = self._docker(
            "compose", "--project-name", COMPOSE_PROJECT, "ps", "--all", "--quiet", part.name
        ).strip()
        return self._docker("inspect", "--format", template, container).strip()

    def _docker(self, *words: str) -> str:
        return subprocess.run(
            ["docker", *words], cwd=self.settings.root, capture_output=True, text=True, check=True
        ).stdout


def checkout(folder: Path, values: Mapping[str, str]) -> Settings:
    """A copy of this checkout with a .env of its own."""
    shutil.copytree(REPOSITORY, folder, ignore=_not_copied)
    (folder / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8"
    )
    return stack_settings.load(folder, environ={})


def run_local(folder: Path, free_port: Callable[[], int]) -> Iterator[Local]:
    """The stack as processes; ended, and seen to have ended, when the generator is closed."""
    settings = checkout(folder, {"MODE": "local", "PUBLIC_HOST": PUBLIC_HOST} | _ports(free_port))
    settings.state_dir.mkdir()
    (settings.state_dir / "programs").symlink_to(REPOSITORY / ".local/programs")
    backend = Local("local", settings, [part for part in PARTS if part is not GRAFANA], {})
    try:
        up = backend.command("up")
        assert up.returncode == 0, up.stdout + up.stderr
        yield backend
    finally:
        ids = backend.process_ids() if (settings.state_dir / "supervisord.pid").exists() else {}
        down = backend.command("down")
        assert down.returncode == 0, down.stdout + down.stderr
        assert ids
        assert not [pid for pid in ids.values() if psutil.pid_exists(pid)]


def run_compose(
    folder: Path, free_port: Callable[[], int], images: Mapping[str, str]
) -> Iterator[Compose]:
    """The stack as containers, by testcontainers; its volumes are removed when the generator is closed."""
    values = {
        "MODE": "compose",
        "PUBLIC_HOST": PUBLIC_HOST,
        **_ports(free_port),
        **images,
        **_trust(),
    }
    settings = checkout(folder, values)
    environment = {"COMPOSE_PROJECT_NAME": COMPOSE_PROJECT}
    parts = [part for part in PARTS if part is not GRAFANA or settings["GRAFANA_IMAGE"]]
    backend = Compose("compose", settings, parts, environment)
    prepared = backend.command("prepare")
    assert prepared.returncode == 0, prepared.stderr
    env_file = folder / "compose.env"
    env_file.write_text(
        "".join(
            f"{name}={value}\n"
            for name, value in {
                **settings.values,
                **environment,
                "SECRETS_GID": secrets_gid(settings),
            }.items()
        )
    )
    compose = DockerCompose(
        folder,
        build=True,
        wait=False,
        env_file=str(env_file),
        services=[part.name for part in parts],
    )
    with compose:
        ready = list(wait_until_ready(parts, settings))
        assert len(ready) == len(parts), _logs(compose)
        assert wait_until_connected(settings), _logs(compose)
        yield backend


def stand_in_images() -> Mapping[str, str]:
    """Images made here of Debian's packages, as settings; and no Grafana, which Debian does not have.

    Raises:
        subprocess.CalledProcessError: they cannot be made; stderr says why.
    """
    made = subprocess.run(
        [REPOSITORY / "tests/images/build"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in made.stdout.splitlines()) | {"GRAFANA_IMAGE": ""}


def official_images_answer() -> bool:
    """Whether a registry gives the pinned images."""
    default = stack_settings.load(REPOSITORY, environ={})
    names = (
        "PROMETHEUS_IMAGE",
        "ALERTMANAGER_IMAGE",
        "NODE_EXPORTER_IMAGE",
        "GRAFANA_IMAGE",
        "PYTHON_IMAGE",
    )
    return all(
        subprocess.run(
            ["docker", "pull", "--quiet", default[name]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        ).returncode
        == 0
        for name in names
    )


def until(look: Callable[[], T | None], timeout_seconds: float, what: str) -> tuple[T, float]:
    """The first thing seen that is not None, and when it was seen in seconds from now."""
    started = time.monotonic()
    while True:
        seen = look()
        if seen is not None:
            return seen, time.monotonic() - started
        assert time.monotonic() - started < timeout_seconds, (
            f"{what}: not within {timeout_seconds:g} s"
        )
        time.sleep(POLL_SECONDS)


def is_back(part: Part, settings: Settings) -> Callable[[], bool | None]:
    """A look at whether a part is ready, for `until`."""
    return lambda: is_ready(part, settings) or None


def get(url: str) -> Any:
    """The JSON at an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def get_text(url: str) -> str:
    """The text at an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def query(settings: Settings, expression: str) -> list[dict[str, Any]]:
    """The series of an instant query."""
    url = stack_settings.PROMETHEUS.url(
        settings, f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    )
    result: list[dict[str, Any]] = get(url)["data"]["result"]
    return result


def _not_copied(folder: str, names: list[str]) -> set[str]:
    """What a copy goes without: what `make` makes, and every secret, or the tests would page who is on call here."""
    secrets = (
        set(names) - {"README.md"} if Path(folder) == REPOSITORY / stack_settings.SECRETS else set()
    )
    return NOT_COPIED(folder, names) | secrets


def _ports(free_port: Callable[[], int]) -> dict[str, str]:
    return {part.port_setting: str(free_port()) for part in LISTENERS}


def _trust() -> dict[str, str]:
    """The bundle of authorities that this machine's own pip trusts."""
    bundle = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or ""
    return {"BUILD_CA_BUNDLE": bundle} if bundle else {}


def _logs(compose: DockerCompose) -> str:
    stdout, stderr = compose.get_logs()
    return stdout + stderr
