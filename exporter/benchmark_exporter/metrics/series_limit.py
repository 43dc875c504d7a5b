"""Which subjects' series fit into an exposition that limits its series. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence

from benchmark_exporter.ledger import Subject

# What a series belongs to: a subject, by kind and labels, or a pipeline without branch and trigger;
# None is the exporter itself.
Owner = tuple[str, ...] | None
_OWNING_LABELS = (
    ("benchmark", ("project", "environment", "machine_class", "branch", "benchmark_name")),
    ("pipeline", ("project", "pipeline", "branch", "trigger")),
    ("pipeline", ("project", "pipeline")),
)
OWNING_KINDS = frozenset(kind for kind, _ in _OWNING_LABELS)


def owning_labels(names: Sequence[str]) -> tuple[str, Sequence[int]] | None:
    """The kind of subject that owns series with these labels, and the indexes of the labels that
    identify it; None where the exporter itself owns them.
    """
    for kind, wanted in _OWNING_LABELS:
        if set(wanted) <= set(names):
            return kind, [names.index(each) for each in wanted]
    return None


def positions(subjects: Sequence[Subject]) -> Mapping[Owner, int]:
    """The position of each owner in the order of its subject.

    What belongs to a pipeline alone goes with its first subject.
    """
    found: dict[Owner, int] = {}
    for position, subject in enumerate(subjects):
        owner = (subject.kind, *subject.total_labels)
        if subject.kind == "pipeline":
            found.setdefault(owner, position)
            owner = (*owner, subject.branch, subject.trigger)
        found[owner] = position
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
