"""The durations of a benchmark's iterations, in bounded memory."""

import random
from array import array


class Samples:
    """Durations in nanoseconds, in the order they were taken: `recent` ones, and those that `fold` has taken in.

    At most `limit` are kept. When there are more, every second is dropped, and from then on one of so many is taken in: a systematic sample
    with a random start for each fold (Cochran, Sampling Techniques, 1977, chapter 8), in which every duration is with the same probability.
    """

    def __init__(self, limit: int) -> None:
        self.recent = array("q")
        self.kept = array("q")
        self.newest_ns = 0
        self._limit = limit
        self._stride = 1
        self._folded = 0
        self._random = random.Random()  # noqa: S311  # no secret; and not the common one, whose sequence belongs to the benchmark

    @property
    def count(self) -> int:
        """How many there were."""
        return self._folded + len(self.recent)

    def fold(self) -> None:
        """Takes in the recent ones. What other threads append meanwhile stays recent."""
        many = len(self.recent)
        if many == 0:
            return
        batch = self.recent[:many]
        del self.recent[:many]
        self._folded += many
        self.newest_ns = batch[-1]
        self.kept.extend(batch[self._random.randrange(self._stride) :: self._stride])
        while len(self.kept) > self._limit:
            self.halve()

    def halve(self) -> None:
        """Drops every second of those that are kept."""
        self.kept = self.kept[self._random.randrange(2) :: 2]
        self._stride *= 2
