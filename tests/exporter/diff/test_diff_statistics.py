"""What two groups of runs say of a change."""

import math
import random
from itertools import combinations

import pytest

from benchmark_exporter.compare.statistics import outcome
from benchmark_exporter.diff.statistics import by_noise, by_runs, can_decide, ratio_of


def _values(chance: random.Random, count: int, level: float = 1.0) -> list[float]:
    return [level * chance.lognormvariate(0, 0.01) for _ in range(count)]


def test_the_test_counts_all_divisions() -> None:
    """The probability of the largest of all divisions is 1 of their number."""
    change = by_runs([1.0, 1.1, 1.2], [2.0, 2.1, 2.2, 2.3], "lower", 1)
    assert change.worse_probability == pytest.approx(1 / math.comb(7, 3))
    assert change.better_probability == 1
    base, head = [1.0, 3.0, 2.0], [2.5, 1.5]
    everything = sorted(map(math.log, [*base, *head]))
    total = sum(map(math.log, head))
    larger = [sum(pair) >= total - 1e-9 for pair in combinations(everything, 2)]
    assert by_runs(base, head, "lower", 1).worse_probability == sum(larger) / len(larger)


def test_the_direction_and_the_seed() -> None:
    base, head = [1.0, 1.1, 1.2], [2.0, 2.1, 2.2]
    lower, higher = by_runs(base, head, "lower", 1), by_runs(base, head, "higher", 1)
    assert (lower.worse_probability, lower.better_probability) == (
        higher.better_probability,
        higher.worse_probability,
    )
    assert by_runs(base, head, "lower", 1) == lower
    assert lower.low < lower.ratio < lower.high


def test_how_many_runs_allow_a_verdict() -> None:
    assert not can_decide(1, 1000, 0.01)
    assert not can_decide(5, 5, 0.003)  # 252 divisions
    assert can_decide(5, 5, 0.004)
    assert can_decide(20, 20, 1 / 40_000)
    assert not can_decide(20, 20, 1 / 41_000)  # a sample has no smaller probability


def test_equal_groups_are_hardly_ever_called_worse() -> None:
    """By chance 1 of 100 at an error of 1 %; 6 or more have a probability of 0.05 %."""
    chance = random.Random(1)  # noqa: S311  # noise, not a secret
    worse = sum(
        outcome(by_runs(_values(chance, 6), _values(chance, 6), "lower", 1), 0.02, 0.01) == "worse"
        for _ in range(100)
    )
    assert worse < 6


@pytest.mark.parametrize("runs", [6, 20])
def test_a_change_is_found_and_lies_in_its_interval(runs: int) -> None:
    chance = random.Random(2)  # noqa: S311  # noise, not a secret
    changes = [
        by_runs(_values(chance, runs), _values(chance, runs, 1.05), "lower", 1) for _ in range(10)
    ]
    assert all(outcome(change, 0.02, 0.002) == "worse" for change in changes)
    assert sum(change.low < 0.05 < change.high for change in changes) >= 9


def test_noise_stands_in_for_runs() -> None:
    """One run of each: 5 % is 3.4 times the noise of a difference, 1 % is less than it."""
    worse = by_noise([1.0], [1.05], 0.01, "lower")
    assert outcome(worse, 0.02, 0.0025) == "worse"
    assert outcome(by_noise([1.0], [1.01], 0.01, "lower"), 0.02, 0.0025) == "undecided"
    assert outcome(by_noise([1.0], [1.05], 0.01, "higher"), 0.02, 0.0025) == "better"
    assert outcome(by_noise([1.0], [1.001], 0.001, "lower"), 0.02, 0.0025) == "same"
    still = by_noise([1.0, 1.0], [1.0], 0.0, "lower")
    assert (still.low, still.high, outcome(still, 0.02, 0.0025)) == (0, 0, "same")
    assert ratio_of([1.0], [1.05]) == pytest.approx(0.05)
    assert worse.high - worse.ratio > by_noise([1.0] * 4, [1.05] * 4, 0.01, "lower").high - 0.05
