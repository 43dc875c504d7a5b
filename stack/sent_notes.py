"""Alertmanager's notes of what it has sent, after the clock was set back.

Alertmanager does not replace a note from the future: until the clock has reached it, a change is
sent again and again, and an alert that begins again is not sent. Its file `nflog` is a sequence of
messages, each with its length before it.

Source: alertmanager/nflog/nflogpb/nflog.proto, and protobuf's encoding.
"""

from collections.abc import Iterator
from pathlib import Path

from benchmark_exporter.atomic_write import write_file
from stack import high_availability
from stack.settings import ALERTMANAGER, Settings

# What the clocks of a cluster's members may differ by.
AHEAD_SECONDS = 60.0
# MeshEntry.entry, Entry.timestamp and Timestamp.seconds.
ENTRY, TIMESTAMP, SECONDS = 1, 5, 1
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_BYTES = {FIXED64: 8, FIXED32: 4}


def forget_future(settings: Settings, now_seconds: float) -> Iterator[str]:
    """Remove what Alertmanagers that do not run noted of the future; yields a line for each.

    Raises:
        OSError: a file cannot be read or written.
    """
    for part in high_availability.members(ALERTMANAGER, settings):
        notes = settings.state_dir / part.name / "data" / "nflog"
        if removed := remove_from_future(notes, now_seconds):
            yield (
                f"the clock was set back: removed {removed} of {part.name}'s notes of what it has "
                "sent, so that what lasts is sent again"
            )


def remove_from_future(file: Path, now_seconds: float) -> int:
    """Remove the notes whose time is in the future; returns how many. `now` is since 1970.

    A file that is not there, or not as expected, is left as it is.

    Raises:
        OSError: the file cannot be read or written.
    """
    if not file.exists():
        return 0
    data = file.read_bytes()
    try:
        notes = list(_messages(data))
        kept = [note for note in notes if _sent_seconds(note) <= now_seconds + AHEAD_SECONDS]
    except (IndexError, ValueError):
        return 0
    if removed := len(notes) - len(kept):
        write_file(file, b"".join(_varint(len(note)) + note for note in kept))
    return removed


def _messages(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length, at = _read_varint(data, at)
        if at + length > len(data):
            raise ValueError("the last message is cut")
        yield data[at : at + length]
        at += length


def _sent_seconds(note: bytes) -> int:
    """When it was sent, in seconds since 1970."""
    seconds = _field(_message(_message(note, ENTRY), TIMESTAMP), SECONDS)
    if not isinstance(seconds, int):
        raise ValueError("seconds is not a number")
    return seconds


def _message(data: bytes, number: int) -> bytes:
    found = _field(data, number)
    if not isinstance(found, bytes):
        raise ValueError(f"field {number} is not a message")
    return found


def _field(data: bytes, number: int) -> bytes | int:
    """The field of this number.

    Raises:
        IndexError, ValueError: there is none, or the data is not a message.
    """
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        value: bytes | int
        if tag & 7 == VARINT:
            value, at = _read_varint(data, at)
        else:
            length, at = _read_varint(data, at) if tag & 7 == BYTES else (_fixed(tag & 7), at)
            value, at = data[at : at + length], at + length
        if tag >> 3 == number:
            return value
    raise ValueError(f"there is no field {number}")


def _fixed(wire_type: int) -> int:
    if wire_type not in FIXED_BYTES:
        raise ValueError(f"wire type {wire_type} is not known")
    return FIXED_BYTES[wire_type]


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where what follows it begins."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
