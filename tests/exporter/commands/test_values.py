"""The values of options."""

import pytest

from benchmark_exporter.commands.values import parse_moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", 1e9 - 604800),
        ("90m", 1e9 - 5400),
        ("2026-03-01", 1772323200.0),
        ("2026-03-01T12:00+09:00", 1772334000.0),
    ],
)
def test_times_are_given_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_moment(text, 1e9) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-7d", "2026-13-01", "99999999999999d"])
def test_a_wrong_time_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time like 7d, 12h, 2026-11-01"):
        parse_moment(text, 1e9)
