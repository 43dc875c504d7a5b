"""How long members of an Alertmanager cluster wait for each other, and what that costs.

A member waits its place in the cluster times --cluster.peer-timeout for the one before it. Where
the receiver takes longer than that to answer, the message is sent twice; where the one before it
is dead, the message is late.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from stack.high_availability import CLUSTER_OPTIONS
from tests.conftest import find_free_port

MEMBERS = 3
ALERTS = 10
TIMEOUTS_SECONDS = (2, 3, 5, 15)
ANSWERS_SECONDS = (0.1, 1.0, 3.0)
START_SECONDS = 60.0
CONFIGURATION = """
route: {{receiver: all, group_by: [alertname], group_wait: 250ms, group_interval: 10s}}
receivers: [{{name: all, webhook_configs: [{{url: "{url}", send_resolved: false}}]}}]
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What was sent with one timeout to a receiver that takes so long to answer."""

    timeout_seconds: int
    answer_seconds: float
    messages: int
    late_seconds: float
    late_messages: int


class Receiver:
    """A webhook that answers after a while, and notes when each alert arrived."""

    def __init__(self, answer_seconds: float) -> None:
        self.arrived: list[tuple[str, float]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.arrived.append((body, time.monotonic()))
                time.sleep(answer_seconds)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def named(self, prefix: str) -> list[float]:
        """When the alerts whose names begin so arrived."""
        return [when for body, when in self.arrived if f'"alertname":"{prefix}' in body]


@contextmanager
def _cluster(
    folder: Path, argv: Sequence[str], timeout_seconds: int, url: str
) -> Iterator[Mapping[str, subprocess.Popen[bytes]]]:
    """Three members that know each other, by their addresses."""
    folder.mkdir()
    (folder / "alertmanager.yml").write_text(CONFIGURATION.format(url=url), encoding="utf-8")
    gossip = [find_free_port() for _ in range(MEMBERS)]
    others = [option for option in CLUSTER_OPTIONS if "peer-timeout" not in option]
    with ExitStack() as stack:
        found = {}
        for number, port in enumerate(gossip):
            web = find_free_port()
            words = [
                *argv,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / str(number)}",
                f"--web.listen-address=127.0.0.1:{web}",
                f"--cluster.listen-address=127.0.0.1:{port}",
                *(f"--cluster.peer=127.0.0.1:{other}" for other in gossip),
                f"--cluster.peer-timeout={timeout_seconds}s",
                *others,
            ]
            log = stack.enter_context((folder / f"{number}.log").open("wb"))
            process = stack.enter_context(
                subprocess.Popen(words, stdout=log, stderr=log)  # noqa: S603  # our own program
            )
            stack.callback(process.kill)
            found[f"http://127.0.0.1:{web}"] = process
        _await(found)
        yield found


def _status(url: str) -> tuple[str, int, str]:
    """A member's name, how many it knows, and whether it sends."""
    cluster = requests.get(f"{url}/api/v2/status", timeout=5).json()["cluster"]
    return cluster["name"], len(cluster["peers"]), cluster["status"]


def _await(urls: Mapping[str, object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if all(_status(url)[1:] == (MEMBERS, "ready") for url in urls):
                return
        except (requests.RequestException, KeyError):
            pass
        time.sleep(0.2)
    raise RuntimeError("the members do not find each other")


def _post(urls: Sequence[str], prefix: str) -> float:
    alerts = [{"labels": {"alertname": f"{prefix}{number}"}} for number in range(ALERTS)]
    threads = [
        threading.Thread(
            target=lambda url=url: requests.post(f"{url}/api/v2/alerts", json=alerts, timeout=5)
        )
        for url in urls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic()


def measure(folder: Path, argv: Sequence[str]) -> Iterator[Row]:
    """Yield a row for each timeout and receiver."""
    for timeout in TIMEOUTS_SECONDS:
        for answer in ANSWERS_SECONDS:
            receiver = Receiver(answer)
            serving = threading.Thread(target=receiver.server.serve_forever, daemon=True)
            serving.start()
            name = folder / f"{timeout}-{answer}"
            with _cluster(name, argv, timeout, receiver.url) as members:
                yield _row(timeout, answer, receiver, members)
            receiver.server.shutdown()
            receiver.server.server_close()


def _row(
    timeout: int,
    answer: float,
    receiver: Receiver,
    members: Mapping[str, subprocess.Popen[bytes]],
) -> Row:
    settled = MEMBERS * timeout + answer + 2
    _post(list(members), "live")
    time.sleep(settled)
    first = min(members, key=lambda url: _status(url)[0])
    os.kill(members[first].pid, signal.SIGKILL)
    posted = _post([url for url in members if url != first], "dead")
    time.sleep(settled)
    late = receiver.named("dead")
    return Row(
        timeout, answer, len(receiver.named("live")), max(late) - posted if late else -1, len(late)
    )
