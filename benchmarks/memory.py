"""Measure the exporter's memory at its limits: `python -m benchmarks.memory`."""

import argparse
import gzip
import json
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers
from benchmarks.documents import perf_suite
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import GZIP, PLAIN, BenchmarkError, Server, free_port, request
from benchmarks.stream_clients import UPGRADE
from stack.settings import StackError

MEGABYTE = 10**6
# docker-compose.yml's mem_limit of the exporter, and how much of it may be used.
LIMIT_MEGABYTES, SHARE = 512 * 1024**2 / MEGABYTE, 0.7
SETTLED_SECONDS = 8.0
SCRAPES = 20
BODY_BYTES, BODIES = 4 * 1024 * 1024 - 1, 150
# What fills both parts of the exposition up to max_series: perf_suite's projects have histograms,
# pipelines have none.
FULL_PROJECTS, FULL_PIPELINES = 655, 14_000
TOKEN = "a-token-of-the-benchmark"  # noqa: S105  # of an exporter that ends with it
UPLOAD = f"POST /api/v1/results HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # many connections
    figures: list[Figure] = []
    situations: dict[str, Callable[[Path], Iterator[Figure]]] = {
        "idle": _idle,
        "series": _series,
        "files": lambda folder: _files(folder, options.files),
        "burst": lambda folder: _burst(folder, options.burst),
        "clients": lambda folder: _clients(folder, options.clients),
        "bodies": _bodies,
        "together": lambda folder: _together(folder, options.clients),
    }
    try:
        for name in options.only or situations:
            progress(name)
            with TemporaryDirectory(prefix="memory-", dir=servers.WORK) as folder:
                figures += situations[name](Path(folder))
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.memory: {error}", file=sys.stderr)
        return 1
    words = f"--files={options.files} --burst={options.burst} --clients={options.clients}"
    write(options.output, f"python -m benchmarks.memory {words}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    for name, count, what in (
        ("files", 200_000, "files in the results folder"),
        ("burst", 20_000, "files that appear at once"),
        ("clients", 2_000, "clients that follow the stream"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=count, metavar="N", help=f"{what} (%(default)s)"
        )
    parser.add_argument(
        "--only", action="append", metavar="SITUATION", help="measure this, not all"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "memory.md",
        metavar="FILE",
        help="the table to write (%(default)s)",
    )
    return parser


def _idle(folder: Path) -> Iterator[Figure]:
    with servers.exporter(folder) as server:
        _scrape(server, SCRAPES)
        yield from _figures("idle", server)


def _series(folder: Path) -> Iterator[Figure]:
    """Both parts full, scraped as Prometheus and as people do, while runs come."""
    stream_port = free_port()
    _fill(folder)
    with servers.exporter(folder, stream_port) as server:
        _scrape(server, 2)
        yield from _figures("full exposition, after the first scan", server)
        with _followers(stream_port, 100):
            _use(folder, server, stream_port)
        lines = _get(server.port, "/metrics").splitlines()
        series = sum(not line.startswith(b"#") for line in lines)
        yield Figure("series in both parts of the full exposition", series, "series")
        yield from _figures("full exposition, scraped plain and gzip, trends, 100 clients", server)


def _together(folder: Path, clients: int) -> Iterator[Figure]:
    """All of it at once, but for the files."""
    (folder / servers.CONFIG).write_text(f"stream_max_clients: {clients}\n")
    stream_port = free_port()
    _fill(folder)
    with (
        servers.exporter(folder, stream_port, options=[_tokens(folder)]) as server,
        _followers(stream_port, clients),
        ExitStack() as stack,
    ):
        _hold_bodies(stack, server)
        _send_documents(stack, server)
        _use(folder, server, stream_port)
        yield from _figures("full exposition, clients, bodies and documents at once", server)


def _fill(folder: Path) -> None:
    _write(folder, range(FULL_PROJECTS))
    for number in range(FULL_PIPELINES):
        document = {
            "schema": "strataregula.pipeline/1",
            "pipeline": f"pipeline-{number}",
            "branch": "main",
            "trigger": "push",
            "run_id": str(number),
            "status": "pass",
            "timestamp": "2026-01-01T00:00:00Z",
            "duration_seconds": 60.0 + number,
        }
        (folder / "results" / f"pipeline-{number}.json").write_text(json.dumps(document))


def _use(folder: Path, server: Server, stream_port: int) -> None:
    for number in range(SCRAPES):
        _write(folder, [FULL_PROJECTS + number])
        _scrape(server, 2)
        _get(stream_port, "/api/v1/trends")


def _files(folder: Path, files: int) -> Iterator[Figure]:
    """Many known files. What is kept of one is the same for a duplicate, which is read faster."""
    _write(folder, range(min(files, FULL_PROJECTS)))
    copy = perf_suite("project-00000", 0)
    for number in range(FULL_PROJECTS, files):
        (folder / "results" / f"{number:06}.json").write_bytes(copy)
    for start in ("first start", "next start"):
        with servers.exporter(folder) as server:
            _scrape(server, SCRAPES)
            yield from _figures(f"{files:,} files, {start}", server)


def _burst(folder: Path, files: int) -> Iterator[Figure]:
    with servers.exporter(folder) as server:
        _write(folder, range(files))
        connection = server.connect()
        counted = f'files_ingested_total{{format="perf_suite"}} {files}\n'.encode()
        deadline = time.monotonic() + servers.DEADLINE_SECONDS
        while counted not in request(connection, "/metrics"):
            if time.monotonic() > deadline:
                raise BenchmarkError("the burst was not ingested in time")
            time.sleep(0.5)
        yield from _figures(f"a burst of {files:,} files", server)


def _clients(folder: Path, clients: int) -> Iterator[Figure]:
    (folder / servers.CONFIG).write_text(f"stream_max_clients: {clients}\n")
    stream_port = free_port()
    with servers.exporter(folder, stream_port) as server, _followers(stream_port, clients):
        for number in range(100):
            _write(folder, [number])
            _scrape(server, 1)
        yield from _figures(f"{clients:,} clients of the stream", server)


def _bodies(folder: Path) -> Iterator[Figure]:
    """Every share of the memory for bodies taken, held open, and then the largest document."""
    with servers.exporter(folder, options=[_tokens(folder)]) as server:
        _scrape(server, 2)
        with ExitStack() as stack:
            _hold_bodies(stack, server)
            yield from _figures(f"{2 * BODIES} bodies of {BODY_BYTES:,} bytes held open", server)
        with ExitStack() as stack:
            _send_documents(stack, server)
            _scrape(server, SCRAPES)
        yield from _figures("the largest documents, uploaded with gzip", server)


def _tokens(folder: Path) -> str:
    (folder / "tokens").write_text(f"ci {TOKEN}\n")
    return f"--upload-tokens={folder / 'tokens'}"


def _hold_bodies(stack: ExitStack, server: Server) -> None:
    for start in ("POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\n", UPLOAD):
        whole = f"{start}Content-Length: {BODY_BYTES + 1}\r\n\r\n".encode() + b" " * BODY_BYTES
        for _ in range(BODIES):
            _send(stack, server.port, whole)


def _send_documents(stack: ExitStack, server: Server) -> None:
    body = gzip.compress(_largest_document())
    head = f"{UPLOAD}Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(10):
        _send(stack, server.port, head.encode() + body)


def _largest_document() -> bytes:
    """Return a document of almost max_file_bytes that has to be read whole to be refused."""
    results = [{"name": f"n{number}", "unit": "s"} for number in range(300_000)]
    return json.dumps({"format": "benchmark-result", "results": results}).encode()[: 10 * 2**20 - 1]


def _figures(what: str, server: Server) -> Iterator[Figure]:
    """Return the most memory so far, and what is left of it after a while."""
    yield Figure(f"{what}, peak", _status(server, "VmHWM"), "MB", at_most=LIMIT_MEGABYTES * SHARE)
    time.sleep(SETTLED_SECONDS)
    yield Figure(f"{what}, then", _status(server, "VmRSS"), "MB")


def _status(server: Server, key: str) -> float:
    """Return an amount of memory as the kernel counts it, in MB."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    raise BenchmarkError(f"the kernel does not count {key}")


def _scrape(server: Server, times: int) -> None:
    """Scrape as Prometheus does, and whole as people do."""
    connection = server.connect()
    for _ in range(times):
        request(connection, "/metrics?collect[]=state", GZIP)
        request(connection, "/metrics?collect[]=distributions&collect[]=resources", GZIP)
        request(connection, "/metrics", PLAIN)
    connection.close()


def _get(port: int, path: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=servers.DEADLINE_SECONDS)
    try:
        return request(connection, path)
    finally:
        connection.close()


def _write(folder: Path, numbers: Iterable[int]) -> None:
    """Write one run each; the runs of FULL_PROJECTS numbers are of different projects."""
    results = folder / "results"
    results.mkdir(exist_ok=True)
    for number in numbers:
        part = results / f"{number:06}.part"
        part.write_bytes(perf_suite(f"project-{number % FULL_PROJECTS:05}", number))
        part.rename(part.with_suffix(".json"))


@contextmanager
def _followers(port: int, clients: int) -> Iterator[None]:
    """Clients of the stream that do not read what they are sent."""
    with ExitStack() as stack:
        for _ in range(clients):
            connection = _send(stack, port, UPGRADE)
            if b" 101 " not in connection.recv(64):
                raise BenchmarkError("the stream refuses a client")
        yield


def _send(stack: ExitStack, port: int, data: bytes) -> socket.socket:
    """Open a connection that stays open, and send what is taken at once."""
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 0.5))
    with suppress(OSError):  # refused, or not read any further
        connection.sendall(data)
    connection.settimeout(servers.DEADLINE_SECONDS)
    return connection


if __name__ == "__main__":
    sys.exit(main())
