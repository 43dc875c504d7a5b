"""The exposition for a Prometheus that stores what changes, and little of what does not.

Most series change once a run. They are *sparse*: a scrape has them only after a change, with the
time of the change, and otherwise once a period, with the time at which it is their turn. Each
sample is sent once to each scraper. Since the period and a scrape interval together are shorter
than Prometheus' lookback of five minutes, queries always find the newest value. A series with a
timestamp does not become stale when a scrape lacks it, and stays for those five minutes when it is
gone. All other families, whose series must end at once, are *dense*: each scrape has them, without
timestamps.
"""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition, Family, Piece
from benchmark_exporter.metrics.sorted_lines import SortedLines
from benchmark_exporter.metrics.sparse_chunks import (
    Fresh,
    KnownChunk,
    Times,
    known_chunks,
    samples_of,
)

# How many turns are between two searches for changes to forget.
_FORGET_TURNS = 10
# A clock that was set back by more than this is followed; by less, it is waited for.
_SET_BACK_MS = 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a series is sent that does not change.

    It has a turn in each period. Turns are `turn_seconds` apart, so that each scrape has as many.
    `heads_every`: in one of how many scrapes a family without samples has its help and type, which
    Prometheus forgets when ten scrapes have lacked them.
    """

    period_seconds: int
    turn_seconds: int
    heads_every: int = 1

    @property
    def turns(self) -> int:
        """How many turns a period has."""
        return self.period_seconds // self.turn_seconds


# By scrapes each second, and every 30 s. Of the slow ones one may fail before a series is missing:
# 210 s and two intervals are less than five minutes.
PACES: Mapping[Part, Pace] = {"state": Pace(60, 1, heads_every=5), "distributions": Pace(210, 30)}
PERIOD_SECONDS = PACES["state"].period_seconds
SLOW_PERIOD_SECONDS = PACES["distributions"].period_seconds


@dataclass(frozen=True, slots=True)
class Seen:
    """Up to when a scraper has been sent everything, in ms since 1970, by the clock of an epoch.

    An epoch ends when the clock is set back.
    """

    epoch: int
    ms: int


@dataclass(slots=True)
class _SparseFamily:
    """The chunks of one family; `lines` are those that they are of."""

    lines: SortedLines = field(default_factory=SortedLines)
    chunks: Sequence[KnownChunk] = ()


class SparsePart:
    """The sparse families of one part of the exposition.

    `publish` is called by the ledger's worker, `unseen` by the event loop. The time of a sample is
    that of the series' last turn or of its last change, whichever is later. Turns are at whole
    seconds and changes never are, and a change is later than everything that was sent before it. So
    the times of a series rise, and none is sent with two values, unless the clock is set back.
    After a start all series count as changed: what the process before had sent is not known.
    """

    def __init__(self, part: Part, names: Iterable[str]) -> None:
        """Shows the metrics of these names."""
        self._part = part
        self.names = tuple(names)
        self._pace = PACES[part]
        self._lock = threading.Lock()
        self._heads: Mapping[str, bytes] = {}
        self._families: dict[str, _SparseFamily] = {name: _SparseFamily() for name in self.names}
        # When changes before the last period are forgotten next, in ms.
        self._forget_ms = 0
        # When what has no time of its own changed, in ms: the first exposition, or all at an epoch.
        self._base_ms = 0
        self._latest_ms = 0
        self._epoch = 0

    def publish(self, exposition: Exposition, now: float) -> None:
        """Shows this exposition from now on; `now` is in seconds since 1970."""
        read: dict[str, tuple[_SparseFamily, Sequence[Fresh]]] = {}
        epoch = self._epoch
        for name in self.names:
            lines, known = exposition.blocks[self._part, name], self._families[name]
            if lines is not known.lines:
                chunks, fresh = known_chunks(known.chunks, lines, self._pace.turns)
                read[name] = _SparseFamily(lines, chunks), fresh
        with self._lock:
            self._heads = exposition.heads
            self._families |= {name: family for name, (family, _) in read.items()}
            replaced = [each for _, fresh in read.values() for each in fresh]
            if self._epoch != epoch:  # what was kept is of the clock before
                for each in replaced:
                    each.chunk.note_changes(())
            if any(each.places for each in replaced):
                self._stamp(replaced, now)

    def _stamp(self, replaced: Sequence[Fresh], now: float) -> None:
        """Says when the entries changed that are new in chunks."""
        stamp = max(_ms(now), self._latest_ms + 1)
        stamp += stamp % 1000 == 0
        self._latest_ms = stamp
        if not self._base_ms:
            self._base_ms = stamp
            return
        for each in replaced:
            each.chunk.stamp(each.places, stamp)

    def _forget_old(self, now_ms: int) -> None:
        """Forgets changes after which each series had its turn. It costs by all chunks."""
        if now_ms >= self._forget_ms:
            self._forget_ms = now_ms + self._pace.turn_seconds * _FORGET_TURNS * 1000
            oldest = now_ms - self._pace.period_seconds * 1000
            for family in self._families.values():
                for chunk in family.chunks:
                    chunk.forget_changes(oldest)

    def _follow_clock(self, now_ms: int) -> None:
        """Begins an epoch if the clock was set back: all series are sent with the new time."""
        if now_ms >= self._latest_ms - _SET_BACK_MS:
            return
        self._epoch += 1
        self._latest_ms = self._base_ms = now_ms + (now_ms % 1000 == 0)
        self._forget_ms = 0
        for family in self._families.values():
            for chunk in family.chunks:
                chunk.forget_changes(math.inf)

    def unseen(self, seen: Seen | None, now: float) -> tuple[Sequence[Family], Seen]:
        """What a scraper has not been sent yet, and what it has seen after that.

        `seen` is what the call before gave; None: nothing. `now` is in seconds since 1970.
        """
        families: list[Family] = []
        with self._lock:
            self._follow_clock(_ms(now))
            until = self._latest_ms = max(_ms(now), self._latest_ms)
            after = seen.ms if seen is not None and seen.epoch == self._epoch else 0
            self._forget_old(until)
            times = self._times(after, until)
            for index, name in enumerate(self.names):
                pieces = samples_of(self._families[name].chunks, times)
                if pieces or (index + until // 1000) % self._pace.heads_every == 0:
                    families.append((self._heads[name], list[Piece](pieces)))
        return families, Seen(self._epoch, until)

    def _times(self, after_ms: int, until_ms: int) -> Times:
        """The newest turns, and which of them are in a scrape."""
        turn_ms, turns = self._pace.turn_seconds * 1000, self._pace.turns
        newest = until_ms // turn_ms
        last = [(newest - (newest - turn) % turns) * turn_ms for turn in range(turns)]
        due = [turn for turn in range(turns) if last[turn] > after_ms]
        whole = self._base_ms > after_ms or len(due) == turns
        return Times(last, due, after_ms, self._base_ms, whole=whole)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
