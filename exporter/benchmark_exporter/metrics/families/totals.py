"""Running totals of the ledger: counters and histograms, as counters.py declares them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter

from msgspec.structs import replace

from benchmark_exporter.counters import (
    COUNTERS,
    HISTOGRAMS,
    REGRESSIONS_BY_COMMIT,
    UNTRACKED_BRANCH_RUNS,
    Total,
)
from benchmark_exporter.ledger import Histogram, Labels, RunningTotal, State
from benchmark_exporter.ledger.owner_states import OwnerState
from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.holding import Hold
from benchmark_exporter.metrics.lines import Lines

_BY_NAME = {total.name: total for total in (*COUNTERS, REGRESSIONS_BY_COMMIT, *HISTOGRAMS)}

Holds = Mapping[Part, Hold]


def add_owned_totals(
    lines: Lines, state: State, definitions: Mapping[str, Definition], holds: Holds
) -> None:
    """The totals of subjects: counters, each held for as long as its part asks for, and histograms.

    The ledger's labels become those of the metric, in its order.
    """
    for total in COUNTERS:
        if total.owner != "exporter":
            counters = state.counters.get(total.name, ())
            _add(lines, state, total, definitions[total.metric], counters, holds)
    by_commit = REGRESSIONS_BY_COMMIT
    definition = definitions[by_commit.metric]
    _add(lines, state, by_commit, definition, state.regressions_by_commit, holds)
    _add_histograms(lines, state, definitions, holds["distributions"])


def add_exporter_counters(
    lines: Lines, state: State, definitions: Mapping[str, Definition], holds: Holds
) -> None:
    """The exporter's own counters. One without labels is 0 before it is first counted."""
    for total in COUNTERS:
        if total.owner == "exporter" and total is not UNTRACKED_BRANCH_RUNS:
            if not total.labels and total.name not in state.counters:
                lines.add(total.metric, (), 0)
            counters = state.counters.get(total.name, ())
            _add(lines, state, total, definitions[total.metric], counters, holds)


def add_project_counter(
    lines: Lines, definitions: Mapping[str, Definition], holds: Holds, counter: RunningTotal
) -> bool:
    """A project's runs of branches that are not tracked; whether the counter is held."""
    metric = UNTRACKED_BRANCH_RUNS.metric
    hold = holds[definitions[metric].part_of(counter.labels)]
    lines.add(metric, counter.labels, hold.value(counter, None))
    return hold.holds(counter.born_seconds)


def births(
    owner: OwnerState, definitions: Mapping[str, Definition]
) -> Iterator[tuple[Part, float]]:
    """When the owner's totals were born or returned (seconds since 1970), and in which part."""
    found: Sequence[tuple[str, RunningTotal | Histogram]] = (
        *owner.counters,
        *owner.histograms,
        *((REGRESSIONS_BY_COMMIT.name, counter) for counter in owner.by_commit),
        *owner.returned_counters,
        *owner.returned_histograms,
    )
    for name, total in found:
        declared = _BY_NAME[name]
        definition = definitions[declared.metric]
        labels = total.labels
        if definition.collect_state:
            labels = _order(declared.labels, tuple(definition.labels))(labels)
        yield definition.part_of(labels), total.born_seconds


def _add(
    lines: Lines,
    state: State,
    total: Total,
    definition: Definition,
    counters: Iterable[RunningTotal],
    holds: Holds,
) -> None:
    in_order = _order(total.labels, tuple(definition.labels))
    for counter in counters:
        before_return = state.returned_counters.get((total.name, counter.labels))
        labels = in_order(counter.labels)
        hold = holds[definition.part_of(labels)]
        lines.add(total.metric, labels, hold.value(counter, before_return))


@cache
def _order(names: Labels, wanted: Labels) -> Callable[[Labels], Labels]:
    """Puts a total's label values in the order of its metric's definition, by their names."""
    if names == wanted:
        return lambda labels: labels
    return itemgetter(*(names.index(name) for name in wanted))


def _add_histograms(
    lines: Lines, state: State, definitions: Mapping[str, Definition], hold: Hold
) -> None:
    for total in HISTOGRAMS:
        in_order = _order(total.labels, tuple(definitions[total.metric].labels))
        for histogram in state.histograms.get(total.name, ()):
            before = state.returned_histograms.get((total.name, histogram.labels))
            returns = before is not None and hold.holds(before.born_seconds)
            shown = before if before is not None and returns else histogram
            held = not returns and hold.holds(histogram.born_seconds)
            labelled = replace(shown, labels=in_order(shown.labels))
            lines.add_histogram(total.metric, labelled, held=held)
