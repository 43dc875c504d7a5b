"""Times as benchmark tools have written them, also by the C library of another system."""

import re
from datetime import UTC, datetime, timedelta, timezone
from datetime import time as time_of_day

from benchmark_exporter.formats.fields import ZONES

# `2018/01/30-18:40:25` (Google Benchmark's first releases), `03/31/26 10:00:00` (its releases
# before 1.5.1 on Windows: strftime's %x %X), and what other locales make of the latter.
_NUMERIC = re.compile(
    r"(?P<a>\d{1,4})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{1,4})[-T, ]+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp]\.?[Mm]\.?))? ?(?P<zone>[A-Z]{1,4}|[-+]\d{2}(?::?\d{2})?)?"
)
# `Sun Mar  1 10:00:00 2026`, as C's ctime.
_CTIME = re.compile(r"\w{3,9},? +(\w{3}) +(\d{1,2}) +(\d{1,2}:\d{2}:\d{2}) +(\d{4})")


def moment_of(text: str) -> datetime | None:
    """The moment that a text states, with a zone if it states one; None if it is not one.

    A date in slashes has the month first, as in C's own locale, unless only the day can be first;
    one in dots has the day first.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        text = text.strip()
    try:
        if found := _NUMERIC.fullmatch(text):
            return _of_numbers(found)
        if found := _CTIME.fullmatch(text):
            return datetime.strptime(" ".join(found.groups()), "%b %d %H:%M:%S %Y")  # noqa: DTZ007  # the zone is the exporter's setting
    except ValueError:
        pass
    return None


def _of_numbers(found: "re.Match[str]") -> datetime:
    first, second, third = (found[name] for name in "abc")
    if len(first) > 2:
        year, month, day = first, second, third
    elif found["mark"] == "." or int(first) > 12:
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    fraction = int((found["fraction"] or "0").ljust(6, "0")[:6])
    clock = time_of_day(hour, int(found["minute"]), int(found["second"] or 0), fraction)
    moment = datetime.combine(datetime(_full(year), int(month), int(day)), clock)  # noqa: DTZ001  # its zone, if it states one, follows
    return moment if found["zone"] is None else moment.replace(tzinfo=_zone(found["zone"]))


def _full(year: str) -> int:
    """The year, whose century POSIX says if it has two digits."""
    number = int(year)
    if len(year) > 2:
        return number
    return number + (1900 if number >= 69 else 2000)


def _zone(name: str) -> timezone:
    if name in ZONES:
        return ZONES[name]
    if name[0] not in "+-":
        raise ValueError(f"{name} is not a known zone")
    digits = name[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return UTC if not offset else timezone(-offset if name[0] == "-" else offset)
