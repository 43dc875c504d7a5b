"""The durations of a benchmark's iterations, in bounded memory."""

import random
from array import array


class Samples:
    """Durations in nanoseconds, in order: the `recent` ones, and those `kept` by `fold`.

    At most `limit` are kept. When there are more, every second one is dropped, and from then on
    only one in so many is kept: a systematic sample with a random start for each fold (Cochran,
    Sampling Techniques, 1977, chapter 8), which includes every duration with the same probability.
    """

    def __init__(self, limit: int) -> None:
        self.recent = array("q")
        self.kept = array("q")
        self.newest_ns = 0
        self._limit = limit
        self._stride = 1
        self._folded = 0
        # Its own generator: the sequence of the common one belongs to the benchmark.
        self._random = random.Random()  # noqa: S311  # not a secret

    @property
    def count(self) -> int:
        """How many durations there were in total."""
        return self._folded + len(self.recent)

    def fold(self) -> None:
        """Moves a sample of the recent ones to `kept`.

        What other threads append meanwhile stays recent.
        """
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
        """Drops every second one of those kept."""
        self.kept = self.kept[self._random.randrange(2) :: 2]
        self._stride *= 2
