"""The runs that the next one is judged by, kept in order from one run of a series to the next.

Most of judging is to put the runs before in order: by value, the better two of each three, and the
medians of six. The next run of the series changes one of each. What is kept gives the same numbers
as the values alone do.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import NamedTuple

from benchmark_exporter.judge.reference import (
    STRIDE,
    Ordered,
    Scale,
    better_two,
    in_order,
    make_scale,
    median_of_six,
    medians_of_six,
)
from benchmark_exporter.judge.state import LONG, SHORT, Better, SeriesState


class _Sixes(NamedTuple):
    """The medians of six that begin at every second run: oldest first, and in order."""

    oldest_first: deque[float]
    ordered: list[float]


class Window:
    """What is kept of one series; nothing at first.

    It recognises what was judged last by the identity of its values. If a run follows on others,
    they are all put in order again. The lists that it returns change with the next run.
    """

    __slots__ = ("_bad", "_gap", "_ordered", "_scale", "_sixes", "_values")

    def __init__(self) -> None:
        self._values: tuple[float, ...] | None = None
        self._scale = Scale(1.0, logarithmic=True)
        self._gap = 0
        self._bad: list[float] = []
        self._ordered = Ordered([], [], [])
        # Medians of six are taken at every second run, so the next run is judged by those of the
        # run before the last, which come first here.
        self._sixes: tuple[_Sixes | None, _Sixes | None] = (None, None)

    def scale(
        self, state: SeriesState, value: float, better: Better, pinned: float | None
    ) -> Scale:
        """What `make_scale` returns."""
        if (
            self._values is not state.values
            or self._scale.sign != (1.0 if better == "lower" else -1.0)
            or state.alarm is not None
            or value <= 0
            or (pinned is not None and pinned <= 0)
            or (state.unaccepted is not None and state.unaccepted <= 0)
        ):
            return make_scale(state, value, better, pinned)
        return self._scale

    def follow(
        self, before: tuple[float, ...], values: tuple[float, ...], scale: Scale, gap: int
    ) -> tuple[list[float], Ordered]:
        """The badness of values, and all but the newest `gap` of it in order.

        `before` are the values of the state, `values` these with one more.
        """
        last, self._values = self._values, None
        if (
            last is not before
            or len(values) < len(before)  # fewer are kept than were
            or scale != self._scale
            or gap != self._gap
        ):
            self._bad = scale.all_bad(values)
            self._ordered = in_order(self._bad[:-gap])
            self._scale, self._gap, self._sixes = scale, gap, (None, None)
        else:
            self._move(scale.bad(values[-1]), is_full=len(values) == len(before))
        # Of values that have no logarithms, 0 and -0 are equal, and either could come first.
        if scale.logarithmic:
            self._values = values
        return self._bad, self._ordered

    def _move(self, newest: float, *, is_full: bool) -> None:
        """One run further: the newest one before the gap joins the reference.

        The oldest leaves it, if as many are kept as can be.
        """
        bad, (runs, threes, _) = self._bad, self._ordered
        joins = len(bad) - self._gap
        bad.append(newest)
        insort(runs, bad[joins])
        insort(threes, better_two(*_until(bad, joins, SHORT)))
        if is_full:
            _remove(runs, bad[0])
            _remove(threes, better_two(*bad[:SHORT]))
            del bad[0]
        before_last, last = self._sixes
        sixes = _following(before_last, bad[: len(runs)])
        self._sixes = last, sixes
        self._ordered = Ordered(runs, threes, sixes.ordered)


def _following(sixes: _Sixes | None, runs: list[float]) -> _Sixes:
    """The medians of six of a reference, which were `sixes` two runs before."""
    if sixes is None:
        newest_first = medians_of_six(runs)
        return _Sixes(deque(reversed(newest_first)), sorted(newest_first))
    joining = median_of_six(runs[-LONG:])
    sixes.oldest_first.append(joining)
    insort(sixes.ordered, joining)
    if len(sixes.ordered) > (len(runs) - LONG) // STRIDE + 1:
        _remove(sixes.ordered, sixes.oldest_first.popleft())
    return sixes


def _until(runs: list[float], last: int, count: int) -> list[float]:
    """So many runs up to one of them."""
    return runs[last + 1 - count : last + 1]


def _remove(ordered: list[float], leaving: float) -> None:
    del ordered[bisect_left(ordered, leaving)]
