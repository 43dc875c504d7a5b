"""How long a new counter is shown as 0."""

import math

from benchmark_exporter.ledger import RunningTotal


class Hold:
    """Shows counters that were just born as 0.

    Prometheus takes the first sample of a counter as its start, so increase() and rate() miss what
    the counter was born with. A counter whose subject returns is shown as it was before, for the
    same reason: a 0 would be a reset.
    """

    def __init__(self, seconds: float, now: float) -> None:
        """Holds for `seconds` from a birth; `now` is in seconds since 1970."""
        self._seconds = seconds
        self._now = now
        # When the first of the holds that were asked for ends; infinity: none holds.
        self.ends_seconds = math.inf

    def holds(self, born_seconds: float) -> bool:
        """Whether a total that was born at a time (seconds since 1970) is still held.

        One that was born in the future is not: the clock has been set back since.
        """
        ends = born_seconds + self._seconds
        held = born_seconds <= self._now < ends
        if held:
            self.ends_seconds = min(self.ends_seconds, ends)
        return held

    def value(self, counter: RunningTotal, before_return: RunningTotal | None) -> int:
        """The value to show. `before_return` is what the counter was when its subject returned."""
        if self.holds(counter.born_seconds):
            return 0
        if before_return is not None and self.holds(before_return.born_seconds):
            return before_return.value
        return counter.value
