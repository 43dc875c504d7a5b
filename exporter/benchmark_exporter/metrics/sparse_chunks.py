"""What is kept of the chunks of a sparse family: when each entry has its turn, and what changed.

It takes a byte for each entry, and more only for those that changed lately. The lines themselves
are the chunks' own.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmark_exporter.metrics.sorted_lines import (
    Chunk,
    Entry,
    HistogramLines,
    SortedLines,
    text_of,
)

# What a time adds to a line: a blank and ms since 1970.
_TIME_BYTES = 14


class Times(NamedTuple):
    """Which samples a scrape has; times are in ms since 1970.

    `last_ms` has the last time of each turn, `due` the turns that were after `after_ms`. `base_ms`
    is when the entries changed of which nothing else is known. `whole`: all entries are due.
    """

    last_ms: Sequence[int]
    due: Sequence[int]
    after_ms: int
    base_ms: int
    whole: bool


class KnownChunk:
    """A chunk, with the turn of each entry and when those changed that did lately.

    `changed_ms`, by place, is replaced and never changed: a scrape that is being sent has it.
    """

    __slots__ = ("changed_ms", "chunk", "turns")

    def __init__(self, chunk: Chunk, turns: bytes, changed_ms: Mapping[int, int]) -> None:
        self.chunk = chunk
        self.turns = turns
        self.changed_ms = changed_ms

    def forget_changes(self, before_ms: float) -> None:
        """Forgets changes before a time, after which each entry had its turn."""
        if self.changed_ms:
            self.changed_ms = {
                place: at for place, at in self.changed_ms.items() if at >= before_ms
            }

    def samples(self, times: Times) -> "WholeChunk | Samples | None":
        """The samples of a scrape; None: there are none."""
        if times.whole:
            return WholeChunk(self.chunk, self.turns, self.changed_ms, times)
        places = {place for place, at in self.changed_ms.items() if at > times.after_ms}
        for turn in times.due:
            place = self.turns.find(turn)
            while place >= 0:
                places.add(place)
                place = self.turns.find(turn, place + 1)
        if not places:
            return None
        entries, turns, changed, last = (
            self.chunk.entries,
            self.turns,
            self.changed_ms,
            times.last_ms,
        )
        return Samples(
            [
                (entries[place], max(last[turns[place]], changed.get(place, times.base_ms)))
                for place in sorted(places)
            ]
        )


class Samples:
    """Some entries with their times, as a piece of an exposition."""

    __slots__ = ("_samples", "_text")

    def __init__(self, samples: Sequence[tuple[Entry, int]]) -> None:
        self._samples = samples
        self._text: bytes | None = None

    def text(self, *, keep: bool) -> bytes:  # noqa: ARG002  # Piece has it
        """See Piece."""
        if self._text is None:
            self._text = _text(self._samples)
        return self._text

    def __len__(self) -> int:
        return len(self.text(keep=True))


class WholeChunk:
    """All entries of a chunk with their times, joined when they are sent: these may be many."""

    __slots__ = ("_changed_ms", "_chunk", "_times", "_turns")

    def __init__(
        self, chunk: Chunk, turns: bytes, changed_ms: Mapping[int, int], times: Times
    ) -> None:
        self._chunk = chunk
        self._turns = turns
        self._changed_ms = changed_ms
        self._times = times

    def text(self, *, keep: bool) -> bytes:  # noqa: ARG002  # Piece has it
        """See Piece."""
        return _text(self._samples())

    def _samples(self) -> Iterator[tuple[Entry, int]]:
        changed, times = self._changed_ms, self._times
        entries = zip(self._chunk.entries, self._turns, strict=True)
        for place, (entry, turn) in enumerate(entries):
            yield entry, max(times.last_ms[turn], changed.get(place, times.base_ms))

    def __len__(self) -> int:
        lines = sum(1 if isinstance(each, str) else len(each[2]) for each in self._chunk.entries)
        return len(self._chunk) + lines * _TIME_BYTES


class Fresh(NamedTuple):
    """A chunk that is new, and the places of its entries that were not there before."""

    chunk: KnownChunk
    places: Sequence[int]


def known_chunks(
    before: Sequence[KnownChunk], lines: SortedLines, turns: int
) -> tuple[Sequence[KnownChunk], Sequence[Fresh]]:
    """The chunks of a family after a change, and of these the new ones.

    `turns` are those of a period. It costs by the chunks that have changed, apart from a look-up
    for each.
    """
    replaced = {id(known.chunk): known for known in before}
    chunks: list[KnownChunk | Chunk] = [replaced.pop(id(chunk), chunk) for chunk in lines.chunks]
    entries: dict[Entry, tuple[int, int | None]] = {
        entry: (turn, known.changed_ms.get(place))
        for known in replaced.values()
        for place, (entry, turn) in enumerate(zip(known.chunk.entries, known.turns, strict=True))
    }
    found: list[KnownChunk] = []
    fresh: list[Fresh] = []
    for chunk in chunks:
        if isinstance(chunk, Chunk):
            fresh.append(_fresh(chunk, entries, turns))
            found.append(fresh[-1].chunk)
        else:
            found.append(chunk)
    return found, fresh


def _fresh(chunk: Chunk, before: Mapping[Entry, tuple[int, int | None]], turns: int) -> Fresh:
    own_turns, changed_ms, places = bytearray(), dict[int, int](), list[int]()
    for place, entry in enumerate(chunk.entries):
        turn, at = before.get(entry, (None, None))
        if turn is None:
            turn = turn_of(entry, turns)
            places.append(place)
        elif at is not None:
            changed_ms[place] = at
        own_turns.append(turn)
    return Fresh(KnownChunk(chunk, bytes(own_turns), changed_ms), places)


def turn_of(entry: Entry, turns: int) -> int:
    """Which turn of a period a series or histogram has, the same after a restart."""
    if isinstance(entry, str):
        series = entry.rpartition(" ")[0]
    else:
        series = entry[2].labels if isinstance(entry[2], HistogramLines) else entry[2]
    return zlib.crc32(series.encode()) % turns


def _text(samples: Iterator[tuple[Entry, int]] | Sequence[tuple[Entry, int]]) -> bytes:
    texts = []
    for entry, at_ms in samples:
        if isinstance(entry, str):
            texts.append(f"{entry} {at_ms}\n")
        else:  # all lines of a histogram have one time
            texts.append(f"{text_of(entry)}\n".replace("\n", f" {at_ms}\n"))
    return "".join(texts).encode()
