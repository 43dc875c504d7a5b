"""What a comparison of two sides has found."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.compare.documents import Quantity
from benchmark_exporter.compare.statistics import Change, Outcome

# Why a result has no verdict.
NO_DIRECTION, NOT_SELECTED = "no known direction", "not selected"


@dataclass(frozen=True, slots=True)
class Compared:
    """One result of the suite: both sides' median, the change between them, and what it means.

    `noise_ratio` is the standard deviation of a round's difference where both sides are base; None
    where that was not measured.
    `outcome` is None where the result is not selected, or it is not known which direction is
    better; `note` says so, or why a result remains undecided. `rounds` are those before the
    verdict, from which all figures are: later rounds are for the other results.
    """

    quantity: Quantity
    base: float
    head: float
    change: Change
    noise_ratio: float | None
    outcome: Outcome | None
    rounds: int = 0
    note: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether later rounds cannot change it."""
        return self.outcome not in (None, "undecided") or (
            self.outcome == "undecided" and bool(self.note)
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A whole comparison. `missing` are results that not every run had, by their names."""

    results: Sequence[Compared]
    rounds: int
    seconds: float
    detect_ratio: float
    missing: Sequence[str] = ()

    @property
    def ratio(self) -> float | None:
        """The geometric mean of how much worse head is: 0.02 is 2 %. None without a verdict."""
        logarithms = [
            math.log1p(each.change.ratio) * (1 if each.quantity.better == "lower" else -1)
            for each in self.results
            if each.outcome is not None
        ]
        return math.expm1(statistics.fmean(logarithms)) if logarithms else None
