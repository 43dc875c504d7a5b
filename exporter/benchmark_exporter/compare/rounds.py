"""Measures two sides in turn until every result has a verdict, or the time is over."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from benchmark_exporter.compare.documents import CompareError, Quantity
from benchmark_exporter.compare.statistics import (
    Change,
    Outcome,
    difference,
    error_of_look,
    estimate,
    least_rounds,
    outcome,
    planned_rounds,
)

Values = Mapping[Quantity, float]
Measure = Callable[[], Values]

RUNS_A_ROUND = 4
# A result that is undecided after so many times the planned rounds is left so: its change is about
# as large as the one to be found.
ENOUGH = 2
# The most of the time that the A/A run may take.
NOISE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    `detect_ratio` is the change to be found, `noise_rounds` how many rounds of base against itself
    show the noise, `warmups` how often each side runs first without being counted.
    """

    detect_ratio: float = 0.02
    max_seconds: float = 600.0
    noise_rounds: int = 5
    warmups: int = 1
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Compared:
    """One result of the suite: both sides' median, the change between them, and what it means.

    `noise_ratio` is the standard deviation of a round's difference where both sides are base; None
    where that was not measured.
    `outcome` is None where it is not known which direction is better.
    """

    quantity: Quantity
    base: float
    head: float
    change: Change
    noise_ratio: float | None
    outcome: Outcome | None


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
        """The geometric mean of how much worse head is: 0.02 is 2 %. None without results."""
        logarithms = [
            math.log1p(each.change.ratio) * (1 if each.quantity.better == "lower" else -1)
            for each in self.results
            if each.quantity.better is not None
        ]
        return math.expm1(statistics.fmean(logarithms)) if logarithms else None


@dataclass(slots=True)
class _Series:
    """What has been measured of one result: the rounds' differences, and every value."""

    differences: list[float] = field(default_factory=list)
    base: list[float] = field(default_factory=list)
    head: list[float] = field(default_factory=list)


def compare(
    base: Measure,
    head: Measure,
    plan: Plan,
    report: Callable[[str, int, int], None] = lambda _what, _done, _planned: None,
    monotonic: Callable[[], float] = time.monotonic,
    is_enough: Callable[[Comparison], bool] = lambda _comparison: False,
) -> Comparison:
    """Runs both sides alternately and compares each result that all runs have.

    An A/A run, base against itself, first shows the noise, from which the number of rounds follows
    that finds `plan.detect_ratio`. Results are looked at after the fewest rounds that allow a
    verdict, and each time that the rounds have doubled; the comparison ends when every result has a
    verdict, or after ENOUGH times that number. No round begins that would end after
    `plan.max_seconds`. `report` takes what is being done, how many rounds of it are done and how
    many are planned. `is_enough` may end the comparison at a look, before all have a verdict.

    Raises:
        CompareError: a run fails, or the sides have no result in common.
    """
    started = monotonic()
    for done in range(plan.warmups):
        report("warm-up", done, plan.warmups)
        base(), head()
    noise: list[Sequence[Values]] = []
    for values in _rounds(base, base, plan.noise_rounds, "noise", report):
        noise.append(values)
        if monotonic() - started > plan.max_seconds * NOISE_SHARE:
            break
    results = len(_common([run for values in noise for run in values])) or 1
    deviation = _largest_deviation(noise)
    measured: list[Sequence[Values]] = []
    comparison = Comparison([], 0, 0.0, plan.detect_ratio)
    for look in count():
        planned = planned_rounds(deviation, plan.detect_ratio, look, results)
        goal = max(least_rounds(look, results), 2 * len(measured))
        for values in _rounds(base, head, goal, "rounds", report, len(measured)):
            measured.append(values)
            elapsed = monotonic() - started
            a_round = elapsed / (len(measured) + len(noise) + plan.warmups / 2)
            if elapsed + a_round > plan.max_seconds:
                break
        comparison = judge(measured, noise, plan, look, monotonic() - started)
        decided = is_enough(comparison) or all(
            each.outcome != "undecided" for each in comparison.results
        )
        if decided or len(measured) < goal or goal >= ENOUGH * planned:
            break
    return comparison


def judge(
    measured: Sequence[Sequence[Values]],
    noise: Sequence[Sequence[Values]],
    plan: Plan,
    look: int = 0,
    seconds: float = 0.0,
) -> Comparison:
    """What rounds of four runs each (base, head, head, base) say.

    Raises:
        CompareError: no result is in every run.
    """
    runs = [run for values in measured for run in values]
    common = _common(runs)
    if not common:
        names = sorted({quantity.name for run in runs for quantity in run})
        raise CompareError(
            f"no result is in every run of both sides; there are {', '.join(names) or 'none'}"
        )
    everything = {quantity.name for run in runs for quantity in run}
    error = error_of_look(look, len(common))
    results = []
    for quantity in common:
        series = _series(measured, quantity)
        change = estimate(series.differences, quantity.better or "lower", plan.seed)
        results.append(
            Compared(
                quantity,
                statistics.median(series.base),
                statistics.median(series.head),
                change,
                _deviation(noise, quantity),
                None if quantity.better is None else outcome(change, plan.detect_ratio, error),
            )
        )
    return Comparison(
        results,
        len(measured),
        seconds,
        plan.detect_ratio,
        sorted(everything - {quantity.name for quantity in common}),
    )


def _rounds(
    base: Measure,
    head: Measure,
    planned: int,
    what: str,
    report: Callable[[str, int, int], None],
    done: int = 0,
) -> Iterator[Sequence[Values]]:
    for number in range(done, planned):
        report(what, number, planned)
        yield [base(), head(), head(), base()]


def _largest_deviation(noise: Sequence[Sequence[Values]]) -> float:
    common = _common([run for values in noise for run in values])
    return max((_deviation(noise, quantity) or 0.0 for quantity in common), default=0.0)


def _common(runs: Sequence[Values]) -> Sequence[Quantity]:
    """The results that every run has, in the first one's order."""
    return [
        quantity for quantity in (runs[0] if runs else ()) if all(quantity in run for run in runs)
    ]


def _series(measured: Sequence[Sequence[Values]], quantity: Quantity) -> _Series:
    series = _Series()
    for first, second, third, fourth in measured:
        base, head = [first[quantity], fourth[quantity]], [second[quantity], third[quantity]]
        series.base += base
        series.head += head
        series.differences.append(difference(base, head))
    return series


def _deviation(noise: Sequence[Sequence[Values]], quantity: Quantity) -> float | None:
    differences = [
        difference([first[quantity], fourth[quantity]], [second[quantity], third[quantity]])
        for first, second, third, fourth in noise
        if all(quantity in run for run in (first, second, third, fourth))
    ]
    return statistics.stdev(differences) if len(differences) > 1 else None
