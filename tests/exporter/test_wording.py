"""Quantities and changes as people read them."""

import pytest

from benchmark_exporter.wording import change, level_change, with_unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "seconds", "12.3 ms"),
        (0.0000005, "seconds", "500 ns"),
        (90.0, "seconds", "90 s"),
        (-0.002, "seconds", "-2 ms"),
        (0.0, "seconds", "0 ns"),
        (2_097_152.0, "bytes", "2.097 MB"),
        (512.0, "bytes", "512 B"),
        (0.75, "ratio", "0.75"),
        (4000.0, "per_second", "4000 per second"),
        (2.0, "findings", "2 findings"),
        (2.0, "", "2"),
    ],
)
def test_a_value_is_short_and_has_its_unit(value: float, unit: str, text: str) -> None:
    assert with_unit(value, unit) == text


@pytest.mark.parametrize(
    ("worsening_ratio", "text"),
    [
        (0.125, "12.5% worse"),
        (-0.2, "20.0% better"),
        (1.5, "150.0% worse"),
        (0.0, "0.0% better"),
        (None, ""),
    ],
)
def test_a_change_is_worse_or_better(worsening_ratio: float | None, text: str) -> None:
    assert change(worsening_ratio) == text


@pytest.mark.parametrize(
    ("ratio", "worse", "text"),
    [
        (0.2, True, "+20.0%, worse"),
        (-0.125, True, "-12.5%, worse"),  # of a rate
        (-0.125, False, "-12.5%, better"),
        (None, True, "worse"),
    ],
)
def test_a_change_of_a_level_names_its_direction(
    ratio: float | None, worse: bool, text: str
) -> None:
    assert level_change(ratio, worse=worse) == text
