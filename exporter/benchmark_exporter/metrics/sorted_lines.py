"""The lines of one metric in one part, in order, so that a change costs by what it changes.

Nothing is changed in place: a change makes other chunks for the lines that differ, and keeps the
rest. So whoever has the lines of one moment keeps them, without a lock or a copy.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

# Lines of a chunk. Fewer make a change cheaper, more make it cheaper to join what changed.
CHUNK_ENTRIES = 64
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


class Chunk:
    """Some lines that follow each other. `entries` must not be changed."""

    __slots__ = ("_size_bytes", "_text", "entries")

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self._text: bytes | None = None
        self._size_bytes = -1

    def text(self, *, keep: bool) -> bytes:
        """The lines as text; `keep` says whether they will soon be asked for again."""
        if self._text is not None:
            return self._text
        text = ("\n".join(map(text_of, self.entries)) + "\n").encode()
        if keep:
            self._text = text
        self._size_bytes = len(text)
        return text

    def __len__(self) -> int:
        """The size of the text in bytes."""
        if self._size_bytes < 0:
            texts = [text_of(entry) for entry in self.entries]
            self._size_bytes = len(texts) + sum(
                len(text) if text.isascii() else len(text.encode()) for text in texts
            )
        return self._size_bytes


class SortedLines:
    """Entries in order, in chunks. Immutable."""

    __slots__ = ("_firsts", "chunks")

    def __init__(self, chunks: Sequence[Chunk] = ()) -> None:
        self.chunks = chunks
        self._firsts: list[Entry] = [chunk.entries[0] for chunk in chunks]

    def __iter__(self) -> Iterator[Entry]:
        for chunk in self.chunks:
            yield from chunk.entries

    def changed(self, removed: Sequence[Entry], added: Sequence[Entry]) -> "SortedLines":
        """The lines without those that are removed, which must be there, and with those added."""
        if len(removed) + len(added) > len(self.chunks) * CHUNK_ENTRIES * _FEW:
            gone = set(removed)
            return _sorted([*(entry for entry in self if entry not in gone), *added])
        lists: dict[int, list[Entry]] = {}
        for entry in removed:
            entries = self._entries_of(entry, lists)
            del entries[bisect_left(entries, entry)]
        for entry in added:
            insort(self._entries_of(entry, lists), entry)
        chunks = list(self.chunks)
        for index in sorted(lists, reverse=True):
            chunks[index : index + 1] = _split(lists[index])
        return SortedLines(chunks)

    def _entries_of(self, entry: Entry, lists: dict[int, list[Entry]]) -> list[Entry]:
        index = max(bisect_right(self._firsts, entry) - 1, 0)
        entries = lists.get(index)
        if entries is None:
            entries = lists[index] = list(self.chunks[index].entries)
        return entries


def _sorted(entries: Iterable[Entry]) -> SortedLines:
    ordered = sorted(entries)
    return SortedLines(
        [
            Chunk(ordered[start : start + CHUNK_ENTRIES])
            for start in range(0, len(ordered), CHUNK_ENTRIES)
        ]
    )


def _split(entries: list[Entry]) -> list[Chunk]:
    if len(entries) <= 2 * CHUNK_ENTRIES:
        return [Chunk(entries)] if entries else []
    half = len(entries) // 2
    return [*_split(entries[:half]), *_split(entries[half:])]
