"""Prometheus' data while it is being written: its blocks and its write-ahead logs.

Prometheus moves samples from its logs into blocks, merges blocks into larger ones, and then removes
the files that it no longer needs. So the logs are opened first and the blocks after them: whatever
leaves a log meanwhile is in a block that is opened later, and what is in both is the same sample,
which Prometheus stores once. Files that are open stay readable when they are removed.

The log of samples out of order (`wbl`) refers to series of the other one (`wal`), so it comes
before it. `chunks_head` is left out: its chunks are made of the logs' samples, and a start makes
them again. Where the newest segment ends in the middle of a record, it is cut before that record:
Prometheus would take it for damage.

Method: the layout of prometheus/tsdb/docs/format (wal.md, README.md); standard library only.
"""

import os
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stack.backup.layout import CollectError, Held, files_below, hold

LOGS = ("wbl", "wal")
SEGMENT = re.compile(r"\d{8,}")
CHECKPOINT = re.compile(r"checkpoint\.\d{8,}")
# A block's name is a ULID.
BLOCK = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
ATTEMPTS = 100
# Of a log: records lie in pages; a record may go on in the next page, a header may not.
PAGE_BYTES = 32_768
HEADER = struct.Struct(">BHI")
TYPE_BITS = 0b111
PAGE_END, FULL, LAST = 0, 1, 4


def hold_all(root: Path) -> list[Held]:
    """Open all files of a Prometheus' data folder that a restored one needs.

    Raises:
        CollectError: Prometheus removes files faster than they can be opened.
        OSError: a file cannot be opened.
    """
    held = []
    for name in LOGS:
        held += _in_peace(lambda name=name: _log(root, name))  # type: ignore[misc]
    return held + _in_peace(lambda: _blocks(root))


def complete_bytes(descriptor: int, size_bytes: int) -> int:
    """How many bytes of a segment of a log are whole records."""
    position = complete = 0
    while position + HEADER.size <= size_bytes:
        left_in_page = PAGE_BYTES - position % PAGE_BYTES
        if left_in_page < HEADER.size:
            position += left_in_page
            continue
        kind, length, _ = HEADER.unpack(os.pread(descriptor, HEADER.size, position))
        if kind & TYPE_BITS == PAGE_END:
            position += left_in_page
            complete = min(position, size_bytes)
            continue
        position += HEADER.size + length
        if kind & TYPE_BITS in (FULL, LAST) and position <= size_bytes:
            complete = position
    return complete


def _log(root: Path, name: str) -> list[Held]:
    if not (root / name).is_dir():
        return []
    names = sorted(one.name for one in (root / name).iterdir())
    segments = [f"{name}/{one}" for one in names if SEGMENT.fullmatch(one)]
    checkpoints = [one for one in names if CHECKPOINT.fullmatch(one)]
    files = [path for one in checkpoints for path in files_below(root, f"{name}/{one}")]
    held = _open(root, [*files, *segments])
    if segments and held and held[-1].path == segments[-1]:
        newest = held[-1]
        held[-1] = replace(newest, size_bytes=complete_bytes(newest.descriptor, newest.size_bytes))
    return held


def _blocks(root: Path) -> list[Held]:
    names = sorted(one.name for one in root.iterdir() if BLOCK.fullmatch(one.name))
    held = []
    for name in names:
        files = list(files_below(root, name))
        if f"{name}/meta.json" not in files:
            raise FileNotFoundError(root / name)  # it is being removed
        held.append(files)
    return _open(root, [path for files in held for path in files])


def _open(root: Path, paths: list[str]) -> list[Held]:
    held: list[Held] = []
    try:
        held.extend(one for path in paths if (one := hold(root, path)) is not None)
    except OSError:
        for one in held:
            os.close(one.descriptor)
        raise
    return held


def _in_peace(attempt: Callable[[], list[Held]]) -> list[Held]:
    """Do it again as long as files vanish before they are open."""
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except FileNotFoundError:
            continue
    raise CollectError("Prometheus' files do not stand still long enough; run it again later")
