"""The exposition for a Prometheus that scrapes each second and stores what changes.

Most series of a part change once a run. They are *sparse*: a scrape has them only after a change,
with the time of the change, and otherwise once a period, with the time at which it is their turn.
Each sample is sent once to each scraper, so that a constant series costs one sample a period
instead of one a second. Since the period is shorter than Prometheus' lookback of five minutes,
queries always find the newest value. A series with a timestamp does not become stale when a scrape
lacks it, and stays for those five minutes when it is gone. All other families, whose series must
end at once, are *dense*: each scrape has them, without timestamps.
"""

import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from benchmark_exporter.metrics.exposition import Family, text

PERIOD_SECONDS = 60
_PERIOD_MS = PERIOD_SECONDS * 1000
# Prometheus forgets the help and type of a metric that ten scrapes have lacked.
_HEADS_EVERY = 5
# A clock that was set back by more than this is followed; by less, it is waited for.
_SET_BACK_MS = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """Up to when a scraper has been sent everything, in ms since 1970, by the clock of an epoch.

    An epoch ends when the clock is set back.
    """

    epoch: int
    ms: int


# By family and series, the line of what has changed; None: the series is gone. A series is named by
# its line without the value.
Changes = Mapping[str, Mapping[str, str | None]]


class SparsePart:
    """One part of the exposition.

    `publish` is called by the ledger's worker, `unseen` by the event loop. The time of a sample is
    that of the series' last turn or of its last change, whichever is later. Turns are at whole
    seconds and changes never are, and a change is later than everything that was sent before it. So
    the times of a series rise, and none is sent with two values, unless the clock is set back.
    After a start all series count as changed: what the process before had sent is not known.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heads: dict[str, str] = {}
        self._dense = b""
        self._lines: dict[str, dict[str, str]] = {}
        # The series whose turn is in each second of the period, by family.
        self._turns: list[dict[str, set[str]]] = [defaultdict(set) for _ in range(PERIOD_SECONDS)]
        # What changed within the last period: when, in ms, and which series of which families.
        self._log: deque[tuple[int, Mapping[str, AbstractSet[str]]]] = deque()
        self._latest_ms = 0
        self._epoch = 0

    def publish(self, families: Iterable[Family], now: float) -> None:
        """Shows these families from now on; `now` is in seconds since 1970."""
        families = list(families)
        dense = text(family for family in families if not family.is_sparse)
        sparse = [family for family in families if family.is_sparse]
        changes = {family.name: self._difference(family) for family in sparse}
        with self._lock:
            self._heads = {family.name: family.head for family in sparse}
            self._dense = dense
            self._apply(changes, _ms(now))

    def _difference(self, family: Family) -> Mapping[str, str | None]:
        """What differs from what is shown. Only the worker, who calls this, changes that."""
        known = self._lines.get(family.name, {})
        changed: dict[str, str | None] = {}
        shown = 0
        for series, lines in _series(family):
            before = known.get(series)
            shown += before is not None
            if before != lines:
                changed[series] = lines
        if shown < len(known):
            current = {series for series, _ in _series(family)}
            changed |= dict.fromkeys(known.keys() - current)
        return changed

    def _apply(self, changes: Changes, now_ms: int) -> None:
        stamp = max(now_ms, self._latest_ms + 1)
        stamp += stamp % 1000 == 0
        changed: dict[str, AbstractSet[str]] = {}
        for family, of_family in changes.items():
            if not of_family:
                continue
            known = self._lines.setdefault(family, {})
            for series, lines in of_family.items():
                turns = self._turns[_turn(series)][family]
                if lines is None:
                    del known[series]
                    turns.discard(series)
                else:
                    known[series] = lines
                    turns.add(series)
            changed[family] = frozenset(of_family)
        if changed:
            self._latest_ms = stamp
            self._log.append((stamp, changed))
        while self._log and self._log[0][0] < self._latest_ms - _PERIOD_MS:
            self._log.popleft()

    def _follow_clock(self, now_ms: int) -> None:
        """Begins an epoch if the clock was set back: all series are sent with the new time."""
        if now_ms >= self._latest_ms - _SET_BACK_MS:
            return
        self._epoch += 1
        self._latest_ms = now_ms + (now_ms % 1000 == 0)
        self._log.clear()
        self._log.append(
            (self._latest_ms, {name: frozenset(of) for name, of in self._lines.items()})
        )

    def unseen(self, seen: Seen | None, now: float) -> tuple[bytes, Seen]:
        """What a scraper has not been sent yet, and what it has seen after that.

        `seen` is what the text before gave; None: nothing. `now` is in seconds since 1970.
        """
        with self._lock:
            self._follow_clock(_ms(now))
            until = self._latest_ms = max(_ms(now), self._latest_ms)
            after = seen.ms if seen is not None and seen.epoch == self._epoch else 0
            samples = self._samples(after, until)
            second = until // 1000
            shown = [
                Family(name, head, samples.get(name, ()), is_sparse=True)
                for index, (name, head) in enumerate(self._heads.items())
                if name in samples or (index + second) % _HEADS_EVERY == 0
            ]
            dense, epoch = self._dense, self._epoch
        return dense + text(shown), Seen(epoch, until)

    def _samples(self, after_ms: int, until_ms: int) -> Mapping[str, Sequence[str]]:
        """The lines, by family, of the samples whose times are after one and until another."""
        samples: dict[str, list[str]] = defaultdict(list)
        changed: set[str] = set()
        second = until_ms // 1000
        for stamp, families in reversed(self._log):
            if stamp <= after_ms:
                break
            for family, all_series in families.items():
                known = self._lines[family]
                for series in all_series - changed:
                    if (lines := known.get(series)) is not None:
                        turn_ms = (second - (second - _turn(series)) % PERIOD_SECONDS) * 1000
                        samples[family].append(_stamped(lines, max(stamp, turn_ms)))
                changed.update(all_series)
        first = max(after_ms, until_ms - _PERIOD_MS) // 1000 + 1
        for turn in range(first, second + 1):
            for family, all_series in self._turns[turn % PERIOD_SECONDS].items():
                known = self._lines[family]
                lines = "\n".join([known[series] for series in all_series - changed])
                if lines:
                    samples[family].append(_stamped(lines, turn * 1000))
        return samples


def _series(family: Family) -> Iterator[tuple[str, str]]:
    """The series of a family, each with its lines."""
    for line in family.lines:
        yield line[: line.rindex(" ")], line


def _turn(series: str) -> int:
    """The second of the period in which it is a series' turn, the same after a restart."""
    return zlib.crc32(series.encode()) % PERIOD_SECONDS


def _stamped(lines: str, stamp_ms: int) -> str:
    return lines.replace("\n", f" {stamp_ms}\n") + f" {stamp_ms}"


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
