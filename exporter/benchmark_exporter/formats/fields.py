"""Field types that the formats share.

Numbers are bounded far outside of what any benchmark gives, so that no quotient, conversion or sum of them overflows.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from benchmark_exporter.model import Rejected

NonNegative = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Positive = Annotated[float, msgspec.Meta(ge=1e-15, le=1e15)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]

_YEAR_10000_SECONDS = 253_402_300_800


def to_seconds(moment: datetime, *, place: str) -> float:
    """Seconds since 1970 of a moment with a time zone.

    Raises:
        Rejected: the moment is before 1970 or after 9999; place says where it stands in the document.
    """
    seconds = moment.timestamp()
    if not 0 <= seconds < _YEAR_10000_SECONDS:
        raise Rejected("invalid_value", f"{moment.isoformat()} is not between the years 1970 and 9999", place=place)
    return seconds
