"""Which results of two sides belong together: those of the same place, name and unit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from benchmark_exporter.diff.sides import DiffError, SideName
from benchmark_exporter.ledger.side_reading import SideResult


class Place(msgspec.Struct, frozen=True, order=True):
    """Where results come from. Those of two places are compared only where they share none."""

    project: str
    environment: str
    machine_class: str


class Key(msgspec.Struct, frozen=True, order=True):
    """What is compared with what."""

    place: Place
    name: str
    unit: str


Values = Mapping[Key, Sequence[SideResult]]


def key_of(result: SideResult) -> Key:
    """What a result is compared by, if the sides share its place."""
    place = Place(result.project, result.environment, result.machine_class)
    return Key(place, result.name, result.unit)


def matched(
    names: Sequence[SideName], old: Values, new: Values
) -> tuple[Sequence[str], Values, Values]:
    """Both sides by what they share: the place, or else as much of it as they have in common.

    With them come the parts of the place that differ.

    Raises:
        DiffError: a side has several places that differ in these parts.
    """
    fields = ("environment", "machine_class", "project")
    for dropped in (fields[:0], fields[:1], fields[1:2], fields[:2], fields):
        first, second = (_without(dropped, values) for values in (old, new))
        if first.keys() & second.keys():
            for name, values in zip(names, (first, second), strict=True):
                _refuse_mixed(name, values, dropped)
            return dropped, _flat(first), _flat(second)
    return (), old, new


def _without(
    dropped: Sequence[str], values: Values
) -> Mapping[Key, Mapping[Place, Sequence[SideResult]]]:
    merged: dict[Key, dict[Place, Sequence[SideResult]]] = defaultdict(dict)
    for key, results in values.items():
        place = msgspec.structs.replace(key.place, **dict.fromkeys(dropped, ""))
        merged[Key(place, key.name, key.unit)][key.place] = results
    return merged


def _refuse_mixed(
    name: SideName,
    values: Mapping[Key, Mapping[Place, Sequence[SideResult]]],
    dropped: Sequence[str],
) -> None:
    """Values of several places do not make one side: which of them is meant must be chosen."""
    for places in values.values():
        for field in dropped:
            found = sorted({getattr(place, field) for place in places})
            if len(found) > 1:
                raise DiffError(
                    f"{name} has several of {field.replace('_', ' ')}: {', '.join(found[:5])}; "
                    "choose one, since the other side has none of them"
                )


def _flat(values: Mapping[Key, Mapping[Place, Sequence[SideResult]]]) -> Values:
    return {
        key: [result for results in places.values() for result in results]
        for key, places in values.items()
    }
