"""Samples of any time into Prometheus, by its remote write protocol 1.0.

https://prometheus.io/docs/specs/prw/remote_write_spec/ asks for protobuf, compressed by snappy. Its
one message is small, and snappy may leave data uncompressed, so neither needs a library.
"""

import http.client
import logging
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Literal, Self
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

WRITE_PATH = "/api/v1/write"
TIMEOUT_SECONDS = 30.0
WRITE_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)

# A sorted tuple of names and values; the metric's name is the label __name__.
Labels = tuple[tuple[str, str], ...]
Refusal = Literal["too_old", "conflict"]
# How Prometheus refuses a sample. Before 2.43 or so it does so with status 500.
_REFUSALS: dict[str, Refusal] = {
    "too old sample": "too_old",
    "out of bounds": "too_old",
    "out of order sample": "too_old",
    "duplicate sample for timestamp": "conflict",
}
# Snappy's longest literal with a length of two bytes.
_LITERAL_BYTES = 65536
_LITERAL_TAG = 61 << 2
_VARINT, _FIXED64, _LENGTH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Point:
    """A sample of a series at a time, in milliseconds since 1970."""

    labels: Labels
    timestamp_ms: int
    value: float


class RemoteWriteError(Exception):
    """The samples cannot be written; the message names the address, the reason and what to do."""


class ReceiverOffError(RemoteWriteError):
    """The server does not accept remote writes."""


class RefusedError(RemoteWriteError):
    """The server refuses these samples: one is too old, or contradicts what is there."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal


class RemoteWriter:
    """Writes to one server over one connection. `url` is the server's, like http://127.0.0.1:9090.

    `headers` are sent with each request.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises RemoteWriteError where `url` is not an HTTP address."""
        try:
            parts = urlsplit(url)
            connect = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}[
                parts.scheme
            ]
            self._connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        except (ValueError, KeyError, http.client.InvalidURL) as error:
            raise RemoteWriteError(
                f"{url!r} is not an address of Prometheus, like http://127.0.0.1:9090"
            ) from error
        self._url = url.rstrip("/") + WRITE_PATH
        self._path = parts.path.rstrip("/") + WRITE_PATH
        self._headers = headers or {}
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(self, points: Sequence[Point]) -> None:
        """Writes all of the points or none; retries for 15 seconds if the server is down or busy.

        Raises:
            RefusedError: one of them is outside the server's window, or contradicts what is there.
            ReceiverOffError: the server does not accept remote writes.
            RemoteWriteError: it cannot be reached, or gives another answer.
        """
        body = encode(points)
        for pause in (*WRITE_RETRY_SECONDS, None):
            status, text = self._post(body)
            if status // 100 == HTTPStatus.OK // 100:
                return
            for words, refusal in _REFUSALS.items():
                if words in text:
                    raise RefusedError(f"{self._url}: {status}: {text}", refusal)
            is_temporary = (
                status == 0
                or status == HTTPStatus.TOO_MANY_REQUESTS
                or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            )
            if pause is None or not is_temporary:
                break
            log.warning("%s: %s; retrying in %g s", self._url, text, pause)
            self._sleep(pause)
        if status == HTTPStatus.NOT_FOUND:
            raise ReceiverOffError(
                f"{self._url}: {text or 'not found'}; start Prometheus with "
                "--web.enable-remote-write-receiver (the stack does), correct --url, "
                "or make blocks with --blocks FOLDER"
            )
        if status == 0:
            raise RemoteWriteError(
                f"{self._url}: cannot be reached: {text}; "
                "is Prometheus running there? --url gives another address"
            )
        raise RemoteWriteError(f"{self._url}: {status}: {text}")

    def _post(self, body: bytes) -> tuple[int, str]:
        """The answer's status and text; status 0 and the reason where there is no answer."""
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
            "User-Agent": "benchmark-exporter",
            **self._headers,
        }
        try:
            self._connection.request("POST", self._path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read().decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return 0, str(error) or type(error).__name__


def encode(points: Sequence[Point]) -> bytes:
    """The body of a request: prometheus.WriteRequest, as protobuf in snappy's block format.

    Fields: WriteRequest{1: TimeSeries}, TimeSeries{1: Label, 2: Sample}, Label{1: name, 2: value},
    Sample{1: value, 2: timestamp}.
    """
    by_series: dict[Labels, list[Point]] = {}
    for point in points:
        by_series.setdefault(point.labels, []).append(point)
    return snappy(
        b"".join(
            _field(1, _time_series(labels, of_series)) for labels, of_series in by_series.items()
        )
    )


def snappy(data: bytes) -> bytes:
    """Data in snappy's block format, as literals alone.

    https://github.com/google/snappy/blob/main/format_description.txt
    """
    blocks = [data[start : start + _LITERAL_BYTES] for start in range(0, len(data), _LITERAL_BYTES)]
    literals = ((struct.pack("<BH", _LITERAL_TAG, len(block) - 1), block) for block in blocks)
    return _varint(len(data)) + b"".join(chain.from_iterable(literals))


def _time_series(labels: Labels, points: Sequence[Point]) -> bytes:
    names = (
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels
    )
    samples = (
        _field(2, _sample(point)) for point in sorted(points, key=lambda point: point.timestamp_ms)
    )
    return b"".join((*names, *samples))


def _sample(point: Point) -> bytes:
    timestamp = _varint(point.timestamp_ms & 2**64 - 1)  # int64 before 1970: two's complement
    return (
        bytes([1 << 3 | _FIXED64])
        + struct.pack("<d", point.value)
        + bytes([2 << 3 | _VARINT])
        + timestamp
    )


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | _LENGTH]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
