"""The values of options."""

import pytest

from benchmark_exporter.commands.values import parse_deadline, parse_moment


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


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("14d", 1_014 * 86_400.0), ("2h", 1_000 * 86_400 + 7_200.0), ("1972-10-01", 86_745_600.0)],
)
def test_a_deadline_is_ahead(text: str, seconds: float) -> None:
    assert parse_deadline(text, 1_000 * 86_400.0) == seconds


@pytest.mark.parametrize("text", ["", "soon", "0d", "1970-01-02", "99999999999w", "2026-13-01"])
def test_what_is_no_deadline_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="14d, 12h or 2026-12-01"):
        parse_deadline(text, 1_000 * 86_400.0)
