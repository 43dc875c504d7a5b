"""A real Prometheus, started with this repository's prometheus.yml."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.support.paths import REPOSITORY

PROMETHEUS = REPOSITORY / "prometheus"
COMPOSE_TARGETS = sorted((PROMETHEUS / "targets/compose").glob("*.yml"))
DEADLINE_SECONDS = 60.0
# Series that max_series does not count: one for each core and a few more.
ROOM_FOR_RESOURCES = 1500


def lay_out(
    folder: Path, addresses: Mapping[str, str] | None = None, rules: Path = PROMETHEUS / "rules"
) -> Path:
    """Set up prometheus.yml with its rules/ and targets/ in the folder, and return its path.

    `addresses` replace the names of the compose services, as in local mode; a service without an
    address is not a target.
    """
    (folder / "targets").mkdir(parents=True)
    for name in ("prometheus.yml", "members"):
        (folder / name).symlink_to(PROMETHEUS / name)
    (folder / "rules").symlink_to(rules)
    (folder / "internal").mkdir()
    (folder / "internal/credential").write_text("made-up", encoding="utf-8")
    for path in COMPOSE_TARGETS:
        groups = yaml.safe_load(path.read_text(encoding="utf-8"))
        if addresses is not None:
            for group in groups:
                services = [target.partition(":")[0] for target in group["targets"]]
                group["targets"] = [
                    addresses[service] for service in services if service in addresses
                ]
        (folder / "targets" / path.name).write_text(yaml.safe_dump(groups), encoding="utf-8")
    return folder / "prometheus.yml"


class Server:
    """A running Prometheus."""

    def __init__(self, url: str, process_id: int) -> None:
        self.url = url
        self.process_id = process_id

    def get(self, path: str, **parameters: str) -> Any:
        """Return `data` from a response of the API; None until the server responds and is ready."""
        try:
            answer = requests.get(
                f"{self.url}/api/v1/{path}", params=parameters, timeout=DEADLINE_SECONDS
            )
        except requests.ConnectionError:
            return None
        return None if answer.status_code == requests.codes.unavailable else answer.json()["data"]

    def metrics(self) -> Sequence[str]:
        """Return the lines of its own exposition."""
        return requests.get(f"{self.url}/metrics", timeout=DEADLINE_SECONDS).text.splitlines()

    def value(self, expression: str) -> float | None:
        """Return the value of a query with one result; None while it has none."""
        data = self.get("query", query=expression)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    def at(self, seconds: float, expression: str) -> Mapping[frozenset[tuple[str, str]], float]:
        """Return the result of a query at a time: values by labels, including the name."""
        result: list[Any] = self.get("query", query=expression, time=f"{seconds:.3f}")["result"]
        return {frozenset(each["metric"].items()): float(each["value"][1]) for each in result}

    def samples(self, seconds: float, selector: str) -> int:
        """Return how many samples the series have within a minute of a time."""
        result: list[Any] = self.get("query", query=f"{selector}[2m]", time=f"{seconds + 60:.3f}")[
            "result"
        ]
        return sum(len(each["values"]) for each in result)


@contextmanager
def prometheus(
    argv: Sequence[str],
    folder: Path,
    port: int,
    *flags: str,
    rules: Path = PROMETHEUS / "rules",
    **addresses: str,
) -> Iterator[Server]:
    """Start a server with prometheus.yml that scrapes the services at these addresses."""
    path = lay_out(folder / "prometheus", addresses, rules)
    command = [
        *argv,
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    process = subprocess.Popen(command, cwd=folder)
    try:
        server = Server(f"http://127.0.0.1:{port}", process.pid)
        # After the first scrape, since the out-of-order window is relative to the newest sample.
        expression = "up" if addresses else "vector(1)"
        wait_until(lambda: server.value(expression) is not None, "ready, with a first scrape")
        yield server
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=DEADLINE_SECONDS).ok
    except requests.ConnectionError:
        return False


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
