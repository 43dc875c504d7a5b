"""When a weekly digest is due, by the clock of a zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.digest.schedule import Weekly, parse_weekly

MONDAY_9 = Weekly(0, 9, 0)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "weekly"),
    [("mon 09:00", MONDAY_9), (" Sun 23:59 ", Weekly(6, 23, 59)), ("thu 00:00", Weekly(3, 0, 0))],
)
def test_a_day_and_a_time_are_read(text: str, weekly: Weekly) -> None:
    assert parse_weekly(text) == weekly


@pytest.mark.parametrize("text", ["", "monday 09:00", "mon 9:00", "mon 24:00", "mon", "09:00"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a day and a time like mon 09:00"):
        parse_weekly(text)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23T09:00:00+00:00", "2026-11-23T09:00:00+00:00"),  # a Monday
        ("2026-11-23T08:59:59+00:00", "2026-11-16T09:00:00+00:00"),
        ("2026-11-29T23:00:00+00:00", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23T17:30:00+09:00", "2026-11-16T09:00:00+00:00"),
    ],
)
def test_the_last_moment_is_the_one_before(now: str, due: str) -> None:
    found = MONDAY_9.latest(datetime.fromisoformat(now), UTC)
    assert found == datetime.fromisoformat(due)


def test_it_keeps_its_hour_when_the_clocks_change() -> None:
    """In Berlin on 2026-10-25, by an hour."""
    now = datetime(2026, 10, 26, 8, 30, tzinfo=UTC)
    due = MONDAY_9.latest(now, BERLIN)
    assert due.astimezone(UTC) == datetime(2026, 10, 26, 8, 0, tzinfo=UTC)
    assert MONDAY_9.before(due).astimezone(UTC) == datetime(2026, 10, 19, 7, 0, tzinfo=UTC)


@given(
    st.builds(lambda seconds: datetime.fromtimestamp(seconds, UTC), st.floats(1.5e9, 2.2e9)),
    st.builds(Weekly, st.integers(0, 6), st.integers(0, 23), st.integers(0, 59)),
    st.sampled_from([UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]),
)
def test_it_is_at_most_a_week_and_an_hour_ago(
    now: datetime, weekly: Weekly, zone: ZoneInfo
) -> None:
    due = weekly.latest(now, zone)
    assert timedelta(0) <= now - due.astimezone(UTC) < timedelta(days=7, hours=1)
    assert due.weekday() == weekly.day
    week = due.astimezone(UTC) - weekly.before(due).astimezone(UTC)
    assert abs(week - timedelta(days=7)) <= timedelta(hours=1)
