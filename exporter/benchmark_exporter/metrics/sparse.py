"""The exposition for a Prometheus that scrapes each second and stores what changes.

Most series of a part change once a run. They are *sparse*: a scrape has them only after a change,
with the time of the change, and otherwise once a period, with the time at which it is their turn.
Each sample is sent once to each scraper, so that a constant series costs one sample a period
instead of one a second. Since the period is shorter than Prometheus' lookback of five minutes,
queries always find the newest value. A series with a timestamp does not become stale when a scrape
lacks it, and stays for those five minutes when it is gone. All other families, whose series must
end at once, are *dense*: each scrape has them, without timestamps.
"""

import math
import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition, Family, Text

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
        self._lock = threading.Lock()
        self._shown = Exposition({}, {}, 0, math.inf, 0, {})
        # By family and series, which is a line up to its value.
        self._values: dict[str, dict[str, str]] = {name: {} for name in self.names}
        # The series whose turn is in each second of the period, by family.
        self._turns: list[dict[str, set[str]]] = [defaultdict(set) for _ in range(PERIOD_SECONDS)]
        # What changed within the last period: when, in ms, and which series of which families.
        self._log: deque[tuple[int, Mapping[str, AbstractSet[str]]]] = deque()
        self._latest_ms = 0
        self._epoch = 0

    def publish(self, exposition: Exposition, now: float) -> None:
        """Shows this exposition from now on; `now` is in seconds since 1970."""
        changes = exposition.changed_since(self._shown, self._part)
        self._shown = exposition
        with self._lock:
            stamp = max(_ms(now), self._latest_ms + 1)
            stamp += stamp % 1000 == 0
            changed = {name: self._apply(name, changes.get(name, {})) for name in self.names}
            if any(changed.values()):
                self._latest_ms = stamp
                self._log.append((stamp, changed))
            while self._log and self._log[0][0] < self._latest_ms - _PERIOD_MS:
                self._log.popleft()

    def _apply(self, family: str, changes: Mapping[str, str | None]) -> AbstractSet[str]:
        """Shows changes of a family; returns the series that are there after them."""
        known = self._values[family]
        for series, value in changes.items():
            turns = self._turns[_turn(series)][family]
            if value is None:
                del known[series]
                turns.discard(series)
            else:
                known[series] = value
                turns.add(series)
        return frozenset(changes.keys() & known.keys())

    def _follow_clock(self, now_ms: int) -> None:
        """Begins an epoch if the clock was set back: all series are sent with the new time."""
        if now_ms >= self._latest_ms - _SET_BACK_MS:
            return
        self._epoch += 1
        self._latest_ms = now_ms + (now_ms % 1000 == 0)
        self._log.clear()
        everything = {family: frozenset(known) for family, known in self._values.items()}
        self._log.append((self._latest_ms, everything))

    def unseen(self, seen: Seen | None, now: float) -> tuple[Sequence[Family], Seen]:
        """What a scraper has not been sent yet, and what it has seen after that.

        `seen` is what the call before gave; None: nothing. `now` is in seconds since 1970.
        """
        with self._lock:
            self._follow_clock(_ms(now))
            until = self._latest_ms = max(_ms(now), self._latest_ms)
            after = seen.ms if seen is not None and seen.epoch == self._epoch else 0
            samples = self._samples(after, until)
            heads, epoch = self._shown.heads, self._epoch
        families = [
            (
                heads[name],
                [Text(("\n".join(samples[name]) + "\n").encode())] if samples[name] else [],
            )
            for index, name in enumerate(self.names)
            if name in samples or (index + until // 1000) % _HEADS_EVERY == 0
        ]
        return families, Seen(epoch, until)

    def _samples(self, after_ms: int, until_ms: int) -> dict[str, list[str]]:
        """The lines, by family, of the samples whose times are after one and until another."""
        samples: dict[str, list[str]] = defaultdict(list)
        changed: set[str] = set()
        second = until_ms // 1000
        for stamp, families in reversed(self._log):
            if stamp <= after_ms:
                break
            for family, all_series in families.items():
                known = self._values[family]
                # What is gone by now is not sent.
                for series in (all_series & known.keys()) - changed:
                    turn_ms = (second - (second - _turn(series)) % PERIOD_SECONDS) * 1000
                    samples[family].append(f"{series} {known[series]} {max(stamp, turn_ms)}")
                changed |= all_series
        first = max(after_ms, until_ms - _PERIOD_MS) // 1000 + 1
        for turn in range(first, second + 1):
            for family, all_series in self._turns[turn % PERIOD_SECONDS].items():
                known, stamp = self._values[family], turn * 1000
                samples[family] += [
                    f"{series} {known[series]} {stamp}" for series in all_series - changed
                ]
        return samples


def _turn(series: str) -> int:
    """The second of the period in which it is a series' turn, the same after a restart."""
    return zlib.crc32(series.encode()) % PERIOD_SECONDS


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
