"""How long a new counter is shown as 0, and that it is held only once."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from benchmark_exporter.ledger import Ledger, LedgerError, RunningTotal
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.live import LastScrapes

# A Prometheus that has not scraped for a while is awaited for this long, so that it sees the 0 of
# what was born meanwhile. It is checked so often whether it has come back.
AWAITED_SECONDS, AWAITED_CHECK_SECONDS = 600.0, 1.0


class Span(NamedTuple):
    """Of births in order: those from `first` to `end`, without that, are held.

    The holds of those before `unawaited` go on only since a Prometheus is awaited.
    """

    first: int
    unawaited: int
    end: int


class Hold:
    """Shows counters that were just born as 0.

    Prometheus takes the first sample of a counter as its start, so increase() and rate() miss what
    the counter was born with. A counter whose subject returns is shown as it was before, for the
    same reason: a 0 would be a reset.
    """

    def __init__(
        self,
        seconds: float,
        now: float,
        released_seconds: float = -math.inf,
        scraped_seconds: float = math.inf,
    ) -> None:
        """Holds for `seconds` from a birth; `now` is in seconds since 1970.

        What was born up to `released_seconds` was shown with its value before. Each Prometheus has
        scraped at `scraped_seconds` or later; infinity: nobody scrapes.
        """
        self._seconds = seconds
        self._now = now
        self._scraped_seconds = scraped_seconds
        self._released_before = released_seconds
        # Up to which birth counters have been shown with their values.
        self.released_seconds = released_seconds
        # When the first of the holds that were asked for ends; infinity: none holds.
        self.ends_seconds = math.inf

    def holds(self, born_seconds: float) -> bool:
        """Whether a total that was born at a time (seconds since 1970) is still held.

        One that was born in the future is not: the clock has been set back since. Half of the hold
        is at least one scrape interval, so a Prometheus that scraped after it has seen the 0.
        """
        if born_seconds <= self._released_before:
            return False
        ends = born_seconds + self._seconds
        if self._now >= ends and self._scraped_seconds < born_seconds + self._seconds / 2:
            ends = self._now + AWAITED_CHECK_SECONDS
        held = born_seconds <= self._now < ends
        if held:
            self.ends_seconds = min(self.ends_seconds, ends)
        else:
            self.released_seconds = max(self.released_seconds, born_seconds)
        return held

    def span(self, births: Sequence[float]) -> Span:
        """Which of these births (seconds since 1970, in order) are held; asks for none of them."""
        return Span(
            bisect_left(births, True, key=self._is_not_over),
            bisect_left(births, True, key=lambda born: self._now < born + self._seconds),
            bisect_right(births, self._now),
        )

    def _is_not_over(self, born_seconds: float) -> bool:
        """Whether a total is held if it is not born in the future. So are all born after it."""
        return born_seconds > self._released_before and (
            self._now < born_seconds + self._seconds
            or self._scraped_seconds < born_seconds + self._seconds / 2
        )

    def value(self, counter: RunningTotal, before_return: RunningTotal | None) -> int:
        """The value to show. `before_return` is what the counter was when its subject returned."""
        if self.holds(counter.born_seconds):
            return 0
        if before_return is not None and self.holds(before_return.born_seconds):
            return before_return.value
        return counter.value


class Releases:
    """Up to which birth the counters of each part have been shown with their values.

    A counter that was shown with its value must not be held again, which Prometheus would take for
    a reset. That would happen if the clock were set back to shortly after the counter's birth, also
    during a restart. So these times are stored in the ledger, one small commit for each hold that
    ends.
    """

    def __init__(self, holds_seconds: Mapping[Part, float]) -> None:
        self.configure(holds_seconds)
        self._released: dict[str, float] = {}
        self._stored: dict[str, float] | None = None

    def configure(self, holds_seconds: Mapping[Part, float]) -> None:
        """Holds the counters of each part for so long from now on."""
        self._holds_seconds = holds_seconds

    def holds(self, now: float, scrapes: LastScrapes) -> Mapping[Part, Hold]:
        """What holds the counters of each part at a time (seconds since 1970)."""
        return {
            part: Hold(
                seconds,
                now,
                self._released.get(part, -math.inf),
                min(
                    (at for at in scrapes.get(part, ()) if at > now - AWAITED_SECONDS),
                    default=math.inf,
                ),
            )
            for part, seconds in self._holds_seconds.items()
        }

    def note(self, holds: Mapping[Part, Hold]) -> None:
        """Keeps what was shown with these holds."""
        self._released = {
            part: hold.released_seconds
            for part, hold in holds.items()
            if hold.released_seconds > -math.inf
        }

    def load(self, ledger: Ledger) -> None:
        """Reads the times once.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        if self._stored is None:
            self._stored = dict(ledger.delivery.released())
            self._released = self._stored | self._released

    def store(self, ledger: Ledger, now: float) -> bool:
        """Stores the times if they have changed. Returns whether the clock had been set back.

        What was born later than now then counts as born now, and the state has to be read again.
        If nothing can be written, ingest reports it; this is retried at the next call.
        """
        if max(self._released.values(), default=-math.inf) > now:
            with suppress(LedgerError):
                now_released = dict.fromkeys(map(str, self._holds_seconds), now)
                ledger.delivery.set_births_back(now, now_released)
                self._released = self._stored = now_released
                return True
        elif self._released != self._stored:
            with suppress(LedgerError):
                ledger.delivery.release(self._released)
                self._stored = self._released
        return False
