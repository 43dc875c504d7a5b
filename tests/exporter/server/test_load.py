"""Clients that hold connections, send endlessly, or do not read: others are served meanwhile."""

import gzip
import socket
from collections.abc import Callable, Iterator

import pytest

from benchmark_exporter.server.connections import HEAD_SECONDS
from benchmark_exporter.server.descriptors import ConnectionLimits
from tests.support.attacking import Attacked, held, until_closed
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.upload_server import CONFIG
from tests.support.uploading import TOKEN

# Few, so that an attack is quick. The connections to each port are fewer.
DESCRIPTORS = 256
MANY = 400
MEGABYTE = 1024 * 1024
UPLOAD = f"POST /api/v1/results HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
ALERTS = "POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\n"
GITHUB = "POST /api/v1/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=0\r\n"
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNK = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
HALF_HEADS = {
    "silent": b"",
    "half a line": b"GET /metr",
    "half the headers": b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: ",
    "no end of a header": b"GET /metrics HTTP/1.1\r\nX-A: " + b"a" * 8000,
    "idle": b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n",
}
WRONG_HEADS = {
    "long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X-A: a\r\n" * 5000 + b"\r\n",
    "many long headers": b"GET / HTTP/1.1\r\n" + (b"X-A: " + b"a" * 7000 + b"\r\n") * 60,
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "wrong chunk": b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
}
BODIES = {
    "alerts": f"{ALERTS}Content-Length: {4 * MEGABYTE}\r\n\r\n".encode() + bytes(4 * MEGABYTE - 1),
    "uploads": f"{UPLOAD}Content-Length: {8 * MEGABYTE}\r\n\r\n".encode() + bytes(8 * MEGABYTE - 1),
    "deliveries": f"{GITHUB}Content-Length: {MEGABYTE}\r\n\r\n".encode() + bytes(MEGABYTE - 1),
    "no token": UPLOAD.replace(TOKEN, "wrong").encode() + b"Content-Length: 9999\r\n\r\n",
    "no such page": b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n",
    "chunked alerts": f"{ALERTS}Transfer-Encoding: chunked\r\n\r\n".encode() + CHUNK * 120,
    "chunked uploads": f"{UPLOAD}Transfer-Encoding: chunked\r\n\r\n".encode() + CHUNK * 240,
    "chunked scrapes": SCRAPE[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 100,
}


@pytest.fixture(scope="module")
def attacked(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Attacked]:
    """An exporter with few descriptors that accepts uploads and deliveries and has a stream."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "config.yaml").write_text(
        CONFIG.replace("max_file_bytes: 100000", f"max_file_bytes: {8 * MEGABYTE}")
    )
    for name in ("tokens", "secrets"):
        (folder / name).write_text(f"ci {TOKEN}\n")
    running = Exporter(
        folder,
        free_port(),
        f"--config={folder / 'config.yaml'}",
        f"--upload-tokens={folder / 'tokens'}",
        f"--github-webhook-secret={folder / 'secrets'}",
        stream_port=free_port(),
        descriptors=DESCRIPTORS,
    )
    attacked = Attacked(running)
    with attacked.survives(memory_bytes=100 * MEGABYTE):
        pass  # what it imports and allocates at first use is no fault of an attack
    yield attacked
    assert running.stop() == 0


@pytest.mark.parametrize("name", HALF_HEADS)
def test_half_sent_requests(attacked: Attacked, name: str) -> None:
    exporter = attacked.exporter
    with attacked.survives(memory_bytes=20 * MEGABYTE):
        with held(exporter.port, [HALF_HEADS[name]] * MANY):
            pass
        with held(exporter.stream_port, [HALF_HEADS[name]] * MANY):
            exporter.until(lambda: stream_page(exporter) == b"HTTP/1.1 200")


def test_a_half_sent_request_is_given_up(attacked: Attacked) -> None:
    exporter = attacked.exporter
    requests = [HALF_HEADS["silent"], HALF_HEADS["half a line"], HALF_HEADS["half the headers"]]
    with (
        held(exporter.port, requests) as first,
        held(exporter.stream_port, requests) as second,
    ):
        until_closed([*first, *second], exporter)
    assert HEAD_SECONDS < DEADLINE_SECONDS / 2
    assert "a request was not complete in time" in exporter.log.read_text()


@pytest.mark.parametrize("name", WRONG_HEADS)
def test_malformed_requests(attacked: Attacked, name: str) -> None:
    exporter = attacked.exporter
    with attacked.survives(memory_bytes=20 * MEGABYTE):
        for port in (exporter.port, exporter.stream_port):
            with held(port, [WRONG_HEADS[name]] * 50) as connections:
                until_closed(connections, exporter)


@pytest.mark.parametrize("name", BODIES)
def test_bodies_without_end(attacked: Attacked, name: str) -> None:
    with (
        attacked.survives(memory_bytes=50 * MEGABYTE),
        held(attacked.exporter.port, [BODIES[name]] * 60),
    ):
        pass


def test_answers_that_nobody_reads(attacked: Attacked) -> None:
    with (
        attacked.survives(memory_bytes=40 * MEGABYTE),
        held(attacked.exporter.port, [SCRAPE * 200] * MANY),
    ):
        pass


def test_gzip_bombs(attacked: Attacked) -> None:
    bomb = gzip.compress(bytes(100 * MEGABYTE))
    head = f"{UPLOAD}Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    with (
        attacked.survives(memory_bytes=50 * MEGABYTE),
        held(attacked.exporter.port, [head.encode() + bomb] * 20) as connections,
    ):
        attacked.exporter.until(lambda: any(b" 413 " in peeked(each)[:20] for each in connections))


def test_thousands_of_connects(attacked: Attacked) -> None:
    exporter = attacked.exporter
    with attacked.survives(memory_bytes=20 * MEGABYTE):
        for port in (exporter.port, exporter.stream_port):
            for reset in (False, True):
                with held(port, [SCRAPE] * MANY, reset=reset):
                    pass


def test_those_that_follow_the_stream_leave_room_for_its_page(attacked: Attacked) -> None:
    exporter = attacked.exporter
    limits = ConnectionLimits(DESCRIPTORS)
    handshake = (
        b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with (
        attacked.survives(memory_bytes=30 * MEGABYTE),
        held(exporter.stream_port, [handshake] * MANY) as clients,
    ):
        exporter.until(lambda: stream_page(exporter) == b"HTTP/1.1 200")
        followers = sum(b" 101 " in peeked(each)[:20] for each in clients)
        assert followers == limits.followers(1000)


def stream_page(exporter: Exporter) -> bytes:
    with socket.create_connection(("127.0.0.1", exporter.stream_port), DEADLINE_SECONDS) as page:
        page.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return page.recv(12)


def peeked(connection: socket.socket) -> bytes:
    try:
        return connection.recv(100, socket.MSG_PEEK)
    except OSError:
        return b""
