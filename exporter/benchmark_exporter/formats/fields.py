"""Field types that the formats share.

Numbers are bounded far outside what any benchmark gives, so that no quotient, conversion or sum of
them overflows.
"""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

import msgspec

from benchmark_exporter.model import Machine, Rejected

NonNegative = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Positive = Annotated[float, msgspec.Meta(ge=1e-15, le=1e15)]
# A time since 1970, up to the year 9999.
Seconds = Annotated[float, msgspec.Meta(ge=0, lt=253_402_300_800)]
Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
# Of a benchmark of another tool, whose names may be of any length.
LongName = Annotated[str, msgspec.Meta(min_length=1)]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]

# Zones by the names that tools write. JST has no daylight saving time.
ZONES = {"JST": timezone(timedelta(hours=9)), "UTC": UTC, "GMT": UTC, "Z": UTC}

_COMMIT = re.compile("[0-9a-f]{7,64}")
_YEAR_10000_SECONDS = 253_402_300_800


class MachinePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The machine of a run. Only runs of machines that agree in all of this are compared."""

    os: Annotated[
        Text,
        msgspec.Meta(description="its name, such as Linux; a version after a hyphen is ignored"),
    ] = ""
    architecture: Annotated[Text, msgspec.Meta(description="such as x86_64 or aarch64")] = ""
    cpu_model: Annotated[Text, msgspec.Meta(description="such as AMD EPYC 7763")] = ""
    cpu_count: Count | None = None
    profile: Annotated[
        Text, msgspec.Meta(description="distinguishes machines that are otherwise alike")
    ] = ""

    def to_machine(self) -> Machine:
        return Machine(self.os, self.architecture, self.cpu_model, self.cpu_count, self.profile)

    def complete(self, stated: Machine | None) -> Machine:
        """The machine a document states, with the parts it lacks taken from this one."""
        known = self.to_machine()
        if stated is None:
            return known
        return Machine(
            *(getattr(stated, name) or getattr(known, name) for name in Machine.__struct_fields__)
        )


def to_seconds(moment: datetime, *, json_path: str) -> float:
    """Seconds since 1970 of a moment with a time zone.

    Raises:
        Rejected: the moment is before 1970 or after 9999; json_path is where the document has it.
    """
    seconds = moment.timestamp()
    if not 0 <= seconds < _YEAR_10000_SECONDS:
        raise Rejected(
            "invalid_value",
            f"{moment.isoformat()} is not between the years 1970 and 9999",
            json_path=json_path,
        )
    return seconds


def keys(document: object) -> AbstractSet[object]:
    """The keys of an object; nothing for any other value."""
    return document.keys() if isinstance(document, dict) else frozenset()


def objects_with(names: Iterable[str], values: object) -> bool:
    """Whether the first value of a non-empty array or object is an object with all these keys."""
    if isinstance(values, dict):
        first = next(iter(values.values()), None)
    else:
        first = values[0] if isinstance(values, list) and values else None
    if not isinstance(first, dict):
        return False
    for name in names:  # noqa: SIM110  # each document passes through many; all() costs more
        if name not in first:
            return False
    return True


def as_commit(reference: str) -> str:
    """A reference if it is a commit's hash, else an empty string.

    A branch, a tag or HEAD may be another commit tomorrow.
    """
    return reference if _COMMIT.fullmatch(reference) else ""
