"""Remote write over real sockets: what is retried, what is given up, and how it is reported.

tests/rules writes to a real Prometheus.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmark_exporter.commands.remote_write import (
    WRITE_RETRY_SECONDS,
    Point,
    ReceiverOffError,
    RefusedError,
    RemoteWriteError,
    RemoteWriter,
    encode,
    snappy,
)

POINT = Point((("__name__", "a"), ("job", "b")), 1000, 2.0)


@contextmanager
def answering(*answers: tuple[int, str]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives each answer once, the last one for ever; its address and bodies."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # http.server's name
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, text = answers[min(len(bodies), len(answers)) - 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Logs nothing: the test reads `bodies`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write(
    url: str, sleep: Callable[[float], None] = lambda _: None, points: Sequence[Point] = (POINT,)
) -> None:
    with RemoteWriter(url, sleep=sleep) as writer:
        writer.write(points)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_temporary_failure_is_retried(status: int) -> None:
    pauses: list[float] = []
    with answering((status, "busy"), (status, "busy"), (204, "")) as (url, bodies):
        write(url, pauses.append)
    assert pauses == list(WRITE_RETRY_SECONDS[:2])
    assert bodies == [encode([POINT])] * 3


def test_a_lasting_failure_is_given_up_with_the_servers_reason() -> None:
    with (
        answering((503, "no room")) as (url, bodies),
        pytest.raises(RemoteWriteError, match=f"^{url}/api/v1/write: 503: no room$"),
    ):
        write(url)
    assert len(bodies) == len(WRITE_RETRY_SECONDS) + 1


@pytest.mark.parametrize(
    ("status", "text", "refusal"),
    [
        (400, "too old sample", "too_old"),
        (500, "too old sample", "too_old"),  # Prometheus 2.42
        (400, "out of bounds", "too_old"),
        (400, "out of order sample", "too_old"),  # without a window
        (400, "duplicate sample for timestamp", "conflict"),
    ],
)
def test_a_refused_sample_is_not_retried(status: int, text: str, refusal: str) -> None:
    with answering((status, text)) as (url, bodies):
        with pytest.raises(RefusedError, match=text) as refused:
            write(url)
        assert refused.value.refusal == refusal
        assert len(bodies) == 1


def test_another_error_is_reported_at_once() -> None:
    with (
        answering((400, "label name is not valid")) as (url, bodies),
        pytest.raises(RemoteWriteError, match="400: label name"),
    ):
        write(url)
    assert len(bodies) == 1


def test_a_receiver_that_is_off_is_reported_with_what_to_do() -> None:
    with (
        answering((404, "remote write receiver needs to be enabled")) as (url, _),
        pytest.raises(
            ReceiverOffError, match=r"--web\.enable-remote-write-receiver .* --blocks FOLDER"
        ),
    ):
        write(url)


def test_a_missing_server_is_reported_after_some_tries(free_port: Callable[[], int]) -> None:
    pauses: list[float] = []
    with pytest.raises(
        RemoteWriteError,
        match=r"cannot be reached: .*refused; is Prometheus running there\? --url gives another",
    ):
        write(f"http://127.0.0.1:{free_port()}", pauses.append)
    assert pauses == list(WRITE_RETRY_SECONDS)


def test_a_prefix_of_the_path_is_kept() -> None:
    with (
        answering((404, "")) as (url, _),
        pytest.raises(ReceiverOffError, match=f"^{url}/prometheus/api/v1/write: "),
    ):
        write(f"{url}/prometheus/")


@pytest.mark.parametrize("url", ["", "127.0.0.1:9090", "ftp://host", "http://host:port"])
def test_a_wrong_address_is_named(url: str) -> None:
    with pytest.raises(RemoteWriteError, match="is not an address of Prometheus, like http"):
        RemoteWriter(url)


def test_the_message_is_protobuf_in_snappy() -> None:
    """Written by hand from the formats' descriptions; a time before 1970 is a negative int64."""
    label = b"\x0a\x0d\x0a\x08__name__\x12\x01a" + b"\x0a\x08\x0a\x03job\x12\x01b"
    sample = b"\x12\x14\x09" + b"\x00" * 6 + b"\x00\x40" + b"\x10" + b"\xff" * 9 + b"\x01"
    message = b"\x0a" + bytes([len(label + sample)]) + label + sample
    assert (
        encode([Point(POINT.labels, -1, 2.0)])
        == bytes([len(message)]) + b"\xf4" + bytes([len(message) - 1, 0]) + message
    )


def test_long_data_is_split_into_literals() -> None:
    data = bytes(range(256)) * 300
    assert (
        snappy(data)
        == b"\x80\xd8\x04" + b"\xf4\xff\xff" + data[:65536] + b"\xf4\xff\x2b" + data[65536:]
    )
