"""Lines under construction, by what they belong to: families add samples here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from benchmark_exporter.ledger import Histogram, Labels
from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.exposition import Block, Family, Text
from benchmark_exporter.metrics.series_limit import owning_labels
from benchmark_exporter.metrics.series_text import SeriesText, head, number
from benchmark_exporter.metrics.sorted_lines import Entry, HistogramLines

# What lines belong to and are replaced with: an owner, a branch and trigger of a pipeline, or what
# no owner has, by a name of its own.
Group = tuple[str, ...]
EXPORTER: Group = ("exporter",)


class GroupLines(NamedTuple):
    """The lines of a group: of each its block, and it; and how many series each part has."""

    blocks: tuple[Block, ...] = ()
    entries: tuple[Entry, ...] = ()
    state_series: int = 0
    distributions_series: int = 0


class _Metric(NamedTuple):
    definition: Definition
    blocks: Mapping[Part, Block]
    part: Part | None  # None: the values of labels decide
    is_sorted: bool  # buckets and quantiles keep their order
    kind: str
    owner: Callable[[Labels], Labels] | None


class Layout:
    """Where the samples of each metric belong: its blocks, and its owners."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self.definitions = definitions
        self.metrics = {name: _metric(each) for name, each in definitions.items()}
        self.blocks = [
            block for metric in self.metrics.values() for block in metric.blocks.values()
        ]


def _metric(definition: Definition) -> _Metric:
    owning = owning_labels(definition.labels)
    return _Metric(
        definition,
        {part: (part, definition.name) for part in definition.parts},
        None if definition.collect_state else definition.collect,
        definition.type not in ("histogram", "summary"),
        "" if owning is None else owning[0],
        None if owning is None else itemgetter(*owning[1]),
    )


class Lines:
    """The lines that were added. `group` is what those belong to that no subject owns."""

    def __init__(self, layout: Layout, text: SeriesText) -> None:
        self._layout = layout
        self._text = text
        self.group = EXPORTER
        self._found: dict[Group, list[tuple[Block, str | HistogramLines]]] = {}

    def add(
        self,
        metric: str,
        labels: Labels,
        value: float,
        *,
        suffix: str = "",
        extra: tuple[str, str] | None = None,
    ) -> None:
        """Adds a sample; `extra` is a label that the definition does not list (quantile)."""
        self._add(metric, labels, self._text.prefix(metric, suffix, labels, extra) + number(value))

    def add_histogram(self, metric: str, histogram: Histogram, *, held: bool) -> None:
        """Adds a histogram, whose labels are in the order of the metric's definition."""
        self._add(metric, histogram.labels, self._text.histogram(metric, histogram, held=held))

    def _add(self, metric: str, labels: Labels, text: str | HistogramLines) -> None:
        known = self._layout.metrics[metric]
        part = known.part or known.definition.part_of(labels)
        group = self.group if known.owner is None else (known.kind, *known.owner(labels))
        self._found.setdefault(group, []).append((known.blocks[part], text))

    def groups(self, order: Callable[[Group], int | str]) -> Mapping[Group, GroupLines]:
        """The lines of each group. `order` says where those stand that are not sorted."""
        return {
            group: self._group_lines(found, order(group)) for group, found in self._found.items()
        }

    def _group_lines(
        self, found: Sequence[tuple[Block, str | HistogramLines]], order: int | str
    ) -> GroupLines:
        metrics = self._layout.metrics
        entries: list[Entry] = []
        series = {"state": 0, "distributions": 0, "resources": 0}
        for at, ((part, metric), text) in enumerate(found):
            if isinstance(text, str) and metrics[metric].is_sorted:
                entries.append(text)
            else:
                entries.append((order, at, text))
            series[part] += 1 if isinstance(text, str) else len(text)
        blocks = tuple(block for block, _ in found)
        return GroupLines(blocks, tuple(entries), series["state"], series["distributions"])

    def families(self, part: Part) -> Iterable[Family]:
        """The families of a part, in the order of metrics.yaml."""
        found: dict[Block, list[str]] = {}
        for lines in self._found.values():
            for block, text in lines:
                found.setdefault(block, []).append(str(text))
        for name, metric in self._layout.metrics.items():
            if part in metric.blocks:
                texts = found.get((part, name), [])
                texts = sorted(texts) if metric.is_sorted else texts
                series = "".join(f"{text}\n" for text in texts).encode()
                yield head(metric.definition), [Text(series)]
