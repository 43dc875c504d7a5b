"""What is kept of the chunks of a sparse family: when each entry has its turn, and what changed.

It takes a byte for each entry, and eight more in chunks that changed lately. The lines themselves
are the chunks' own.
"""

import zlib
from array import array
from collections.abc import Mapping, Sequence
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

    def samples(self, times: Times) -> "Samples | None":
        """The samples of a scrape; None: there are none."""
        if times.whole:
            return Samples(self, times, range(len(self.turns)))
        turns, places = self.turns, set[int]()
        if self.newest_ms > times.after_ms:
            places = {place for place, at in enumerate(self.changed_ms) if at > times.after_ms}
        for turn in times.due:
            place = turns.find(turn)
            while place >= 0:
                places.add(place)
                place = turns.find(turn, place + 1)
        return Samples(self, times, sorted(places)) if places else None


class Samples:
    """Some entries of a chunk with their times, joined when they are sent: these may be many."""

    __slots__ = ("_changed_ms", "_chunk", "_places", "_times", "_turns")

    def __init__(self, known: KnownChunk, times: Times, places: Sequence[int]) -> None:
        self._chunk = known.chunk
        self._turns = known.turns
        self._changed_ms = known.changed_ms
        self._times = times
        self._places = places

    def text(self, *, keep: bool) -> bytes:  # noqa: ARG002  # Piece has it
        """See Piece."""
        turns, changed, last_ms = self._turns, self._changed_ms, self._times.last_ms
        base_ms, ends, texts = self._times.base_ms, dict[int, bytes](), list[bytes]()
        is_one_line = lines_of(self._chunk.first) == 1
        for place, text in zip(self._places, self._chunk.texts(self._places), strict=True):
            at_ms = max(last_ms[turns[place]], (changed and changed[place]) or base_ms)
            end = ends.get(at_ms)
            if end is None:
                end = ends[at_ms] = b" %d\n" % at_ms
            # All lines of a histogram have one time.
            texts += (text if is_one_line else text.replace(b"\n", end), end)
        return b"".join(texts)

    def __len__(self) -> int:
        """An estimate: the text may be compressed."""
        return len(self._places) * lines_of(self._chunk.first) * _LINE_BYTES


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
