"""Uploads to a running exporter: the size, encoding and speed of their bodies."""

import gzip
import json
import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.server.bodies import UPLOADS_BYTES
from tests.support.documents import perf_suite
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.upload_server import (
    MAX_BYTES,
    accepting_uploads,
    ingested,
    kept,
    refused,
    request_head,
)
from tests.support.uploading import TOKEN, upload


def test_gzip_and_plain_are_the_same_document(exporter: Exporter) -> None:
    document = json.dumps(perf_suite()).encode()
    first = upload(exporter, gzip.compress(document), Content_Encoding="gzip")
    second = upload(exporter, document)
    assert (first.status, second.status) == (201, 200)
    assert first.json == second.json


@pytest.mark.parametrize(
    "body",
    [b"{}", gzip.compress(b"{}" * 999)[:-9], gzip.compress(b"{}")[:-8] + bytes(8), b""],
    # Named, since gzip writes the time, which must not be part of a test's name.
    ids=["plain", "cut", "wrong_checksum", "empty"],
)
def test_a_body_that_is_not_gzip_is_refused(exporter: Exporter, body: bytes) -> None:
    assert refused(upload(exporter, body, Content_Encoding="gzip")) == (
        400,
        "malformed_gzip" if body else "truncated",
    )


def test_a_document_of_the_largest_size_is_accepted_and_a_larger_one_is_not(
    exporter: Exporter,
) -> None:
    document = json.dumps(perf_suite()).encode()
    assert refused(upload(exporter, document.ljust(MAX_BYTES + 1))) == (413, "too_large")
    assert refused(
        upload(exporter, gzip.compress(document.ljust(MAX_BYTES + 1)), Content_Encoding="gzip")
    ) == (413, "too_large")
    assert (
        upload(exporter, gzip.compress(document.ljust(MAX_BYTES)), Content_Encoding="gzip").status
        == 201
    )


def test_a_gzip_bomb_is_not_unpacked(exporter: Exporter) -> None:
    layer = gzip.compress(bytes(50_000_000))
    assert len(layer) < MAX_BYTES
    before = exporter.value("process_resident_memory_bytes")
    assert refused(upload(exporter, layer, Content_Encoding="gzip")) == (413, "too_large")
    time.sleep(1.1)  # for how long a sample of the memory is shared
    after = exporter.value("process_resident_memory_bytes")
    assert before
    assert after
    assert after - before < 20_000_000


def test_a_body_that_grows_too_large_is_not_received(exporter: Exporter) -> None:
    head = request_head("Transfer-Encoding: chunked")
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", exporter.port)) as connection:
        connection.sendall(head + chunk * 11)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_another_encoding_is_refused_with_the_supported_one(exporter: Exporter) -> None:
    answer = upload(exporter, b"", Content_Encoding="br")
    assert refused(answer) == (415, "unsupported_encoding")
    assert answer.headers["Accept-Encoding"] == "gzip"


def test_half_an_upload_leaves_nothing_behind(exporter: Exporter) -> None:
    document = json.dumps(perf_suite()).encode()
    head = request_head(f"Content-Length: {len(document)}")
    with socket.create_connection(("127.0.0.1", exporter.port)) as connection:
        connection.sendall(head + document[:100])
        # A slow one delays nobody else.
        assert upload(exporter, perf_suite("another")).status == 201
        exporter.until(lambda: ingested(exporter) == 1)
    exporter.until(lambda: "an upload was refused: incomplete" in exporter.log.read_text())
    assert len(kept(exporter)) == 1
    assert "Traceback" not in exporter.log.read_text()


def test_a_body_that_does_not_come_times_out(tmp_path: Path, free_port: Callable[[], int]) -> None:
    running = accepting_uploads(tmp_path, free_port(), "upload_timeout_seconds: 0.2\n")
    head = request_head("Content-Length: 100")
    with socket.create_connection(
        ("127.0.0.1", running.port), timeout=DEADLINE_SECONDS
    ) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    assert running.stop() == 0


def test_slow_bodies_together_take_no_more_than_the_memory_limit(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "upload_tokens").write_text(TOKEN)
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tmp_path / 'upload_tokens'}")
    size = Config().max_file_bytes
    head = request_head(f"Content-Length: {size}")
    with ExitStack() as stack:
        slow = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", running.port), timeout=DEADLINE_SECONDS)
            )
            for _ in range(UPLOADS_BYTES // size + 1)
        ]
        for connection in slow:
            connection.sendall(head + b" " * (size - 1))
        answered = select.select(slow, [], [], DEADLINE_SECONDS)[0]
        assert [connection.recv(100)[:13] for connection in answered] == [b"HTTP/1.1 503 "]
    running.until(lambda: upload(running, perf_suite()).status == 201)
    assert running.stop() == 0
