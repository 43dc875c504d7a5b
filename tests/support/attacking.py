"""An exporter under attack: what holds its connections, and whether it serves others meanwhile."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from tests.support.documents import perf_suite
from tests.support.process import DEADLINE_SECONDS, Exporter

# The longest that a scrape may take under attack, as Prometheus waits by default.
ANSWER_SECONDS = 10.0
# Whoever attacks is not whoever scrapes: on Linux all of 127.0.0.0/8 is this host.
ANOTHER_CLIENT = "127.0.0.2"
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Watch:
    """What others saw during an attack."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def held(
    port: int, requests: Iterable[bytes], *, client: str = ANOTHER_CLIENT, reset: bool = False
) -> Iterator[list[socket.socket]]:
    """Connections that have sent these bytes, or as much as was taken, and nothing more."""
    with ExitStack() as stack:
        connections = []
        for request in requests:
            connection = stack.enter_context(socket.socket())
            connection.settimeout(DEADLINE_SECONDS)
            connection.bind((client, 0))
            connection.connect(("127.0.0.1", port))
            connection.setblocking(False)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            with suppress(OSError):
                _send(connection, request)
            connections.append(connection)
        yield connections


def _send(connection: socket.socket, request: bytes) -> None:
    """Sends what is taken within a moment: the rest waits in vain."""
    deadline = time.monotonic() + 0.02
    while request and time.monotonic() < deadline:
        try:
            request = request[connection.send(request[: 1024 * 1024]) :]
        except BlockingIOError:
            time.sleep(0.005)


class Attacked:
    """Watches an exporter: scrapes, health, ingest, memory, log and descriptors."""

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter
        self.process = psutil.Process(exporter.process.pid)
        self._runs = 0

    @contextmanager
    def survives(self, *, memory_bytes: int, log_bytes: int = 20_000) -> Iterator[None]:
        """Asserts that the exporter serves others during the block, and is as before after it."""
        before = self._memory(), self.process.num_fds(), self.exporter.log.stat().st_size
        watch, stop = Watch(), threading.Event()
        watching = threading.Thread(target=self._watch, args=(watch, stop))
        watching.start()
        try:
            yield
            self._ingest_one()
            most_bytes = self._memory()
        finally:
            stop.set()
            watching.join(DEADLINE_SECONDS)
        assert watch.answers >= 2, watch
        assert watch.failures == [], watch.failures[:3]
        assert most_bytes - before[0] < memory_bytes, (most_bytes, before)
        assert self.exporter.log.stat().st_size - before[2] < log_bytes
        assert "Traceback" not in self.exporter.log.read_text()
        self.exporter.until(lambda: self.process.num_fds() <= before[1] + 2)
        self.exporter.until(lambda: self._memory() - before[0] < memory_bytes / 2)

    def _watch(self, watch: Watch, stop: threading.Event) -> None:
        while True:
            for path in ("/metrics", "/-/ready"):
                started = time.monotonic()
                try:
                    self.exporter.get(path, timeout_seconds=ANSWER_SECONDS)
                except OSError as error:
                    waited = time.monotonic() - started
                    watch.failures.append(f"{path}: {type(error).__name__} after {waited:.1f} s")
                else:
                    watch.answers += 1
            if stop.wait(0.05):
                return

    def _ingest_one(self) -> None:
        self._runs += 1
        document = perf_suite(f"20260301T12{self._runs:02}00Z", project=f"project-{self._runs}")
        path = self.exporter.results / f"{self._runs}.json"
        path.write_text(json.dumps(document))
        ingested = f'benchmark_exporter_files_ingested_total{{format="perf_suite"}} {self._runs}\n'
        self.exporter.until(lambda: ingested in self.exporter.get("/metrics").decode())

    def _memory(self) -> int:
        size: int = self.process.memory_info().rss
        return size


def until_closed(connections: Iterable[socket.socket], exporter: Exporter) -> None:
    """Waits until the exporter has closed all of them."""
    waiting = set(connections)

    def closed() -> bool:
        waiting.difference_update([each for each in waiting if _is_closed(each)])
        return not waiting

    exporter.until(closed)


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(65_536)
    except BlockingIOError:
        return False
    except OSError:
        return True
