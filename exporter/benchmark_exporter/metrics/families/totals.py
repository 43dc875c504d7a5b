"""Running totals of the ledger: counters and histograms, as counters.py declares them."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

import msgspec
from msgspec.structs import replace

from benchmark_exporter.counters import COUNTERS, HISTOGRAMS, REGRESSIONS_BY_COMMIT, Total
from benchmark_exporter.ledger import Histogram, Labels, RunningTotal, State
from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.exposition import Page, histogram_lines
from benchmark_exporter.metrics.holding import Hold


def add_counters(
    page: Page,
    state: State,
    definitions: Mapping[str, Definition],
    holds: Mapping[Part, Hold],
) -> None:
    """Every counter, held for as long as the part that it is in asks for.

    The ledger's labels become those of the metric, in its order. A counter without labels is there
    as 0 before it is first counted.
    """
    for total in COUNTERS:
        if not total.labels and total.name not in state.counters:
            page.add(total.metric, (), 0)
        _add(
            page, state, total, definitions[total.metric], state.counters.get(total.name, ()), holds
        )
    _add(
        page,
        state,
        REGRESSIONS_BY_COMMIT,
        definitions[REGRESSIONS_BY_COMMIT.metric],
        state.regressions_by_commit,
        holds,
    )


def _add(
    page: Page,
    state: State,
    total: Total,
    definition: Definition,
    counters: Sequence[RunningTotal],
    holds: Mapping[Part, Hold],
) -> None:
    in_order = _order(total, definition)
    for counter in counters:
        before_return = state.returned_counters.get((total.name, counter.labels))
        labels = in_order(counter.labels)
        hold = holds[definition.part_of(labels)]
        page.add(total.metric, labels, hold.value(counter, before_return))


def _order(total: Total, definition: Definition) -> Callable[[Labels], Labels]:
    """Puts a total's label values in the order of its metric's definition."""
    if list(total.labels) == definition.labels:
        return lambda labels: labels
    return itemgetter(*(total.labels.index(name) for name in definition.labels))


class _Rendered(msgspec.Struct, frozen=True):
    """The lines of a histogram; all 0 where it was held."""

    histogram: Histogram
    held: bool
    lines: Sequence[str]

    @property
    def prefixes(self) -> Sequence[str]:
        """What the lines begin with. To keep it would take as much memory as the lines."""
        return [line[: line.rindex(" ") + 1] for line in self.lines]


class Histograms:
    """Adds histograms to pages.

    They are most of the series and a commit changes few of them, so those that have not changed
    are not rendered again.
    """

    def __init__(self) -> None:
        self._rendered: dict[str, dict[Labels, _Rendered]] = {}

    def add(
        self, page: Page, state: State, definitions: Mapping[str, Definition], hold: Hold
    ) -> None:
        """Every histogram of the state."""
        for total in HISTOGRAMS:
            known = self._rendered.get(total.name, {})
            in_order = _order(total, definitions[total.metric])
            self._rendered[total.name] = {
                histogram.labels: self._add(page, state, total, histogram, hold, known, in_order)
                for histogram in state.histograms.get(total.name, ())
            }

    def _add(
        self,
        page: Page,
        state: State,
        total: Total,
        histogram: Histogram,
        hold: Hold,
        known: Mapping[Labels, _Rendered],
        in_order: Callable[[Labels], Labels],
    ) -> _Rendered:
        before = state.returned_histograms.get((total.name, histogram.labels))
        returns = before is not None and hold.holds(before.born_seconds)
        shown = before if before is not None and returns else histogram
        held = not returns and hold.holds(histogram.born_seconds)
        rendered = known.get(histogram.labels)
        if rendered is None or (rendered.histogram, rendered.held) != (shown, held):
            if rendered is None or rendered.histogram.bounds != shown.bounds:
                labelled = replace(shown, labels=in_order(shown.labels))
                prefixes: Sequence[str] = page.histogram_prefixes(total.metric, labelled)
            else:
                prefixes = rendered.prefixes
            lines = histogram_lines(prefixes, shown, held=held)
            rendered = _Rendered(shown, held, lines)
        page.extend(total.metric, in_order(histogram.labels), rendered.lines)
        return rendered
