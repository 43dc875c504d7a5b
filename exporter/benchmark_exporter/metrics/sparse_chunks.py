"""What is kept of the chunks of a sparse family: when each entry has its turn, and what changed.

It takes a byte for each entry, and eight more in chunks that changed lately. The lines themselves
are the chunks' own.
"""

import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, is_
from typing import NamedTuple, cast

from benchmark_exporter.metrics.sorted_lines import (
    Chunk,
    Entry,
    HistogramLines,
    SortedLines,
    lines_of,
)

# Of most lines, with their times.
_LINE_BYTES = 200
# A scrape mostly has few entries of each of many chunks, which are joined to pieces of so many.
_PIECE_ENTRIES = 128
_NEVER = array("q")
_CHUNK = attrgetter("chunk")


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

    `changed_ms` has that by place, 0 where nothing else than `base_ms` is known; it is empty if it
    would have nothing else. `newest_ms` is the newest. They are replaced and never changed: a
    scrape that is being sent has them.
    """

    __slots__ = ("changed_ms", "chunk", "newest_ms", "turns")

    def __init__(self, chunk: Chunk, turns: bytes, changed_ms: Sequence[int]) -> None:
        self.chunk = chunk
        self.turns = turns
        self.note_changes(changed_ms)

    @property
    def times(self) -> Sequence[int]:
        """`changed_ms` of each entry."""
        return self.changed_ms or bytes(len(self.turns))

    def note_changes(self, changed_ms: Sequence[int]) -> None:
        """Takes other times of changes."""
        self.newest_ms = max(changed_ms, default=0)
        self.changed_ms = array("q", changed_ms) if self.newest_ms else _NEVER

    def stamp(self, places: Sequence[int], at_ms: int) -> None:
        """Notes that the entries at some places changed just now."""
        changed_ms = list(self.times)
        for place in places:
            changed_ms[place] = at_ms
        self.note_changes(changed_ms)

    def forget_changes(self, before_ms: float) -> None:
        """Forgets changes if they are before a time, after which each entry had its turn."""
        if self.newest_ms < before_ms:
            self.changed_ms, self.newest_ms = _NEVER, 0

    def places_of(self, times: Times) -> Sequence[int]:
        """Which entries a scrape has, in order."""
        if times.whole:
            return range(len(self.turns))
        turns, places = self.turns, set[int]()
        if self.newest_ms > times.after_ms:
            places = {place for place, at in enumerate(self.changed_ms) if at > times.after_ms}
        for turn in times.due:
            place = turns.find(turn)
            while place >= 0:
                places.add(place)
                place = turns.find(turn, place + 1)
        return sorted(places)


class Chosen(NamedTuple):
    """Some entries of a chunk, as `KnownChunk` had it when they were chosen."""

    chunk: Chunk
    turns: bytes
    changed_ms: Sequence[int]
    places: Sequence[int]


class Samples:
    """Some entries of some chunks with their times, joined when they are sent: these may be many.

    All entries are of one metric.
    """

    __slots__ = ("_chosen", "_is_one_line", "_size_bytes", "_times")

    def __init__(self, chosen: Sequence[Chosen], times: Times) -> None:
        lines = lines_of(chosen[0].chunk.first)
        self._chosen = chosen
        self._times = times
        self._is_one_line = lines == 1
        self._size_bytes = sum(len(each.places) for each in chosen) * lines * _LINE_BYTES

    def text(self, *, keep: bool) -> bytes:  # noqa: ARG002  # Piece has it
        """See Piece."""
        last_ms, base_ms = self._times.last_ms, self._times.base_ms
        ends: dict[int, bytes] = {}
        texts: list[bytes] = []
        for chunk, turns, changed_ms, places in self._chosen:
            for place, text in zip(places, chunk.texts(places), strict=True):
                at_ms = max(last_ms[turns[place]], (changed_ms and changed_ms[place]) or base_ms)
                end = ends.get(at_ms)
                if end is None:
                    end = ends[at_ms] = b" %d\n" % at_ms
                # All lines of a histogram have one time.
                texts += (text if self._is_one_line else text.replace(b"\n", end), end)
        return b"".join(texts)

    def __len__(self) -> int:
        """An estimate: the text may be compressed."""
        return self._size_bytes


def samples_of(chunks: Iterable[KnownChunk], times: Times) -> Sequence[Samples]:
    """What a scrape has of the chunks of one metric, in pieces of some entries."""
    pieces: list[Samples] = []
    gathered: list[Chosen] = []
    entries = 0
    after_ms, turn = times.after_ms, times.due[0] if len(times.due) == 1 else None
    for known in chunks:
        places: Sequence[int]
        if turn is None or known.newest_ms > after_ms:
            places = known.places_of(times)
        else:  # as most of the time, so without a call
            place = known.turns.find(turn)
            if place < 0:
                continue
            is_only = known.turns.find(turn, place + 1) < 0
            places = (place,) if is_only else known.places_of(times)
        if places:
            gathered.append(Chosen(known.chunk, known.turns, known.changed_ms, places))
            entries += len(places)
            if entries >= _PIECE_ENTRIES:
                pieces.append(Samples(gathered, times))
                gathered, entries = [], 0
    if gathered:
        pieces.append(Samples(gathered, times))
    return pieces


class Fresh(NamedTuple):
    """A chunk that is new, and the places of its entries that were not there before."""

    chunk: KnownChunk
    places: Sequence[int]


def known_chunks(
    before: Sequence[KnownChunk], lines: SortedLines, turns: int
) -> tuple[Sequence[KnownChunk], Sequence[Fresh]]:
    """The chunks of a family after a change, and of these the new ones.

    `turns` are those of a period. It costs by the chunks that have changed, apart from a comparison
    for each, or a look-up if there are more or fewer than before.
    """
    found: list[KnownChunk | Chunk]
    if len(before) == len(lines.chunks):  # as most of the time
        is_same = map(is_, map(_CHUNK, before), lines.chunks)
        places = [place for place, same in enumerate(is_same) if not same]
        replaced, found = [before[place] for place in places], list(before)
        for place in places:
            found[place] = lines.chunks[place]
    else:
        by_chunk = {id(known.chunk): known for known in before}
        found = [by_chunk.pop(id(chunk), chunk) for chunk in lines.chunks]
        replaced = list(by_chunk.values())
        places = [place for place, each in enumerate(found) if isinstance(each, Chunk)]
    entries: dict[Entry, tuple[int, int]] = {
        entry: (turn, at)
        for known in replaced
        for entry, turn, at in zip(known.chunk.entries, known.turns, known.times, strict=True)
    }
    fresh = [_fresh(lines.chunks[place], entries, turns) for place in places]
    for place, each in zip(places, fresh, strict=True):
        found[place] = each.chunk
    return cast("list[KnownChunk]", found), fresh


def _fresh(chunk: Chunk, before: Mapping[Entry, tuple[int, int]], turns: int) -> Fresh:
    if not before:  # as at a start, of all entries
        all_turns = bytes([turn_of(entry, turns) for entry in chunk.entries])
        return Fresh(KnownChunk(chunk, all_turns, _NEVER), range(len(all_turns)))
    own_turns, changed_ms, places = bytearray(), list[int](), list[int]()
    for place, entry in enumerate(chunk.entries):
        known = before.get(entry)
        if known is None:
            known = turn_of(entry, turns), 0
            places.append(place)
        own_turns.append(known[0])
        changed_ms.append(known[1])
    return Fresh(KnownChunk(chunk, bytes(own_turns), changed_ms), places)


def turn_of(entry: Entry, turns: int) -> int:
    """Which turn of a period a series or histogram has, the same after a restart."""
    if isinstance(entry, str):
        series = entry.rpartition(" ")[0]
    else:
        series = entry[2].labels if isinstance(entry[2], HistogramLines) else entry[2]
    return zlib.crc32(series.encode()) % turns
