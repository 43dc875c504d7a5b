"""A whole stack on ports of its own, from a copy of the checkout, in either mode."""

import fcntl
import functools
import json
import os
import signal
import subprocess
import tempfile
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
from stack.compose import ComposeStack
from stack.containers import filled_in
from stack.local import LocalStack
from stack.project import derived_name
from stack.readiness import is_ready, wait_until_connected, wait_until_ready
from stack.settings import GRAFANA, PARTS, Part, Settings
from stack.supervisor import Supervisor
from tests import guardian
from tests.stack.checkouts import checkout, link_programs, ports, run_stack
from tests.support.paths import REPOSITORY

# What links begin with in these stacks; no name server has it, and nothing follows one.
PUBLIC_HOST = "perf.example.org"
POLL_SECONDS = 0.05
REQUEST_SECONDS = 30.0
BUILD_LOCK = Path(tempfile.gettempdir()) / f"strataregula-images-{os.getuid()}.lock"

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

    def history(self, *words: str) -> list[Any]:
        """The runs that `benchmark-exporter history` lists, with these options."""

    def kill(self, part: Part) -> None:
        """End the part's process without warning."""

    def process_ids(self) -> Mapping[str, int]:
        """The process of each part."""

    def listening(self) -> Iterator[tuple[str, int]]:
        """The addresses and ports of this machine on which the stack listens."""


@dataclass
class _Checkout:
    name: str
    settings: Settings
    parts: list[Part]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_stack(self.settings.root, *words)


class Local(_Checkout):
    """Plain processes under supervisor."""

    host = "127.0.0.1"

    def history(self, *words: str) -> list[Any]:
        done = self.command("exporter", "history", "--format=json", *words)
        assert done.returncode == 0, done.stderr
        runs: list[Any] = json.loads(done.stdout)
        return runs

    def kill(self, part: Part) -> None:
        os.kill(self.process_ids()[part.name], signal.SIGKILL)

    def process_ids(self) -> Mapping[str, int]:
        supervisor = Supervisor(self.settings.state_dir, self.settings.root)
        return {one.name: one.process_id for one in supervisor.processes() if one.process_id}

    def listening(self) -> Iterator[tuple[str, int]]:
        supervisor = Supervisor(self.settings.state_dir, self.settings.root)
        for process in supervisor.descendants():
            for connection in process.net_connections("inet"):
                if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE):
                    yield connection.laddr.ip, connection.laddr.port


