"""The lines of one metric in one part, in order, so that a change costs by what it changes.

Nothing is changed in place: a change makes other chunks for the lines that differ, and keeps the
rest. So whoever has the lines of one moment keeps them, without a lock or a copy.
"""

import zlib
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

# Lines of a chunk. Fewer make a change cheaper, more make it cheaper to join what changed.
CHUNK_ENTRIES = 64
# Of zlib. Higher levels take as long, for a twentieth less.
_LEVEL = 1
# A change of more than this share of the lines sorts all of them.
_FEW = 0.125


class HistogramLines(NamedTuple):
    """The lines of a histogram, joined when they are asked for: the text is ten times as large.

    `template` has them without labels, `labels` what takes the place of LABELS, and `values` that
    of each %s.
    """

    template: str
    labels: str
    values: tuple[int | str, ...]

    def __str__(self) -> str:
        return (self.template % self.values).replace(LABELS, self.labels)

    def __len__(self) -> int:
        """How many lines these are."""
        return len(self.values)


# What a template has in place of labels; the text format has no such character in names.
LABELS = "\0"
# A line, sorted by itself; or lines that keep their order, such as the buckets of a histogram:
# where they stand, the first part of which is the same kind of value for a whole metric, and they.
Entry = str | tuple[int | str, int, str | HistogramLines]


def text_of(entry: Entry) -> str:
    """An entry's lines, without the line break at its end."""
    return entry if isinstance(entry, str) else str(entry[2])


def lines_of(entry: Entry) -> int:
    """How many lines an entry has."""
    return len(entry[2]) if isinstance(entry[2], HistogramLines) else 1


class _Kept(NamedTuple):
    """The text of lines, or nothing."""

    text: bytes
    is_compressed: bool


_NOTHING_KEPT = _Kept(b"", is_compressed=False)


class Chunk:
    """Some lines that follow each other, which are never changed.

    Lines that are sorted by themselves can be kept as text, which takes two thirds of the memory
    and leaves fewer holes, or compressed, which takes a twentieth; then each reading costs 10 or
    20 µs, so only those are that are `seldom_read`. Any thread may read while one shrinks them.
    """

    __slots__ = ("_ends", "_entries", "_is_old", "_kept", "_seldom_read", "_size_bytes", "first")

    def __init__(
        self, entries: Sequence[Entry], *, as_text: bool = False, seldom_read: bool = False
    ) -> None:
        self.first = entries[0]
        self._entries: Sequence[Entry] | None = entries
        self._kept = _NOTHING_KEPT
        self._ends: Sequence[int] | None = None
        self._size_bytes = -1
        self._is_old, self._seldom_read = False, seldom_read
        if as_text and isinstance(self.first, str):
            text = self.text(keep=False)
            self._keep(text, _Kept(text, is_compressed=False))

    @property
    def entries(self) -> Sequence[Entry]:
        """The lines. They must not be changed."""
        entries = self._entries
        return self.text(keep=False).decode()[:-1].split("\n") if entries is None else entries

    @property
    def is_compressed(self) -> bool:
        """Whether its lines are kept compressed."""
        return self._kept.is_compressed

    def grow_old(self) -> bool:
        """Whether it can shrink: it was there at the call before, and has not shrunk yet.

        Lines that keep their order never do.
        """
        was_old, self._is_old = self._is_old, True
        has_shrunk = self.is_compressed if self._seldom_read else self._entries is None
        return was_old and not has_shrunk and isinstance(self.first, str)

    def shrink(self) -> None:
        """Keeps the lines as text or compressed; they must be sorted by themselves."""
        text = self.text(keep=False)
        kept = zlib.compress(text, _LEVEL) if self._seldom_read else text
        self._keep(text, _Kept(kept, is_compressed=self._seldom_read))

    def _keep(self, text: bytes, kept: _Kept) -> None:
        self._kept = kept
        self._entries = self._ends = None
        # The string that was made with others would keep the memory around it.
        self.first = text[: text.index(b"\n")].decode()

    def text(self, *, keep: bool) -> bytes:
        """The lines as text; `keep` says whether they will soon be asked for again."""
        entries, kept = self._entries, self._kept  # in this order: `shrink` sets both
        if kept.is_compressed:
            return zlib.decompress(kept.text, bufsize=self._size_bytes)
        if entries is None or kept.text:
            return kept.text
        text = ("\n".join(map(text_of, entries)) + "\n").encode()
        if keep:
            self._kept = _Kept(text, is_compressed=False)
        self._size_bytes = len(text)
        return text

    def texts(self, places: Sequence[int]) -> Iterable[bytes]:
        """The text of some entries, without the line breaks at their ends."""
        entries, kept, ends = self._entries, self._kept, self._ends
        if entries is not None:
            return [text_of(entries[place]).encode() for place in places]
        if kept.is_compressed:
            lines = self.text(keep=False).split(b"\n")
            return [lines[place] for place in places]
        text = kept.text
        if ends is None:
            ends = self._ends = _ends(text)
        if len(places) == 1:
            (place,) = places
            return (text[ends[place] + 1 : ends[place + 1]],)
        return [text[ends[place] + 1 : ends[place + 1]] for place in places]

    def __len__(self) -> int:
        """The size of the text in bytes."""
        if self._size_bytes < 0:
            texts = [text_of(entry) for entry in self.entries]
            self._size_bytes = len(texts) + sum(
                len(text) if text.isascii() else len(text.encode()) for text in texts
            )
        return self._size_bytes


