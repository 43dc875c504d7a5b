"""Prometheus, VictoriaMetrics and vmauth, started as `make up` does, on made-up load."""

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.servers import WORK, BenchmarkError, free_port
from stack import credential, long_term, remote_write
from stack import settings as stack_settings
from stack.long_term_programs import LongTermPrograms
from stack.programs import Programs
from stack.settings import ROOT, Settings

SENT = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"
DEADLINE_SECONDS = 120.0
STOP_SECONDS = 60.0
PARTS = ("target", "prometheus", "victoriametrics", "vmauth")


@dataclass
class Servers:
    """The processes, by their names, and where they listen."""

    folder: Path
    settings: Settings
    ports: Mapping[str, int]
    commands: Mapping[str, list[str]]
    processes: dict[str, psutil.Process] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one; its log is in the folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # a program of this checkout
                self.commands[name], cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.processes[name] = psutil.Process(process.pid)

    def stop(self, name: str) -> None:
        """End one, and wait until it has gone."""
        process = self.processes.pop(name)
        process.terminate()
        with suppress(psutil.NoSuchProcess):
            process.wait(STOP_SECONDS)

    def write_to_store(self, *, is_on: bool) -> None:
        """Write Prometheus' configuration with remote write or without, and have it read."""
        _configure(self.folder, self.settings, self.ports, is_on=is_on)
        self.request("prometheus", "/-/reload", method="POST")

    def request(
        self, name: str, path: str, method: str = "GET", data: bytes | None = None
    ) -> bytes:
        """The body of an answer; the stack's credential is sent with the request."""
        asked = urllib.request.Request(  # our own http address
            f"http://127.0.0.1:{self.ports[name]}{path}",
            data=data,
            headers={"Authorization": f"Basic {credential.basic(self.settings)}"},
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=DEADLINE_SECONDS) as answer:  # noqa: S310
            body: bytes = answer.read()
        return body

    def query(self, name: str, expression: str, at: float | None = None) -> float:
        """The one value of an instant query; 0 without one."""
        words = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
        path = f"/api/v1/query?{urllib.parse.urlencode(words)}"
        result: list[Any] = json.loads(self.request(name, path))["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def metric(self, name: str, metric: str) -> float:
        """The sum of a metric in a server's own exposition."""
        lines = self.request(name, "/metrics").decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith((f"{metric}{{", f"{metric} "))
        )

    def cpu_seconds(self) -> dict[str, float]:
        """The CPU time that each process has used."""
        times = {name: process.cpu_times() for name, process in self.processes.items()}
        return {name: used.user + used.system for name, used in times.items()}

    def wal_bytes(self) -> int:
        files = (self.folder / "prometheus-data/wal").rglob("*")
        return sum(path.stat().st_size for path in files if path.is_file())


@contextmanager
def running(benchmarks: int) -> Iterator[Servers]:
    """Start all of them, Prometheus without remote write.

    Raises:
        BenchmarkError: one does not answer.
    """
    folder = WORK / f"long-term-{os.getpid()}"
    settings = _settings(folder)
    ports = {name: free_port() for name in PARTS}
    _configure(folder, settings, ports, is_on=False)
    servers = Servers(folder, settings, ports, _commands(folder, settings, ports, benchmarks))
    try:
        for name in PARTS:
            servers.start(name)
        for name, path in (("prometheus", "/-/ready"), ("vmauth", "/api/v1/query?query=1")):
            wait_for(servers, name, path)
        yield servers
    finally:
        for name in list(servers.processes):
            servers.stop(name)


def wait_for(servers: Servers, name: str, path: str) -> None:
    """Wait until a path answers.

    Raises:
        BenchmarkError: it does not.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            servers.request(name, path)
            return
        time.sleep(0.1)
    raise BenchmarkError(f"{name} does not answer; {servers.folder}/{name}.log says why")


def _settings(folder: Path) -> Settings:
    values = {**stack_settings.defaults().values, "LONG_TERM_STORE": "yes"}
    settings = replace(stack_settings.defaults(), root=folder, values=values)
    settings.secrets_dir.mkdir(parents=True)
    settings.state_dir.mkdir()
    list(credential.make(settings))
    return settings


def _configure(folder: Path, settings: Settings, ports: Mapping[str, int], *, is_on: bool) -> None:
    target = {"static_configs": [{"targets": [f"127.0.0.1:{ports['target']}"]}]}
    written = remote_write.sections(settings, f"http://127.0.0.1:{ports['vmauth']}")
    document = {
        "global": {"scrape_interval": "15s"},
        "scrape_configs": [
            {"job_name": "state", "metrics_path": "/state", "scrape_interval": "1s", **target},
            {"job_name": "slow", "metrics_path": "/slow", "scrape_interval": "30s", **target},
        ],
        **({"remote_write": written} if is_on else {}),
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    internal = folder / credential.FOLDER
    internal.unlink(missing_ok=True)
    internal.symlink_to(credential.folder(settings))


def _commands(
    folder: Path, settings: Settings, ports: Mapping[str, int], benchmarks: int
) -> dict[str, list[str]]:
    programs = LongTermPrograms(ROOT / ".local/programs/long-term")
    list(programs.fetch())
    prometheus = Programs(ROOT / ".local/programs").argv("prometheus")
    if prometheus is None:
        raise BenchmarkError("prometheus is not there; `make up` fetches it")
    secret = credential.folder(settings) / "credential"
    address = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    long_term.write(settings, address["victoriametrics"])
    auth = str(settings.state_dir / long_term.FOLDER / long_term.NAME)
    return {
        "target": [
            *(sys.executable, "-m", "benchmarks.long_term_load"),
            *(str(ports["target"]), str(benchmarks)),
        ],
        "prometheus": [
            *prometheus,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus-data'}",
            "--storage.tsdb.wal-compression",
            "--web.enable-lifecycle",
            f"--web.listen-address={address['prometheus']}",
        ],
        "victoriametrics": long_term.store_argv(
            programs.argv("victoriametrics"),
            settings,
            address["victoriametrics"],
            str(folder / "victoriametrics-data"),
            secret,
        ),
        "vmauth": long_term.vmauth_argv(programs.argv("vmauth"), address["vmauth"], auth, secret),
    }
