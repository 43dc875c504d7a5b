"""Field types that the formats share.

Numbers are bounded far outside of what any benchmark gives, so that no quotient, conversion or sum of them overflows.
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
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]

# Zones by the names that tools write. JST has no summer time.
ZONES = {"JST": timezone(timedelta(hours=9)), "UTC": UTC, "GMT": UTC, "Z": UTC}

_YEAR_10000_SECONDS = 253_402_300_800


class MachinePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a run was made on. Runs are compared with those of machines that are the same in all of this; a host's name is no part of it."""

    os: Annotated[
        Text,
        msgspec.Meta(
            description="its name, such as Linux; a version after a hyphen does not count"
        ),
    ] = ""
    architecture: Annotated[Text, msgspec.Meta(description="such as x86_64 or aarch64")] = ""
    cpu_model: Annotated[Text, msgspec.Meta(description="such as AMD EPYC 7763")] = ""
    cpu_count: Count | None = None
    profile: Annotated[
        Text, msgspec.Meta(description="what tells machines apart that are otherwise alike")
    ] = ""

    def to_machine(self) -> Machine:
        return Machine(self.os, self.architecture, self.cpu_model, self.cpu_count, self.profile)

    def complete(self, said: Machine | None) -> Machine:
        """What was said of a machine, and what this says where that says nothing."""
        known = self.to_machine()
        if said is None:
            return known
        return Machine(
            *(getattr(said, name) or getattr(known, name) for name in Machine.__struct_fields__)
        )


def to_seconds(moment: datetime, *, json_path: str) -> float:
    """Seconds since 1970 of a moment with a time zone.

    Raises:
        Rejected: the moment is before 1970 or after 9999; place says where it stands in the document.
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
    """The keys of an object; of anything else none."""
    return document.keys() if isinstance(document, dict) else frozenset()


def objects_with(names: Iterable[str], values: object) -> bool:
    """Whether this is an array or object of at least one value, the first of them an object with all these keys."""
    items = list(values.values()) if isinstance(values, dict) else values
    return isinstance(items, list) and bool(items) and set(names) <= keys(items[0])


def read_moment(text: str, *, json_path: str) -> datetime:
    """A moment like `2026-11-23T22:23:39.5`, with `Z`, `+09:00` or ` JST` behind it, or with no zone at all.

    Raises:
        Rejected: it is not like that.
    """
    moment, _, name = text.rpartition(" ")
    zone = ZONES.get(name)
    try:
        return (
            datetime.fromisoformat(text)
            if zone is None
            else datetime.fromisoformat(moment).replace(tzinfo=zone)
        )
    except ValueError as error:
        raise Rejected(
            "invalid_value",
            f"{text!r} is no moment like 2026-11-23T22:23:39, with Z, +09:00 or JST",
            json_path=json_path,
        ) from error


def as_commit(reference: str) -> str:
    """A reference that is a commit's hash; empty for a branch, a tag or HEAD, which are another commit tomorrow."""
    return reference if re.fullmatch("[0-9a-f]{7,64}", reference) else ""
