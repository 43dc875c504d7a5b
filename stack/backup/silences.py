"""Alertmanager's silences as it stores them, made of what its API says.

Alertmanager writes its file `silences` every 15 minutes and when it ends, so the file lacks the
newest ones. It is a sequence of messages, each with its length before it, of which the last one
with an id counts: these are appended.

Source: alertmanager/silence/silencepb/silence.proto, and protobuf's encoding.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# Alertmanager's --data.retention: how long it keeps a silence that is over.
RETENTION = timedelta(hours=120)
TYPES = {(True, False): 0, (True, True): 1, (False, False): 2, (False, True): 3}
VARINT, BYTES = 0, 2


def encode(silences: Iterable[Mapping[str, Any]]) -> bytes:
    """Encode silences as GET /api/v2/silences gives them.

    Raises:
        KeyError, ValueError: one is not a silence.
    """
    return b"".join(_with_length(_mesh_silence(silence)) for silence in silences)


def end_seconds(silence: Mapping[str, Any]) -> float:
    """When a silence ends, in seconds since 1970."""
    return _time(silence["endsAt"]).timestamp()


def _mesh_silence(silence: Mapping[str, Any]) -> bytes:
    ends = _time(silence["endsAt"])
    message = b"".join(
        (
            _text(1, silence["id"]),
            *(_field(2, _matcher(matcher)) for matcher in silence["matchers"]),
            _field(3, _timestamp(_time(silence["startsAt"]))),
            _field(4, _timestamp(ends)),
            _field(5, _timestamp(_time(silence["updatedAt"]))),
            _text(8, silence["createdBy"]),
            _text(9, silence["comment"]),
        )
    )
    return _field(1, message) + _field(2, _timestamp(ends + RETENTION))


def _matcher(matcher: Mapping[str, Any]) -> bytes:
    kind = TYPES[matcher.get("isEqual", True), matcher["isRegex"]]
    number = _varint(1 << 3 | VARINT) + _varint(kind) if kind else b""
    return number + _text(2, matcher["name"]) + _text(3, matcher["value"])


def _timestamp(moment: datetime) -> bytes:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds, nanoseconds = since.days * 86_400 + since.seconds, since.microseconds * 1_000
    encoded = _varint(1 << 3 | VARINT) + _varint(seconds)
    return encoded + (_varint(2 << 3 | VARINT) + _varint(nanoseconds) if nanoseconds else b"")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode()) if text else b""


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _with_length(data)


def _with_length(data: bytes) -> bytes:
    return _varint(len(data)) + data


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])
