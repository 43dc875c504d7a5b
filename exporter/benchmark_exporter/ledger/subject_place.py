"""Where a subject stands among others."""

from typing import NamedTuple


class SubjectPlace(NamedTuple):
    """The position of a subject, and when it was last seen (seconds since 1970)."""

    position: int
    seen_seconds: float
