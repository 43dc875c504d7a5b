"""Which subjects' series fit into an exposition whose series are limited: pure."""

from collections.abc import Iterable, Mapping, Sequence

from benchmark_exporter.ledger import Subject

# Whom a series belongs to: a subject by kind and labels, or by kind and name alone; None is the exporter itself.
Owner = tuple[str, ...] | None
_OWNING_LABELS = {
    "benchmark": ("benchmark_name", "environment"),
    "pipeline": ("pipeline", "branch", "trigger"),
}


def owning_labels(names: Sequence[str]) -> tuple[str, Sequence[int]] | None:
    """The kind of subject that series with such label names belong to, and which labels say to whom; None: to the exporter itself."""
    for kind, (name, *qualifiers) in _OWNING_LABELS.items():
        if name in names:
            wanted = (name, *qualifiers) if set(qualifiers) <= set(names) else (name,)
            return kind, [names.index(each) for each in wanted]
    return None


def places(subjects: Sequence[Subject]) -> Mapping[Owner, int]:
    """Where in their order each owner stands. What belongs to a name alone goes with the first subject of that name."""
    found: dict[Owner, int] = {}
    for place, subject in enumerate(subjects):
        qualifiers = (
            (subject.qualifier,)
            if subject.kind == "benchmark"
            else (subject.qualifier, subject.trigger)
        )
        found[subject.kind, subject.name, *qualifiers] = place
        found.setdefault((subject.kind, subject.name), place)
    return found


def fitting(
    place_of: Mapping[Owner, int], counts: Iterable[Mapping[Owner, int]], limit: int
) -> int:
    """How many of the first subjects fit whole. `counts` has, for each part of the exposition, the number of series of each owner.

    The exporter's own series are always shown. The first subject that does not fit ends it: were a smaller one let in after it, what is
    shown would depend on more than who came first.
    """
    fit = len(set(place_of.values()))
    for part in counts:
        by_place = [0] * fit
        for owner, count in part.items():
            place = place_of.get(owner, fit)
            if place < fit:
                by_place[place] += count
        series = part.get(None, 0)
        for place, count in enumerate(by_place):
            series += count
            if series > limit:
                fit = place
                break
    return fit
