"""Thins the points of a history without losing its extremes."""

from typing import Generic, TypeVar

Point = TypeVar("Point")


class Thinner(Generic[Point]):
    """Keeps the lowest and the highest of equally many successive points, and the first and last.

    However many are added, no more than 2 × `pairs` + 2 are kept. `pairs` is even.
    """

    def __init__(self, pairs: int) -> None:
        self._most = pairs
        self._pairs: list[list[tuple[float, int, Point]]] = []
        self._size = 1  # how many points a pair stands for
        self._filled = 0  # how many the last one has
        self.count = 0
        self._first: tuple[float, int, Point] | None = None
        self._last: tuple[float, int, Point] | None = None

    def add(self, value: float, point: Point) -> None:
        """Adds a point with its value; the order is that in which they are added."""
        entry = (value, self.count, point)
        self.count += 1
        self._last = entry
        if self._first is None:
            self._first = entry
        if self._pairs and self._filled < self._size:
            pair = self._pairs[-1]
            self._filled += 1
            if value < pair[0][0]:
                pair[0] = entry
            elif value > pair[1][0]:
                pair[1] = entry
            return
        if len(self._pairs) == self._most:
            self._merge()
        self._pairs.append([entry, entry])
        self._filled = 1

    def points(self) -> list[Point]:
        """What is kept, in order."""
        if self._first is None or self._last is None:
            return []
        every = [self._first, self._last, *(entry for pair in self._pairs for entry in pair)]
        kept = {number: point for _, number, point in every}
        return [kept[number] for number in sorted(kept)]

    def _merge(self) -> None:
        """Has each pair stand for twice as many points."""
        self._pairs = [
            [min(left[0], right[0], key=_value), max(left[1], right[1], key=_value)]
            for left, right in zip(self._pairs[::2], self._pairs[1::2], strict=True)
        ]
        self._size *= 2


def _value(entry: tuple[float, int, object]) -> float:
    return entry[0]
