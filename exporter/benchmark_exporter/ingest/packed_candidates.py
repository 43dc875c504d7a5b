"""Many candidates in little memory: the first scan may find hundreds of thousands of new files."""

import os
import struct
from collections.abc import Iterator, Sequence

from benchmark_exporter.ingest.inbox import Candidate

_HEAD = struct.Struct(">Q")  # big-endian and never negative, so that what is packed sorts by it
_EARLIEST_NS = -(2**63)
_TAIL = struct.Struct(">QQqH")


class PackedCandidates:
    """Candidates to be taken out once, oldest first: about 100 bytes each instead of 300."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []

    def __len__(self) -> int:
        return len(self._packed)

    def append(self, candidate: Candidate) -> None:
        """Adds a candidate."""
        self._packed.append(_pack(candidate))

    def take_oldest_first(self, batch_files: int) -> Iterator[Sequence[Candidate]]:
        """Batches of all candidates, by the time of their last change and then by path.

        A batch is no longer kept once it was taken.
        """
        self._packed.sort(reverse=True)
        while self._packed:
            batch = self._packed[-batch_files:]
            del self._packed[-batch_files:]
            yield [_unpack(packed) for packed in reversed(batch)]


def _pack(candidate: Candidate) -> bytes:
    path = os.fsencode(candidate.path)
    name = b"" if candidate.name == candidate.path else os.fsencode(candidate.name)
    return b"".join(
        (
            _HEAD.pack(candidate.ctime_ns - _EARLIEST_NS),
            path,
            name,
            _TAIL.pack(candidate.inode, candidate.size_bytes, candidate.mtime_ns, len(name)),
        )
    )


def _unpack(packed: bytes) -> Candidate:
    (age,) = _HEAD.unpack_from(packed)
    end = len(packed) - _TAIL.size
    inode, size_bytes, mtime_ns, name_bytes = _TAIL.unpack_from(packed, end)
    path = os.fsdecode(packed[_HEAD.size : end - name_bytes])
    name = os.fsdecode(packed[end - name_bytes : end]) if name_bytes else path
    return Candidate(path, name, inode, size_bytes, age + _EARLIEST_NS, mtime_ns)
