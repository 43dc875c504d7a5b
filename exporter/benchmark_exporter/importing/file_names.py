"""What the name of a result file says: when it was made, and of which commit. Pure."""

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

# `2024-03-05T10-11-12`, `2024-03-05_10.11`, `20240305_101112`, `20240305T101112Z`, `2024.03.05`:
# separators are anything that a file's name may have, and the time may be missing.
_DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<mark>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=mark)"
    r"(?P<day>0[1-9]|[12]\d|3[01])"
    r"(?:[-_T. ]{0,2}(?P<hour>[01]\d|2[0-3])[-_.:h]?(?P<minute>[0-5]\d)"
    r"(?:[-_.:m]?(?P<second>[0-5]\d)(?:[.,]\d{1,9})?)?(?P<utc>Z)?)?(?!\d)"
)
# Seconds or milliseconds since 1970, from 2001 to 2100.
_EPOCH = re.compile(r"(?<!\d)(?:(?P<ms>[1-4]\d{12})|(?P<s>[1-4]\d{9}))(?!\d)")
_COMMIT = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{7,64}(?![0-9a-zA-Z])")


class Stated(NamedTuple):
    """What a name states; None and an empty text where it does not. Seconds are since 1970."""

    seconds: float | None
    commit: str


def read_name(name: str, zone: tzinfo) -> Stated:
    """What the name of a file says, whose times are in `zone` unless they end in `Z`."""
    return Stated(_seconds(name, zone), _commit(name))


def _seconds(name: str, zone: tzinfo) -> float | None:
    for found in _DATE.finditer(name):
        hour, minute, second = (int(found[each] or 0) for each in ("hour", "minute", "second"))
        try:
            moment = datetime(
                int(found["year"]),
                int(found["month"]),
                int(found["day"]),
                hour,
                minute,
                second,
                tzinfo=UTC if found["utc"] else zone,
            )
        except ValueError:  # the 31st of a month without one
            continue
        if moment.year >= 1971:
            return moment.timestamp()
    if epoch := _EPOCH.search(name):
        return int(epoch["ms"]) / 1e3 if epoch["ms"] else float(epoch["s"])
    return None


def _commit(name: str) -> str:
    """The first word that can be a commit's hash: digits alone are a date or a number."""
    for word in _COMMIT.findall(_DATE.sub(" ", name)):
        if len(word) == 40 or not word.isdigit():
            return str(word)
    return ""
