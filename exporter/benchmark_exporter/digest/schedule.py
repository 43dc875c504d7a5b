"""When a weekly digest is due."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEXT = re.compile(rf"({'|'.join(_DAYS)}) ([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Weekly:
    """A day of the week, 0 for Monday, and a time of day."""

    day: int
    hour: int
    minute: int

    def latest(self, now: datetime, zone: tzinfo) -> datetime:
        """The last such moment that is not after `now`, by the clock of a zone."""
        local = now.astimezone(zone)
        date = local.date() - timedelta(days=(local.weekday() - self.day) % 7)
        found = self._at(date.year, date.month, date.day, zone)
        return found if found <= now else self.before(found)

    def before(self, moment: datetime) -> datetime:
        """The one a week before another, which may be an hour more or less away."""
        date = moment.date() - timedelta(days=7)
        zone = moment.tzinfo
        return self._at(date.year, date.month, date.day, zone)

    def _at(self, year: int, month: int, day: int, zone: tzinfo | None) -> datetime:
        return datetime(year, month, day, self.hour, self.minute, tzinfo=zone)


def parse_weekly(text: str) -> Weekly:
    """The moment of `mon 09:00`.

    Raises:
        ValueError: it is not a day and a time.
    """
    match = _TEXT.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not a day and a time like mon 09:00")
    return Weekly(_DAYS.index(match[1]), int(match[2]), int(match[3]))
