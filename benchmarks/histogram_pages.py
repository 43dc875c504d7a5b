"""Pages of histograms for a Prometheus, in the text format and in the protobuf format.

The latter is written by hand, since prometheus_client has text formats only:
https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
"""

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KINDS = ("classic", "native, these buckets", "native, exponential buckets")
NAME = "benchmark_execution_time_ms"
# Those of metrics.yaml.
BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    *(10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0),
)
TEXT = "text/plain; version=0.0.4"
PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
_HISTOGRAM = 4  # MetricType
_SCHEMA = 3  # 8 buckets for each power of two: a factor of 1.09


class Page:
    """Histograms of which some get an observation before each scrape, one after the other.

    Each scrape is of a time of its own, `interval_seconds` after the one before; the last is now.
    All observations of a histogram are in two neighbouring buckets, as those of a benchmark are.
    """

    def __init__(
        self, kind: str, histograms: int, changing: int, interval_seconds: int, scrapes: int
    ) -> None:
        self._kind = kind
        self._counts = [10] * histograms
        self._changing = changing
        self._step_ms = interval_seconds * 1000
        self._last = scrapes
        self._first_ms = int(time.time()) * 1000 - scrapes * self._step_ms
        self.scrape = 0
        self.size_bytes = 0

    @property
    def content_type(self) -> str:
        return PROTOBUF if self._kind == KINDS[2] else TEXT

    def next(self) -> bytes:
        """Return the next scrape; after the last one, pages are empty."""
        if self.scrape >= self._last:
            return b""
        for place in range(self._changing):
            self._counts[(self.scrape * self._changing + place) % len(self._counts)] += 1
        self.scrape += 1
        at_ms = self._first_ms + self.scrape * self._step_ms
        page = self._protobuf(at_ms) if self._kind == KINDS[2] else self._text(at_ms)
        self.size_bytes = len(page)
        return page

    def _text(self, at_ms: int) -> bytes:
        lines = [f"# TYPE {NAME} histogram"]
        for number, count in enumerate(self._counts):
            labels = f'benchmark_name="project-{number:05}/compiled",iteration="median"'
            first = number % (len(BUCKETS) - 1)
            for place, bound in enumerate((*BUCKETS, "+Inf")):
                cumulative = 0 if place < first else count // 2 if place == first else count
                lines.append(f'{NAME}_bucket{{{labels},le="{bound}"}} {cumulative} {at_ms}')
            total = round(count * BUCKETS[first] * 0.973, 6)
            lines.append(f"{NAME}_sum{{{labels}}} {total} {at_ms}")
            lines.append(f"{NAME}_count{{{labels}}} {count} {at_ms}")
        return "".join(f"{line}\n" for line in lines).encode()

    def _protobuf(self, at_ms: int) -> bytes:
        metrics = b""
        for number, count in enumerate(self._counts):
            labels = b"".join(
                _field(1, _field(1, name) + _field(2, value))
                for name, value in (
                    (b"benchmark_name", f"project-{number:05}/compiled".encode()),
                    (b"iteration", b"median"),
                )
            )
            histogram = (
                _number(1, count)
                + _double(2, round(count * 0.973, 6))
                + _number(5, _zigzag(_SCHEMA))
                + _double(6, 1e-128)
                + _number(7, 0)
                + _field(12, _number(1, _zigzag(number % 64)) + _number(2, 2))
                + _number(13, _zigzag(count // 2))
                + _number(13, _zigzag(count - count // 2 - count // 2))
            )
            metrics += _field(4, labels + _number(6, at_ms) + _field(7, histogram))
        family = _field(1, NAME.encode()) + _number(3, _HISTOGRAM) + metrics
        return _varint(len(family)) + family


@contextmanager
def serve(page: Page) -> Iterator[int]:
    """Serve a page on a free port of the loopback interface, which is returned."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # named by the standard library
            body = page.next()
            self.send_response(200)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
