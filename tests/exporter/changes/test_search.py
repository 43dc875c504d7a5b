"""Where the level of a series changed, by its values alone."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_exporter.changes import (
    MOST_P_VALUE,
    MOST_RUNS,
    Alarm,
    begin_of,
    find_changes,
)
from benchmark_exporter.changes.rank_test import p_value
from tests.exporter.short_series import (
    HALF_LOST,
    LOST_IMPROVEMENT,
    SECOND_STEP,
    SMALL_STEP,
    SPIKES,
)


def noise(runs: int, *, seed: int = 1, deviation: float = 0.02) -> list[float]:
    drawn = random.Random(seed)  # noqa: S311 - simulation
    return [100 * math.exp(drawn.gauss(0, deviation)) for _ in range(runs)]


def test_a_step_up_and_its_way_back_are_found_where_they_are() -> None:
    values = noise(120)
    values[40:80] = [value * 1.2 for value in values[40:80]]
    up, down = find_changes(values)
    assert (up.at, down.at) == (40, 80)
    assert up.ratio == pytest.approx(0.2, abs=0.02)
    assert down.ratio == pytest.approx(1 / 1.2 - 1, abs=0.02)
    assert max(up.p_value, down.p_value) <= MOST_P_VALUE


def test_quiet_runs_have_no_change() -> None:
    assert [find_changes(noise(MOST_RUNS, seed=seed)) for seed in range(10)] == [[]] * 10


def test_outliers_are_no_change() -> None:
    values = noise(100)
    values[50:54] = [300.0, 310.0, 290.0, 305.0]
    values[80] = 1000.0
    assert find_changes(values) == []


def test_a_change_below_two_percent_is_none() -> None:
    values = noise(200, deviation=0.001)
    assert find_changes([*values[:100], *(value * 1.015 for value in values[100:])]) == []
    (change,) = find_changes([*values[:100], *(value * 1.03 for value in values[100:])])
    assert change.at == 100


def test_a_short_series_has_none() -> None:
    assert find_changes([100.0] * 5 + [200.0] * 6) == []


@pytest.mark.parametrize(
    ("values", "at"),
    [
        (LOST_IMPROVEMENT, [12, 32]),
        (SMALL_STEP, [22]),
        (SPIKES, []),
        (SECOND_STEP, [14, 26]),
        (HALF_LOST, [7, 20]),
    ],
)
def test_the_made_series_change_where_they_were_made_to(values: list[float], at: list[int]) -> None:
    assert [change.at for change in find_changes(values)] == at


def test_an_open_alarm_has_a_begin_after_three_runs() -> None:
    values = [*noise(30), 131.0, 130.0, 132.0]
    assert find_changes(values) == []
    (begin,) = find_changes(values, Alarm(32, upward=True))
    assert begin.at == 30
    assert begin.p_value > MOST_P_VALUE


@pytest.mark.parametrize(("slow", "found"), [(3, False), (6, True)])
def test_a_level_of_a_few_runs_leaves_no_change_once_its_alarm_has_ended(
    slow: int, found: bool
) -> None:
    """As docs/detection.md says: with three runs, p is 0.005 at best, however large they are."""
    before, after = noise(40), noise(20, seed=2)
    values = [*before, *(1e6 * value for value in noise(slow, seed=3)), *after]
    assert (40 in [change.at for change in find_changes(values)]) == found
    assert find_changes(values[: 40 + slow], Alarm(40, upward=True))[-1].at == 40
    assert p_value(before, [1e8, 2e8, 3e8]) == pytest.approx(0.005, abs=0.0005)


def test_an_alarm_begins_with_the_change_that_was_found_anyway() -> None:
    values = [*noise(30), *(1.3 * value for value in noise(20, seed=2))]
    alarm = Alarm(32, upward=True)
    changes = find_changes(values, alarm)
    assert changes == find_changes(values)
    assert begin_of(changes, alarm) == changes[0]


def test_an_alarm_has_no_begin_in_the_other_direction() -> None:
    values = [*noise(30), 131.0, 130.0, 132.0]
    assert find_changes(values, Alarm(32, upward=False)) == []


def test_a_later_run_can_withdraw_the_begin_of_an_alarm() -> None:
    values = [*noise(30), 131.0, 130.0, 132.0]
    assert find_changes(values, Alarm(32, upward=True))
    assert find_changes([*values, *noise(10, seed=3)]) == []


def test_values_that_are_not_positive_change_too() -> None:
    (change,) = find_changes([0.0] * 20 + [5.0] * 20)
    assert (change.at, change.before, change.after, change.ratio) == (20, 0.0, 5.0, None)
    (change,) = find_changes([-5.0] * 20 + [-2.0] * 20)
    assert (change.at, change.ratio) == (20, None)


def test_changes_beyond_the_range_of_ratios_are_searched() -> None:
    values = [2.0, 1.3e39, 1.0, 3.2e-285, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    for change in find_changes(values, None):
        assert 0 < change.at < len(values)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(-20, 20))
def test_the_unit_does_not_matter(seed: int, exponent: int) -> None:
    values = [*noise(60, seed=seed), *(1.1 * value for value in noise(40, seed=seed + 1))]
    changes = find_changes(values)
    others = find_changes([value * 2.0**exponent for value in values])
    assert [change.at for change in others] == [change.at for change in changes]
    assert [c.p_value for c in others] == pytest.approx([c.p_value for c in changes])


@settings(max_examples=60)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60),
    st.none() | st.builds(Alarm, st.integers(0, 59), st.booleans()),
)
def test_any_numbers_can_be_searched(values: list[float], alarm: Alarm | None) -> None:
    if alarm is not None and alarm.at >= len(values):
        alarm = None
    changes = find_changes(values, alarm)
    assert find_changes(values, alarm) == changes
    assert all(0 < change.at < len(values) for change in changes)
    assert all(before.at < after.at for before, after in pairwise(changes))
    assert all(0 <= change.p_value <= 1 for change in changes)
    assert all(change.ratio is None or math.isfinite(change.ratio) for change in changes)
