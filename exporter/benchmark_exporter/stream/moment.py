"""Times in messages."""

from datetime import UTC, datetime


def moment(seconds: float) -> datetime:
    """A time in UTC; one beyond the calendar becomes the calendar's end."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)
