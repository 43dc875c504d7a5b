"""How often each sender may upload."""

MAX_NAMES = 1000


class TokenBuckets:
    """A token bucket per name: `burst` at once, then `rate_per_second`.

    Of more than MAX_NAMES, those that are full are not kept: they are as those of new names.
    """

    def __init__(self, rate_per_second: float, burst: int) -> None:
        self._rate = rate_per_second
        self._burst = burst
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str, now: float) -> float:
        """Uses up a token at `now` (seconds); returns the seconds to wait, 0 if there was one."""
        level, at = self._levels.get(name, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._rate)
        taken = level >= 1
        if name not in self._levels and len(self._levels) >= MAX_NAMES:
            self._drop_full(now)
        self._levels[name] = (level - taken, now)
        return 0.0 if taken else (1 - level) / self._rate

    def _drop_full(self, now: float) -> None:
        self._levels = {
            name: (level, at)
            for name, (level, at) in self._levels.items()
            if level + (now - at) * self._rate < self._burst
        }
