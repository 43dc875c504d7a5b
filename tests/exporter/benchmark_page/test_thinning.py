"""Thinning keeps what a chart must not lose."""

from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.benchmark_page.thinning import Thinner

VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=400)


@given(VALUES, st.sampled_from([2, 4, 10]))
def test_the_extremes_and_the_ends_are_kept_in_order(values: list[float], pairs: int) -> None:
    thinner: Thinner[tuple[int, float]] = Thinner(pairs)
    for number, value in enumerate(values):
        thinner.add(value, (number, value))
    kept = thinner.points()
    assert len(kept) <= 2 * pairs + 2
    assert thinner.count == len(values)
    numbers = [number for number, _ in kept]
    assert numbers == sorted(set(numbers))
    assert all(values[number] == value for number, value in kept)
    if values:
        assert {0, len(values) - 1} <= set(numbers)
        shown = [value for _, value in kept]
        assert (min(shown), max(shown)) == (min(values), max(values))


@given(VALUES)
def test_few_points_are_all_kept(values: list[float]) -> None:
    thinner: Thinner[int] = Thinner(400)
    for number, value in enumerate(values):
        thinner.add(value, number)
    assert thinner.points() == list(range(len(values)))


def test_a_single_spike_among_many_runs_is_kept() -> None:
    thinner: Thinner[float] = Thinner(60)
    for number in range(5000):
        value = 9.0 if number == 3333 else 1.0
        thinner.add(value, value)
    assert thinner.points().count(9.0) == 1
