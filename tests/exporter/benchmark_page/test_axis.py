"""The scales of charts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.benchmark_page.axis import axis_of, tick_labels, ticks, time_labels

VALUES = st.lists(
    st.floats(min_value=-1e200, max_value=1e200, allow_subnormal=False), min_size=1, max_size=20
)


@given(VALUES, st.sampled_from(["seconds", "bytes", "ratio", "per_second", "ops"]))
def test_values_are_on_their_axis_and_ticks_are_told_apart(values: list[float], unit: str) -> None:
    axis = axis_of(values)
    assert all(axis.low <= value <= axis.high for value in values)
    assert all(0 <= axis.share(value) <= 1 for value in values)
    marks = ticks(axis)
    assert 1 <= len(marks) <= 16
    labels = tick_labels(axis, marks, unit)
    assert len(set(labels)) == len(labels)


@given(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=20))
def test_shares_have_the_order_of_the_values(values: list[float]) -> None:
    axis = axis_of(values)
    shares = [axis.share(value) for value in sorted(values)]
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([0.001, 0.0012], "seconds", ["1.00 ms", "1.05 ms", "1.10 ms", "1.15 ms", "1.20 ms"]),
        ([0, 5e9], "bytes", ["0 GB", "2 GB", "4 GB"]),
        ([3, 3], "ratio", ["2.9", "3.0", "3.1"]),
    ],
)
def test_labels_have_one_unit(values: list[float], unit: str, expected: list[str]) -> None:
    axis = axis_of(values)
    assert tick_labels(axis, ticks(axis), unit) == expected


def test_one_outlier_does_not_flatten_the_others() -> None:
    axis = axis_of([1.0, 1.1, 1.2, 30.0])
    assert axis.logarithmic
    assert axis.share(1.2) - axis.share(1.0) > 0.04


def test_times_are_equally_spaced_and_one_run_has_its_own() -> None:
    assert [share for share, _ in time_labels(0.0, 86_400.0 * 9, 3)] == [0.0, 0.5, 1.0]
    assert time_labels(60.0, 60.0, 3) == [(0.5, "1970-01-01 00:01")]


def test_an_empty_span_has_a_middle() -> None:
    assert math.isclose(axis_of([2.0]).share(2.0), 0.5)
