"""Prometheus and Alertmanager as processes, with this repository's configuration."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.servers import BenchmarkError, Server, running
from stack.programs import Programs
from stack.settings import ROOT

ALERTMANAGER_CONFIG = ROOT / "alertmanager" / "alertmanager.yml"
PROMETHEUS_FOLDER = ROOT / "prometheus"


def prometheus(
    folder: Path,
    port: int,
    targets: Mapping[str, Sequence[str]],
    source: Path = PROMETHEUS_FOLDER,
) -> AbstractContextManager[Server]:
    """Run Prometheus on the folder, with the configuration and the rules of `source`.

    `targets` are the addresses of each part, by the names of the files that the configuration
    reads.
    """
    configuration = folder / "prometheus"
    if not configuration.exists():
        (configuration / "targets").mkdir(parents=True)
        for name in ("prometheus.yml", "rules", "members"):
            (configuration / name).symlink_to(source / name)
        # Nobody asks for it here.
        (configuration / "internal").mkdir()
        (configuration / "internal/credential").write_text("none", encoding="utf-8")
    for name, addresses in targets.items():
        group = {"targets": [*addresses], "labels": {"instance": name}}
        target = configuration / "targets" / f"{name}.yml"
        target.write_text(json.dumps([group]), encoding="utf-8")
    words = [
        *_argv("prometheus"),
        f"--config.file={configuration / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        "--rules.alert.resend-delay=10s",
    ]
    return running(words, port, "/-/ready", folder / "prometheus.log")


def alertmanager(
    folder: Path, port: int, receiver: str, config: Path = ALERTMANAGER_CONFIG
) -> AbstractContextManager[Server]:
    """Run Alertmanager on the folder. Its only channel is the webhook of `receiver`, a base URL.

    Raises:
        BenchmarkError: the configuration cannot be rendered.
    """
    rendered = folder / "alertmanager" / "alertmanager.yml"
    secrets = folder / "secrets"
    secrets.mkdir(parents=True, exist_ok=True)
    (secrets / "stack_credential").write_text("none", encoding="utf-8")
    command: list[str | Path] = [
        sys.executable,
        ROOT / "alertmanager" / "render.py",
        f"--config={config}",
        f"--templates={ROOT / 'alertmanager' / 'templates'}",
        f"--secrets-dir={secrets}",
        f"--exporter-url={receiver}",
        f"--output={rendered}",
    ]
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run(  # noqa: S603  # a program of this checkout
        command, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"Alertmanager's configuration: {done.stderr[-500:]}")
    words = [
        *_argv("alertmanager"),
        f"--config.file={rendered}",
        f"--storage.path={folder / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    return running(words, port, "/-/ready", folder / "alertmanager.log")


@contextmanager
def webhook(on_message: Callable[[list[Mapping[str, Any]]], None]) -> Iterator[str]:
    """Serve a webhook, and yield its base URL. The alerts of each message are handed over."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            on_message(json.loads(body)["alerts"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _argv(name: str) -> list[str]:
    programs = Programs(ROOT / ".local" / "programs")
    argv = programs.argv(name)
    if argv is None:
        programs.fetch()
        argv = programs.argv(name) or []
    return argv
