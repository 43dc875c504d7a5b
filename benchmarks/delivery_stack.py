"""An exporter, a Prometheus and an Alertmanager with this repository's configuration.

Each is a process that can be stopped and started again at the same address. Alertmanager's only
channel is a receiver in this process.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.alert_latency import get_text
from benchmarks.servers import BenchmarkError, Server, exporter, free_port, running
from stack.programs import Programs
from stack.settings import ROOT

POLL_SECONDS = 0.05
# Each part by the name of its service in the stack.
EXPORTER, PROMETHEUS, ALERTMANAGER = "exporter", "prometheus", "alertmanager"
# The files of targets that prometheus.yml reads, and the instance of each.
TARGETS = {EXPORTER: "benchmark-exporter", ALERTMANAGER: "alertmanager"}


class Received:
    """The alerts that a webhook receiver got, with the time (seconds since 1970)."""

    def __init__(self) -> None:
        self._alerts: list[tuple[float, Mapping[str, Any]]] = []
        self._lock = threading.Lock()

    def add(self, alerts: list[Mapping[str, Any]]) -> None:
        """Add the alerts of one message."""
        now = time.time()
        with self._lock:
            self._alerts += [(now, alert) for alert in alerts]

    def all(self, name: str, status: str) -> list[tuple[float, Mapping[str, Any]]]:
        """Return the critical regressions of a benchmark that have the status, by arrival."""
        with self._lock:
            alerts = [*self._alerts]
        wanted = ("PerformanceRegression", name, "critical", status)
        return [
            (at, alert)
            for at, alert in alerts
            if wanted
            == (
                alert["labels"]["alertname"],
                alert["labels"].get("benchmark_name"),
                alert["labels"].get("severity"),
                alert["status"],
            )
        ]

    def first(self, name: str, status: str) -> tuple[float, Mapping[str, Any]] | None:
        """Return the first of them; None if there is none."""
        return next(iter(self.all(name, status)), None)


class DeliveryStack:
    """Three programs and what was received; `own_stack` starts them."""

    def __init__(self, folder: Path, received: Received, receiver_port: int) -> None:
        self.folder = folder
        self.received = received
        self._receiver = f"http://127.0.0.1:{receiver_port}"
        self._ports = {name: free_port() for name in (EXPORTER, PROMETHEUS, ALERTMANAGER)}
        self._programs = Programs(ROOT / ".local" / "programs")
        self._running: dict[str, ExitStack] = {}

    def start(self, name: str, host: str = "127.0.0.1") -> Server:
        """Start a part, and return once it is ready. A Prometheus scrapes the exporter at `host`.

        Raises:
            BenchmarkError: it does not become ready.
        """
        made: Mapping[str, Callable[[], AbstractContextManager[Server]]] = {
            EXPORTER: lambda: exporter(self.folder, port=self._ports[EXPORTER]),
            PROMETHEUS: lambda: self._prometheus(host),
            ALERTMANAGER: self._alertmanager,
        }
        stack = ExitStack()
        server = stack.enter_context(made[name]())
        self._running[name] = stack
        return server

    def stop(self, name: str) -> None:
        """Stop a part."""
        self._running.pop(name).close()

    def stop_all(self) -> None:
        """Stop the parts that run."""
        for name in (*self._running,):
            self.stop(name)

    def query(self, expression: str) -> list[Any]:
        """Return the series of an instant query."""
        address = f"http://127.0.0.1:{self._ports[PROMETHEUS]}/api/v1/query"
        text = get_text(f"{address}?{urllib.parse.urlencode({'query': expression})}")
        series: list[Any] = json.loads(text)["data"]["result"]
        return series

    def exposition(self) -> str:
        """Return the exporter's exposition, as a person sees it."""
        return get_text(f"http://127.0.0.1:{self._ports[EXPORTER]}/metrics")

    def _argv(self, name: str) -> list[str]:
        argv = self._programs.argv(name)
        if argv is None:
            self._programs.fetch()
            argv = self._programs.argv(name) or []
        return argv

    def _prometheus(self, host: str) -> AbstractContextManager[Server]:
        configuration = self.folder / "prometheus"
        if not configuration.exists():
            (configuration / "targets").mkdir(parents=True)
            for name in ("prometheus.yml", "rules"):
                (configuration / name).symlink_to(ROOT / "prometheus" / name)
            # Nobody asks for it here.
            (configuration / "internal").mkdir()
            (configuration / "internal/credential").write_text("none", encoding="utf-8")
        for name in (EXPORTER, ALERTMANAGER):
            address = f"{host if name == EXPORTER else '127.0.0.1'}:{self._ports[name]}"
            group = {"targets": [address], "labels": {"instance": TARGETS[name]}}
            target = configuration / "targets" / f"{TARGETS[name]}.yml"
            target.write_text(json.dumps([group]), encoding="utf-8")
        port = self._ports[PROMETHEUS]
        words = [
            *self._argv("prometheus"),
            f"--config.file={configuration / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        return running(words, port, "/-/ready", self.folder / "prometheus.log")

    def _alertmanager(self) -> AbstractContextManager[Server]:
        rendered = self.folder / "alertmanager" / "alertmanager.yml"
        secrets = self.folder / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "stack_credential").write_text("none", encoding="utf-8")
        command: list[str | Path] = [
            sys.executable,
            ROOT / "alertmanager" / "render.py",
            f"--config={ROOT / 'alertmanager' / 'alertmanager.yml'}",
            f"--templates={ROOT / 'alertmanager' / 'templates'}",
            f"--secrets-dir={secrets}",
            f"--exporter-url={self._receiver}",
            f"--output={rendered}",
        ]
        environ = {"PATH": os.environ["PATH"]}
        done = subprocess.run(  # noqa: S603  # a program of this checkout
            command, env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchmarkError(f"Alertmanager's configuration: {done.stderr[-500:]}")
        port = self._ports[ALERTMANAGER]
        words = [
            *self._argv("alertmanager"),
            f"--config.file={rendered}",
            f"--storage.path={self.folder / 'alerts'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        return running(words, port, "/-/ready", self.folder / "alertmanager.log")


@contextmanager
def own_stack(folder: Path) -> Iterator[DeliveryStack]:
    """Run all three programs in a folder."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.add(json.loads(body)["alerts"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        stack = DeliveryStack(folder, received, receiver.server_port)
        try:
            for name in (EXPORTER, ALERTMANAGER, PROMETHEUS):
                stack.start(name)
            yield stack
        finally:
            stack.stop_all()
            receiver.shutdown()
            thread.join()


def until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait for a condition.

    Raises:
        BenchmarkError: it was not met within that many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_SECONDS)
