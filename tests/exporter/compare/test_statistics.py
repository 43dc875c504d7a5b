"""What rounds of paired measurements say."""

import itertools
import math
import random

import pytest

from benchmark_exporter.compare.statistics import (
    SUITE_ERROR,
    Change,
    difference,
    error_of_look,
    estimate,
    least_rounds,
    outcome,
    planned_rounds,
)

DETECT = 0.02


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # simulation, not a secret


def _rounds(chance: random.Random, count: int, cv: float, ratio: float = 0.0) -> list[float]:
    def value(factor: float) -> float:
        return factor * math.exp(chance.gauss(0, cv))

    return [
        difference([value(1), value(1)], [value(1 + ratio), value(1 + ratio)]) for _ in range(count)
    ]


def test_an_even_drift_cancels_within_a_round() -> None:
    drifting = [math.exp(0.3 * position) for position in range(4)]
    assert difference([drifting[0], drifting[3]], [drifting[1], drifting[2]]) == pytest.approx(0)
    # Base first, then head, takes the drift for a change.
    assert difference(drifting[:2], drifting[2:]) == pytest.approx(0.6)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_value_without_a_ratio_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="no ratio"):
        difference([1.0, value], [1.0, 1.0])


@pytest.mark.parametrize("count", [9, 11])
def test_equal_versions_have_no_more_wrong_verdicts_than_allowed(count: int) -> None:
    """Exactly: of equal versions, every combination of signs is as probable as the others."""
    sizes = [abs(each) for each in _rounds(_chance(3), count, 0.05)]
    errors = {0.1: 0, error_of_look(0, 1): 0}
    for signs in itertools.product((1, -1), repeat=count):
        rounds = [sign * size for sign, size in zip(signs, sizes, strict=True)]
        if math.fsum(rounds) < 0.5 * math.fsum(sizes):
            continue  # far from any verdict
        change = estimate(rounds, "lower", 1)
        for error in errors:
            errors[error] += outcome(change, DETECT, error) == "worse"
    for error, wrong in errors.items():
        assert 0 < wrong <= error * 2**count


def test_the_errors_of_all_looks_at_all_results_stay_below_the_suites() -> None:
    for results in (1, 20, 500):
        assert sum(error_of_look(look, results) * results for look in range(40)) <= SUITE_ERROR
        # With one round less, not even the clearest change could have a verdict.
        few = least_rounds(0, results)
        assert 2.0**-few <= error_of_look(0, results) < 2.0 ** -(few - 1)


@pytest.mark.parametrize("results", [1, 20])
def test_the_planned_rounds_find_the_change(results: int) -> None:
    chance = _chance(7)
    count = planned_rounds(0.01, DETECT, 0, results)
    assert least_rounds(0, results) <= count <= 40
    found = 0
    runs = 20 if results > 1 else 60
    for _ in range(runs):
        change = estimate(_rounds(chance, count, 0.01, DETECT), "lower", chance.getrandbits(30))
        found += outcome(change, DETECT, error_of_look(0, results)) == "worse"
    assert found >= 0.85 * runs  # 95 % are expected at the least


@pytest.mark.parametrize(("better", "expected"), [("lower", "worse"), ("higher", "better")])
def test_the_direction_decides_what_an_increase_means(better: str, expected: str) -> None:
    rounds = _rounds(_chance(1), 30, 0.01, 0.1)
    change = estimate(rounds, "lower" if better == "lower" else "higher", 1)
    assert outcome(change, DETECT, error_of_look(0, 1)) == expected
    assert change.low < 0.1 < change.high
    assert change == estimate(rounds, "lower" if better == "lower" else "higher", 1)


def test_only_a_whole_interval_near_no_change_is_the_same() -> None:
    def result(low: float, high: float) -> str:
        return outcome(Change((low + high) / 2, low, high, 0.3, 0.7), DETECT, 0.001)

    assert result(-0.01, 0.019) == "same"
    assert result(-0.01, 0.021) == "undecided"
    assert result(-0.03, 0.01) == "undecided"


def test_one_round_has_no_interval() -> None:
    change = estimate([0.1], "lower", 1)
    assert (change.worse_probability, change.better_probability) == (0.5, 1.0)
    assert outcome(change, DETECT, error_of_look(0, 1)) == "undecided"
