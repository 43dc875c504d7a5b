"""Is a commit slow? Rounds of a good commit and another one, until that is decided.

A commit is slow if its change from the good one is beyond a threshold: half of the change between
good and bad, unless the user gives one. So a smaller change of another commit in between, which
`compare` would report, does not lead the search astray. The test is that of
`compare.statistics`, of the differences less the threshold, in both directions: neither may be
wrong in more than SUITE_ERROR of all bisections, however many commits these test.
"""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmark_exporter.bisect.state import Verdict
from benchmark_exporter.compare.documents import CompareError, Quantity
from benchmark_exporter.compare.rounds import Measure, Plan, Values
from benchmark_exporter.compare.statistics import (
    Change,
    difference,
    error_of_look,
    estimate,
    least_rounds,
    planned_rounds,
)
from benchmark_exporter.compare.stopping import ENOUGH


class Unmeasurable(Exception):
    """A commit cannot be measured, so that it is skipped; the message says why."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a commit; `verdict` is None where the time or the rounds were over."""

    verdict: Verdict | None
    change: Change


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each commit: is its `quantity` beyond `threshold`, a logarithm?

    `tests` is about how many commits will be tested, among which the error is divided.
    """

    quantity: Quantity
    threshold: float
    tests: int
    plan: Plan

    def rounds_at(self, look: int) -> int:
        """How many rounds there are when a commit is judged for the first, second, … time."""
        return least_rounds(0, self.tests) << look

    def judge(self, differences: list[float], look: int) -> Decision:
        """What the rounds up to now say."""
        better = self.quantity.better or "lower"
        beyond = [each - self.threshold for each in differences]
        tested = estimate(beyond, better, self.plan.seed)
        error = error_of_look(look, self.tests)
        verdict: Verdict | None = None
        if tested.worse_probability <= error:
            verdict = "slow"
        elif tested.better_probability <= error:
            verdict = "fast"
        return Decision(verdict, estimate(differences, better, self.plan.seed))

    def is_enough(self, differences: list[float], look: int) -> bool:
        """Whether more rounds would hardly decide: the change is close to the threshold."""
        distance = math.expm1(abs(self.threshold))
        deviation = statistics.stdev(differences)
        planned = planned_rounds(deviation, distance, look, self.tests)
        return len(differences) >= ENOUGH * planned


def decide(
    question: Question,
    good: Measure,
    other: Measure,
    differences: list[float],
    report: Callable[[str, int, int], None],
    monotonic: Callable[[], float] = time.monotonic,
) -> Decision:
    """Compares a commit with the good one until it is decided, with twice the rounds each time.

    `differences` has those of earlier rounds, if any, and gets the others.

    Raises:
        Unmeasurable: the other commit's measurement fails, or lacks the result.
        CompareError: the good one's does.
    """
    started = monotonic()
    for done in range(question.plan.warmups):
        report("warm-up", done, question.plan.warmups)
        good(), other()
    look, before = 0, len(differences)
    while question.rounds_at(look + 1) <= before:
        look += 1
    while True:
        goal = question.rounds_at(look)
        while len(differences) < goal:
            report("rounds", len(differences), goal)
            differences.append(_round(question.quantity, good, other))
            elapsed = monotonic() - started
            a_round = elapsed / (len(differences) - before + question.plan.warmups / 2)
            if len(differences) > 1 and elapsed + a_round > question.plan.max_seconds:
                return question.judge(differences, look)
        decision = question.judge(differences, look)
        if decision.verdict is not None or question.is_enough(differences, look):
            return decision
        look += 1


def _round(quantity: Quantity, good: Measure, other: Measure) -> float:
    """The difference of a round: good, other, other, good."""
    first, second, third, fourth = good(), other(), other(), good()
    return difference(
        [value_of(quantity, run, CompareError) for run in (first, fourth)],
        [value_of(quantity, run, Unmeasurable) for run in (second, third)],
    )


def value_of(quantity: Quantity, values: Values, problem: type[Exception]) -> float:
    """A run's value of what is followed.

    Raises:
        problem: the run has none.
    """
    value = values.get(quantity)
    if value is None:
        names = ", ".join(each.name for each in values)
        raise problem(f"there is no result {quantity.name} in {quantity.unit}; there are {names}")
    return value