def _ends(text: bytes) -> Sequence[int]:
    """Where each line ends, after the end of what was before the first."""
    ends, end = array("i", [-1]), text.find(b"\n")
    while end >= 0:
        ends.append(end)
        end = text.find(b"\n", end + 1)
    return ends


class SortedLines:
    """Entries in order, in chunks. Immutable. `seldom_read` ones can be compressed."""

    __slots__ = ("__weakref__", "_firsts", "_seldom_read", "chunks")

    def __init__(
        self,
        chunks: Sequence[Chunk] = (),
        *,
        seldom_read: bool = False,
        firsts: Sequence[Entry] | None = None,
    ) -> None:
        """`firsts` has the first entry of each chunk, where that is known."""
        self._seldom_read = seldom_read
        self.chunks = chunks
        self._firsts = [chunk.first for chunk in chunks] if firsts is None else firsts

    def __iter__(self) -> Iterator[Entry]:
        for chunk in self.chunks:
            yield from chunk.entries

    def changed(self, removed: Sequence[Entry], added: Sequence[Entry]) -> "SortedLines":
        """The lines without those that are removed, which must be there, and with those added."""
        if len(removed) + len(added) > len(self.chunks) * CHUNK_ENTRIES * _FEW:
            gone = set(removed)
            return self._sorted([*(entry for entry in self if entry not in gone), *added])
        lists: dict[int, list[Entry]] = {}
        for entry in removed:
            entries = self._entries_of(entry, lists)
            del entries[bisect_left(entries, entry)]
        for entry in added:
            insort(self._entries_of(entry, lists), entry)
        chunks, firsts = list(self.chunks), list(self._firsts)
        for index in sorted(lists, reverse=True):
            parts = self._split(lists[index])
            chunks[index : index + 1] = parts
            firsts[index : index + 1] = [part.first for part in parts]
        return SortedLines(chunks, seldom_read=self._seldom_read, firsts=firsts)

    def _sorted(self, entries: list[Entry]) -> "SortedLines":
        entries.sort()
        starts = range(0, len(entries), CHUNK_ENTRIES)
        seldom = self._seldom_read
        return SortedLines(
            [
                Chunk(entries[at : at + CHUNK_ENTRIES], as_text=True, seldom_read=seldom)
                for at in starts
            ],
            seldom_read=seldom,
        )

    def _entries_of(self, entry: Entry, lists: dict[int, list[Entry]]) -> list[Entry]:
        index = max(bisect_right(self._firsts, entry) - 1, 0)
        entries = lists.get(index)
        if entries is None:
            entries = lists[index] = list(self.chunks[index].entries)
        return entries

    def _split(self, entries: list[Entry]) -> list[Chunk]:
        if len(entries) <= 2 * CHUNK_ENTRIES:
            return [Chunk(entries, seldom_read=self._seldom_read)] if entries else []
        half = len(entries) // 2
        return [*self._split(entries[:half]), *self._split(entries[half:])]
