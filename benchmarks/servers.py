"""The exporter and its peers as processes on free loopback ports."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import psutil

from benchmarks.documents import group
from stack.programs import Programs
from stack.settings import ROOT

CONFIG = "config.yaml"
PROGRAM = (sys.executable, "-m", "benchmark_exporter")
WORK = ROOT / ".local" / "benchmarks"
PUSHGATEWAY_NAMES = ("pushgateway", "prometheus-pushgateway")
DEADLINE_SECONDS = 300.0
POLL_SECONDS = 0.002
WAIT_SECONDS = 0.02  # between checks for something that takes seconds, since checking costs too
PLAIN: Mapping[str, str] = {"Accept-Encoding": "identity"}
GZIP: Mapping[str, str] = {"Accept-Encoding": "gzip"}  # as Prometheus requests


class BenchmarkError(Exception):
    """A measurement failed; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running program. `ready_seconds` is the time from its start until it responded."""

    port: int
    process: psutil.Process
    ready_seconds: float

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)


def request(
    connection: HTTPConnection,
    path: str,
    headers: Mapping[str, str] = PLAIN,
    *,
    method: str = "GET",
    body: bytes | None = None,
) -> bytes:
    """Return the body of a response as sent over the wire.

    Raises:
        BenchmarkError: the response is not a success.
    """
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    data = response.read()
    if response.status >= HTTPStatus.BAD_REQUEST:
        raise BenchmarkError(
            f"{method} {path}: {response.status} {data[:200].decode(errors='replace')}"
        )
    return data


@contextmanager
def exporter(
    folder: Path,
    stream_port: int | None = None,
    port: int | None = None,
    options: Sequence[str] = (),
    program: Sequence[str] = PROGRAM,
) -> Iterator[Server]:
    """Run the exporter on the folder's results/, ledger.sqlite3 and, if present, config.yaml.

    `program` is the beginning of the command line, for the exporter of another checkout.
    """
    port, stream_port = port or free_port(), stream_port or free_port()
    (folder / "results").mkdir(exist_ok=True)
    config = [f"--config={folder / CONFIG}"] if (folder / CONFIG).exists() else []
    words = [
        *program,
        "serve",
        f"--listen=127.0.0.1:{port}",
        f"--results-dir={folder / 'results'}",
    ]
    words += [
        *config,
        f"--ledger={folder / 'ledger.sqlite3'}",
        f"--stream-listen=127.0.0.1:{stream_port}",
        *options,
    ]
    with running(words, port, "/-/ready", folder / "exporter.log") as server:
        yield server


@contextmanager
def pushgateway(folder: Path, *, consistency_check: bool) -> Iterator[Server]:
    """Run Pushgateway, which keeps its groups in the folder."""
    port = free_port()
    words = [
        *_pushgateway_argv(),
        f"--web.listen-address=127.0.0.1:{port}",
        f"--persistence.file={folder / 'groups'}",
        "--log.level=error",
    ]
    if not consistency_check:
        words.append("--push.disable-consistency-check")
    with running(words, port, "/-/ready", folder / "pushgateway.log") as server:
        yield server


def fill_pushgateway(folder: Path, groups: int) -> None:
    """Fill the folder with a Pushgateway's groups.

    This is done without the consistency check, which takes longer with each group.
    """
    with pushgateway(folder, consistency_check=False) as server:
        connection = server.connect()
        for number in range(groups):
            push(connection, number, 1.0)
        connection.close()


def push(connection: HTTPConnection, number: int, value: float) -> None:
    """Replace one group of 20 series."""
    body = group(number, value, grouping_labels=False)
    request(connection, f"/metrics/job/bench/instance/g{number}", method="PUT", body=body)


@contextmanager
def textfile_collector(folder: Path) -> Iterator[Server]:
    """Run node_exporter with only its textfile collector, on `folder/textfiles`."""
    programs = Programs(ROOT / ".local" / "programs")
    argv = programs.argv("node_exporter")
    if argv is None:
        programs.fetch()
        argv = programs.argv("node_exporter") or []
    port = free_port()
    words = [
        *argv,
        f"--web.listen-address=127.0.0.1:{port}",
        "--collector.disable-defaults",
        "--web.disable-exporter-metrics",
    ]
    words += [
        "--collector.textfile",
        f"--collector.textfile.directory={folder / 'textfiles'}",
        "--log.level=error",
    ]
    with running(words, port, "/", folder / "node_exporter.log") as server:
        yield server


@contextmanager
def prometheus(folder: Path) -> Iterator[Server]:
    """Run a Prometheus on `folder/data` that only accepts remote writes and makes snapshots."""
    programs = Programs(ROOT / ".local" / "programs")
    argv = programs.argv("prometheus")
    if argv is None:
        programs.fetch()
        argv = programs.argv("prometheus") or []
    port = free_port()
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    words = [
        *argv,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--log.level=error",
    ]
    words += [
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--web.enable-admin-api",
    ]
    with running(words, port, "/-/ready", folder / "prometheus.log") as server:
        yield server


def _pushgateway_argv() -> list[str]:
    """Return Pushgateway from PATH, or else from Debian's package, unpacked at first use."""
    unpacked = WORK / "pushgateway"
    for name in PUSHGATEWAY_NAMES:
        found = shutil.which(name) or shutil.which(unpacked / "usr/bin" / name)
        if found is not None:
            return [found]
    part = unpacked.with_name("pushgateway.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    fetch: list[str | Path] = [
        ROOT / "stack/debian-packages",
        "own",
        part,
        "prometheus-pushgateway",
    ]
    # A program of this checkout.
    done = subprocess.run(fetch, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode or not (part / "usr/bin" / PUSHGATEWAY_NAMES[-1]).is_file():
        raise BenchmarkError(
            "Pushgateway is not on PATH and its package cannot be fetched; --no-peers omits it:\n"
            f"{done.stderr[-500:]}"
        )
    part.rename(unpacked)
    return [str(unpacked / "usr/bin" / PUSHGATEWAY_NAMES[-1])]


@contextmanager
def running(words: Sequence[str], port: int, ready_path: str, log: Path) -> Iterator[Server]:
    """Run a program that listens on the port, and yield once the path responds."""
    started = time.perf_counter()
    with log.open("ab") as output:
        process = psutil.Popen(words, stdout=output, stderr=output)
    try:
        _until_ready(process, port, ready_path, log)
        yield Server(port, process, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


def _until_ready(process: psutil.Popen, port: int, path: str, log: Path) -> None:
    deadline = time.perf_counter() + DEADLINE_SECONDS
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
        try:
            request(connection, path)
        except (OSError, BenchmarkError) as error:
            if process.poll() is not None or time.perf_counter() > deadline:
                program = Path(process.args[0]).name
                raise BenchmarkError(
                    f"{program} does not become ready, see {log}: {log.read_text()[-500:]}"
                ) from error
            time.sleep(WAIT_SECONDS)
        else:
            return
        finally:
            connection.close()


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
