"""Measures two sides in turn until every result has a verdict, or the time is over."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import count

from benchmark_exporter.compare.comparison import (
    NO_DIRECTION,
    NOT_SELECTED,
    Compared,
    Comparison,
)
from benchmark_exporter.compare.documents import CompareError, Quantity
from benchmark_exporter.compare.statistics import (
    Outcome,
    difference,
    error_of_look,
    estimate,
    least_rounds,
    outcome,
)
from benchmark_exporter.compare.stopping import Prospect

Values = Mapping[Quantity, float]
Measure = Callable[[], Values]

RUNS_A_ROUND = 4
# The most of the time that the A/A run may take.
NOISE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    `detect_ratio` is the change to be found, `noise_rounds` how many rounds of base against itself
    show the noise, `warmups` how often each side runs first without being counted. `selected` are
    names or globs of the results that get a verdict; all do if it is empty.
    """

    detect_ratio: float = 0.02
    max_seconds: float = 600.0
    noise_rounds: int = 5
    warmups: int = 1
    seed: int = 1
    selected: Sequence[str] = ()

    def selects(self, name: str) -> bool:
        """Whether a result gets a verdict."""
        return not self.selected or any(_matches(name, each) for each in self.selected)

    def check(self, values: Values) -> None:
        """Compares the selection with what a run has.

        Raises:
            CompareError: a name or glob selects none of its results.
        """
        for wanted in self.selected:
            if not any(_matches(quantity.name, wanted) for quantity in values):
                names = ", ".join(quantity.name for quantity in values)
                raise CompareError(f"there is no result {wanted}; there are {names or 'none'}")


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

    An A/A run, base against itself, first shows the noise. Results are looked at after the fewest
    rounds that allow a verdict, and each time that the rounds have doubled. A result is settled
    with its verdict, or when more rounds will not decide it (see `Prospect`). The comparison ends
    when every result is. No round begins that would end after `plan.max_seconds`. `report` takes
    what is being done, how many rounds of it are done and how many are planned. `is_enough` may end
    the comparison at a look, before all are settled.

    Raises:
        CompareError: a run fails, the sides have no result in common, or none that is selected.
    """
    started = monotonic()
    for done in range(plan.warmups):
        report("warm-up", done, plan.warmups)
        plan.check(base())
        head()
    noise: list[Sequence[Values]] = []
    for values in _rounds(base, base, plan.noise_rounds, "noise", report):
        plan.check(values[0])
        noise.append(values)
        if monotonic() - started > plan.max_seconds * NOISE_SHARE:
            break
    results = len(_judged([run for values in noise for run in values], plan)) or 1
    measured: list[Sequence[Values]] = []
    comparison = Comparison([], 0, 0.0, plan.detect_ratio)
    for look in count():
        goal = max(least_rounds(look, results), 2 * len(measured))
        affordable = math.inf
        for values in _rounds(base, head, goal, "rounds", report, len(measured)):
            measured.append(values)
            elapsed = monotonic() - started
            a_round = elapsed / (len(measured) + len(noise) + plan.warmups / 2)
            left = plan.max_seconds - elapsed
            affordable = len(measured) + left / a_round if a_round else math.inf
            if left < a_round:
                break
        settled = [each for each in comparison.results if each.is_settled]
        comparison = judge(measured, noise, plan, look, monotonic() - started, settled, affordable)
        if is_enough(comparison) or all(
            each.outcome != "undecided" or each.is_settled for each in comparison.results
        ):
            return comparison
        if len(measured) < goal:
            return _at_the_end_of_time(comparison)
    raise AssertionError("count() has no end")


def _at_the_end_of_time(comparison: Comparison) -> Comparison:
    note = f"the time was over after {comparison.rounds} rounds"
    results = [
        replace(each, note=note) if each.outcome == "undecided" and not each.note else each
        for each in comparison.results
    ]
    return replace(comparison, results=results)


def judge(
    measured: Sequence[Sequence[Values]],
    noise: Sequence[Sequence[Values]],
    plan: Plan,
    look: int = 0,
    seconds: float = 0.0,
    settled: Sequence[Compared] = (),
    affordable_rounds: float = math.inf,
) -> Comparison:
    """What rounds of four runs each (base, head, head, base) say.

    `settled` are results of earlier looks that stay as they are. There can be `affordable_rounds`
    within the time.

    Raises:
        CompareError: no result is in every run, or none that is selected.
    """
    runs = [run for values in measured for run in values]
    common = _common(runs)
    if not common:
        names = sorted({quantity.name for run in runs for quantity in run})
        raise CompareError(
            f"no result is in every run of both sides; there are {', '.join(names) or 'none'}"
        )
    plan.check(dict.fromkeys(common, 0.0))
    everything = {quantity.name for run in runs for quantity in run}
    known = {each.quantity: each for each in settled}
    judged = len(_judged(runs, plan)) or 1
    prospect = Prospect(plan.detect_ratio, affordable_rounds, look + 1, judged)
    error = error_of_look(look, judged)
    return Comparison(
        [
            known.get(quantity) or _compared(quantity, measured, noise, plan, error, prospect)
            for quantity in common
        ],
        len(measured),
        seconds,
        plan.detect_ratio,
        sorted(everything - {quantity.name for quantity in common}),
    )


def _compared(
    quantity: Quantity,
    measured: Sequence[Sequence[Values]],
    noise: Sequence[Sequence[Values]],
    plan: Plan,
    error: float,
    prospect: Prospect,
) -> Compared:
    series = _series(measured, quantity)
    change = estimate(series.differences, quantity.better or "lower", plan.seed)
    found: Outcome | None = None
    note = ""
    if not plan.selects(quantity.name):
        note = NOT_SELECTED
    elif quantity.better is None:
        note = NO_DIRECTION
    else:
        found = outcome(change, plan.detect_ratio, error)
        if found == "undecided":
            note = prospect.reason_to_stop(series.differences, change)
    return Compared(
        quantity,
        statistics.median(series.base),
        statistics.median(series.head),
        change,
        _deviation(noise, quantity),
        found,
        len(measured),
        note,
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


def _common(runs: Sequence[Values]) -> Sequence[Quantity]:
    """The results that every run has, in the first one's order."""
    return [
        quantity for quantity in (runs[0] if runs else ()) if all(quantity in run for run in runs)
    ]


def _judged(runs: Sequence[Values], plan: Plan) -> Sequence[Quantity]:
    """The common results that get a verdict."""
    return [
        quantity
        for quantity in _common(runs)
        if quantity.better is not None and plan.selects(quantity.name)
    ]


def _series(measured: Sequence[Sequence[Values]], quantity: Quantity) -> _Series:
    series = _Series()
    for first, second, third, fourth in measured:
        base, head = [first[quantity], fourth[quantity]], [second[quantity], third[quantity]]
        series.base += base
        series.head += head
        series.differences.append(difference(base, head))
    return series


def _matches(name: str, wanted: str) -> bool:
    """Whether a result has the name, or one that the glob describes."""
    return name == wanted or fnmatchcase(name, wanted)


def _deviation(noise: Sequence[Sequence[Values]], quantity: Quantity) -> float | None:
    differences = [
        difference([first[quantity], fourth[quantity]], [second[quantity], third[quantity]])
        for first, second, third, fourth in noise
        if all(quantity in run for run in (first, second, third, fourth))
    ]
    return statistics.stdev(differences) if len(differences) > 1 else None