class Compose(_Checkout):
    """Containers. Their processes are this machine's too, where the engine runs on it."""

    @property
    def host(self) -> str:
        gateway = "{{(index .IPAM.Config 0).Gateway}}"
        network = f"{self.project}_monitoring"
        return self._docker("network", "inspect", "--format", gateway, network).strip()

    @property
    def project(self) -> str:
        return derived_name(self.settings.root)

    def history(self, *words: str) -> list[Any]:
        # Not `make history`, which knows only stacks that `make up` has started.
        command = ("benchmark-exporter", "history", "--format=json", *words)
        runs: list[Any] = json.loads(self._docker("exec", f"{self.project}-exporter-1", *command))
        return runs

    def kill(self, part: Part) -> None:
        # Not `docker kill`: the engine takes that for a person's wish, and leaves it dead.
        os.kill(self.process_ids()[part.name], signal.SIGKILL)

    def process_ids(self) -> Mapping[str, int]:
        return {part.name: int(self.inspect(part.name, "{{.State.Pid}}")) for part in self.parts}

    def inspect(self, service: str, template: str) -> str:
        """What the engine says of a service's container."""
        container = f"{self.project}-{service}-1"
        return self._docker("inspect", "--format", template, container).strip()

    def listening(self) -> Iterator[tuple[str, int]]:
        for part in self.parts:
            bindings = json.loads(self.inspect(part.name, "{{json .NetworkSettings.Ports}}"))
            for published in bindings.values():
                for one in published or ():
                    yield one["HostIp"], int(one["HostPort"])

    def _docker(self, *words: str) -> str:
        return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def run_local(
    folder: Path,
    free_port: Callable[[], int],
    more: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Iterator[Local]:
    """The stack as processes; ended, and seen to have ended, when the generator is closed.

    `more` are further settings, `secrets` the texts of files in secrets/.
    """
    values = {"MODE": "local", "PUBLIC_HOST": PUBLIC_HOST, **(more or {})}
    settings = checkout(folder, values | ports(free_port))
    link_programs(settings.root)
    for name, text in (secrets or {}).items():
        (settings.secrets_dir / name).write_text(f"{text}\n", encoding="utf-8")
    backend = Local("local", settings, list(LocalStack(settings).parts()))
    try:
        up = backend.command("up")
        assert up.returncode == 0, up.stdout + up.stderr
        yield backend
    finally:
        ids = backend.process_ids()
        down = backend.command("down")
        assert down.returncode == 0, down.stdout + down.stderr
        assert ids
        assert not [pid for pid in ids.values() if psutil.pid_exists(pid)]


def run_compose(
    folder: Path, free_port: Callable[[], int], images: Mapping[str, str]
) -> Iterator[Compose]:
    """The stack as containers, by testcontainers; its volumes are removed at the end."""
    name = derived_name(folder)
    # An image of its own: another test run at the same time may build one of other code.
    image = f"strataregula/benchmark-exporter:{name}"
    values = {"MODE": "compose", "PUBLIC_HOST": PUBLIC_HOST, "EXPORTER_IMAGE": image}
    settings = checkout(folder, {**values, **ports(free_port), **images, **trust()})
    parts = [part for part in PARTS if part is not GRAFANA or settings["GRAFANA_IMAGE"]]
    backend = Compose("compose", settings, parts)
    prepared = backend.command("prepare")
    assert prepared.returncode == 0, prepared.stderr
    ComposeStack(settings).write_proxy()
    filled = filled_in(settings, name)
    env_file = folder / "compose.env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in filled.items()))
    services = [part.name for part in parts]
    compose = DockerCompose(
        folder, build=True, wait=False, env_file=str(env_file), services=services
    )
    down = ["docker", "compose", "--project-name", name, "down", "--volumes", "--remove-orphans"]
    remove_image = ["docker", "image", "rm", image]
    at_end = [guardian.at_end(name, down), guardian.at_end(f"then-{name}", remove_image)]
    try:
        with compose:
            ready = list(wait_until_ready(parts, settings))
            assert len(ready) == len(parts), _logs(compose)
            assert wait_until_connected(settings), _logs(compose)
            yield backend
    finally:
        subprocess.run(remove_image, capture_output=True, check=False)
        for path in at_end:
            path.unlink()


@functools.cache
def stand_in_images() -> Mapping[str, str]:
    """Images made here of Debian's packages, as settings, without Grafana, which Debian lacks.

    Raises:
        subprocess.CalledProcessError: they cannot be made; stderr says why.
    """
    with BUILD_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        made = subprocess.run(
            [REPOSITORY / "tests/images/build"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    return dict(line.split("=", 1) for line in made.stdout.splitlines()) | {"GRAFANA_IMAGE": ""}


@functools.cache
def official_images_answer() -> bool:
    """Whether a registry gives the pinned images."""
    names = (
        "PROMETHEUS_IMAGE",
        "ALERTMANAGER_IMAGE",
        "NODE_EXPORTER_IMAGE",
        "GRAFANA_IMAGE",
        "CADDY_IMAGE",
    )
    defaults = stack_settings.defaults()
    return all(_can_be_pulled(defaults[name]) for name in (*names, "PYTHON_IMAGE"))


def _can_be_pulled(image: str) -> bool:
    command = ["docker", "pull", "--quiet", image]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def until(check: Callable[[], T | None], timeout_seconds: float, what: str) -> tuple[T, float]:
    """The first result of `check` that is not None, and after how many seconds it came."""
    started = time.monotonic()
    while True:
        seen = check()
        if seen is not None:
            return seen, time.monotonic() - started
        assert time.monotonic() - started < timeout_seconds, (
            f"{what}: not within {timeout_seconds:g} s"
        )
        time.sleep(POLL_SECONDS)


def is_back(part: Part, settings: Settings) -> Callable[[], bool | None]:
    """Whether a part is ready, as a check for `until`."""
    return lambda: is_ready(part, settings) or None


def get(url: str) -> Any:
    """The JSON at an address."""
    with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as answer:
        return json.load(answer)


def get_text(url: str) -> str:
    """The text at an address."""
    with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as answer:
        text: str = answer.read().decode()
        return text


def query(settings: Settings, expression: str) -> list[dict[str, Any]]:
    """The series of an instant query."""
    words = urllib.parse.urlencode({"query": expression})
    url = stack_settings.PROMETHEUS.url(settings, f"/api/v1/query?{words}")
    result: list[dict[str, Any]] = get(url)["data"]["result"]
    return result


def trust() -> dict[str, str]:
    """The bundle of authorities that this machine's own pip trusts."""
    bundle = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or ""
    return {"BUILD_CA_BUNDLE": bundle} if bundle else {}


def _logs(compose: DockerCompose) -> str:
    stdout, stderr = compose.get_logs()
    return stdout + stderr
