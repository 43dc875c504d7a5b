"""Which files were recorded, and with which signature: 25 to 51 bytes for each, however named.

A file's name and its signature are each kept as a 64-bit hash, in one open-addressed table of
arrays. Python's hash of a string is keyed afresh in each process, so nobody can choose names that
collide. If two names ever did, each would be read again when the other was recorded, and be found
a duplicate: nothing would be lost or counted twice. The names themselves are in the ledger.
"""

from array import array
from collections.abc import Iterable

from benchmark_exporter.ledger import Signature

_LEAST_SLOTS = 1024
_FREE = 0  # a slot that has no file
_GONE = 0  # the signature of a file that is no longer known
_REJECTED = 1  # that of a file which has to be read again
_MOST_MARKS = 255  # of a byte: each scan marks what it sees with the next number


class KnownFiles:
    """Files by name, each with a signature; None for one that is to be read again.

    A scan calls `begin_scan`, then `see` for each file. What was recorded meanwhile counts as seen.
    """

    _names: "array[int]"  # not subscriptable in Python 3.11
    _signatures: "array[int]"  # not subscriptable in Python 3.11
    _seen: bytearray

    def __init__(self, files: Iterable[tuple[str, Signature | None]] = ()) -> None:
        self._allocate(_LEAST_SLOTS)
        self._scan = 1
        self._seen_files = 0
        for name, signature in files:
            self.record(name, signature)

    def __len__(self) -> int:
        return self._files

    def __contains__(self, name: object) -> bool:
        return self._signatures[self._slot(_hash(name))] != _GONE

    @property
    def size_bytes(self) -> int:
        """The memory of the table."""
        return sum(each.itemsize * len(each) for each in (self._names, self._signatures)) + len(
            self._seen
        )

    def has(self, name: str, signature: Signature) -> bool:
        """Whether the file was recorded with this signature."""
        return self._signatures[self._slot(_hash(name))] == _hash(signature)

    def record(self, name: str, signature: Signature | None) -> None:
        """Keeps what a file is now."""
        key = _hash(name)
        slot = self._slot(key)
        if self._names[slot] == _FREE:
            if 3 * self._used >= 2 * len(self._names):
                self._resize()
                slot = self._slot(key)
            self._names[slot] = key
            self._used += 1
        if self._signatures[slot] == _GONE:
            self._files += 1
            self._seen[slot] = 0
        self._signatures[slot] = _REJECTED if signature is None else _hash(signature)
        self._mark(slot)

    def begin_scan(self) -> None:
        """Takes no file as seen."""
        if self._scan == _MOST_MARKS:
            self._seen, self._scan = bytearray(len(self._seen)), 0
        self._scan += 1
        self._seen_files = 0

    def see(self, name: str, signature: Signature) -> bool:
        """Marks a file as seen; whether it was recorded with this signature."""
        slot = self._slot(_hash(name))
        known = self._signatures[slot]
        if known == _GONE:
            return False
        if self._seen[slot] != self._scan:
            self._seen[slot] = self._scan
            self._seen_files += 1
        return known == _hash(signature)

    def keep(self, name: str) -> None:
        """Counts a known file as seen, whatever its signature."""
        self._mark(self._slot(_hash(name)))

    @property
    def has_unseen(self) -> bool:
        """Whether a file was not seen since `begin_scan`."""
        return self._seen_files < self._files

    def is_unseen(self, name: str) -> bool:
        """Whether a file is known that was not seen since `begin_scan`."""
        slot = self._slot(_hash(name))
        return self._signatures[slot] != _GONE and self._seen[slot] != self._scan

    def discard_unseen(self) -> None:
        """Forgets all files that were not seen since `begin_scan`."""
        for slot, seen in enumerate(self._seen):
            if seen != self._scan and self._signatures[slot] != _GONE:
                self._signatures[slot] = _GONE
                self._files -= 1

    def _mark(self, slot: int) -> None:
        if self._seen[slot] != self._scan:
            self._seen[slot] = self._scan
            self._seen_files += 1

    def _slot(self, key: int) -> int:
        """The slot of a name's hash, or the free one where it belongs."""
        names, mask = self._names, len(self._names) - 1
        slot = key & mask
        while (found := names[slot]) != key and found != _FREE:
            slot = (slot + 1) & mask
        return slot

    def _allocate(self, slots: int) -> None:
        self._names = array("q", bytes(8 * slots))
        self._signatures = array("q", bytes(8 * slots))
        self._seen = bytearray(slots)
        self._used = self._files = 0

    def _resize(self) -> None:
        """Makes room for twice the files that are known, which may be fewer than the slots used."""
        names, signatures, seen = self._names, self._signatures, self._seen
        slots = _LEAST_SLOTS
        while slots < 2 * self._files:
            slots *= 2
        self._allocate(slots)
        for name, signature, mark in zip(names, signatures, seen, strict=True):
            if signature != _GONE:
                slot = self._slot(name)
                self._names[slot], self._signatures[slot], self._seen[slot] = name, signature, mark
                self._used += 1
        self._files = self._used


def _hash(value: object) -> int:
    """A 64-bit hash that is neither of the table's special values."""
    number = hash(value)
    return number if not 0 <= number <= 1 else number + 2
