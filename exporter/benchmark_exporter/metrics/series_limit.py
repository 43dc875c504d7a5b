"""Which subjects' series fit into an exposition that limits its series. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence

from benchmark_exporter.ledger import Subject

# What a series belongs to: a subject, by kind and labels or by kind and name alone; None is the
# exporter itself.
Owner = tuple[str, ...] | None
_OWNING_LABELS = {
    "benchmark": ("benchmark_name", "environment"),
    "pipeline": ("pipeline", "branch", "trigger"),
}


def owning_labels(names: Sequence[str]) -> tuple[str, Sequence[int]] | None:
    """The kind of subject that owns series with these labels, and the indexes of the labels that
    identify it; None where the exporter itself owns them.
    """
    for kind, (name, *qualifiers) in _OWNING_LABELS.items():
        if name in names:
            wanted = (name, *qualifiers) if set(qualifiers) <= set(names) else (name,)
            return kind, [names.index(each) for each in wanted]
    return None


def positions(subjects: Sequence[Subject]) -> Mapping[Owner, int]:
    """The position of each owner in the order of its subject.

    What belongs to a name alone goes with the first subject of that name.
    """
    found: dict[Owner, int] = {}
    for position, subject in enumerate(subjects):
        qualifiers = (
            (subject.qualifier,)
            if subject.kind == "benchmark"
            else (subject.qualifier, subject.trigger)
        )
        found[subject.kind, subject.name, *qualifiers] = position
        found.setdefault((subject.kind, subject.name), position)
    return found


def fitting(
    position_of: Mapping[Owner, int], counts: Iterable[Mapping[Owner, int]], limit: int
) -> int:
    """How many of the first subjects fit with all their series.

    `counts` has the number of series of each owner, for each part of the exposition. The exporter's
    own series are always shown. The first subject that does not fit ends the count: if a smaller
    one could take its room, what is shown would depend on more than the order of the subjects.
    """
    fit = len(set(position_of.values()))
    for part in counts:
        by_position = [0] * fit
        for owner, count in part.items():
            position = position_of.get(owner, fit)
            if position < fit:
                by_position[position] += count
        series = part.get(None, 0)
        for position, count in enumerate(by_position):
            series += count
            if series > limit:
                fit = position
                break
    return fit
