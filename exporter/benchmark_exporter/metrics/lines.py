"""Lines under construction, by what they belong to: families add samples here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from benchmark_exporter.ledger import Histogram, Labels
from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.exposition import Block, Family, Text
from benchmark_exporter.metrics.series_limit import OWNING_KINDS, owning_labels
from benchmark_exporter.metrics.series_text import SeriesText, Template, head, number, template
from benchmark_exporter.metrics.sorted_lines import Entry, HistogramLines, text_of

# What lines belong to and are replaced with: an owner, a branch and trigger of a pipeline, or what
# no owner has, by a name of its own.
Group = tuple[str, ...]
EXPORTER: Group = ("exporter",)
# A label that no definition lists, and its value.
Extra = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """What one sample or histogram of a group is: where it stands, and its line without values.

    A histogram has no template, since it is kept as it is.
    """

    block: Block
    template: Template | None
    is_sorted: bool


class GroupLines(NamedTuple):
    """The lines of a group, packed: as text they are ten times as large.

    `fields` has what fills the templates of the slots, one line break between two. `order` says
    where lines stand that are not sorted.
    """

    slots: tuple[Slot, ...] = ()
    fields: str = ""
    histograms: tuple[HistogramLines, ...] = ()
    order: int | str = ""
    state_series: int = 0
    distributions_series: int = 0

    def entries(self, owner: Labels) -> Sequence[tuple[Block, Entry]]:
        """The lines, each with its block. `owner` has the escaped labels of the group."""
        fields, histograms = self.fields.split("\n"), iter(self.histograms)
        entries: list[tuple[Block, Entry]] = []
        end = 0
        for at, slot in enumerate(self.slots):
            if slot.template is None:
                entries.append((slot.block, (self.order, at, next(histograms))))
                continue
            start, end = end, end + slot.template.fields
            text = slot.template.fill(owner, fields[start:end])
            entries.append((slot.block, text if slot.is_sorted else (self.order, at, text)))
        return entries


def differing(
    before: GroupLines, now: GroupLines, owner: Labels
) -> Iterator[tuple[Block, Entry, Entry]]:
    """The lines of a group that differ, before and now, which have the same slots."""
    if before.order != now.order:
        pairs = zip(before.entries(owner), now.entries(owner), strict=True)
        yield from ((block, old, new) for (block, old), (_, new) in pairs if old != new)
        return
    histograms = zip(before.histograms, now.histograms, strict=True)
    old_fields, new_fields, end = before.fields.split("\n"), now.fields.split("\n"), 0
    for at, slot in enumerate(now.slots):
        if slot.template is None:
            known, other = next(histograms)
            if known != other:
                yield slot.block, (now.order, at, known), (now.order, at, other)
        else:
            start, end = end, end + slot.template.fields
            if old_fields[start:end] != new_fields[start:end]:
                old = slot.template.fill(owner, old_fields[start:end])
                new = slot.template.fill(owner, new_fields[start:end])
                if slot.is_sorted:
                    yield slot.block, old, new
                else:
                    yield slot.block, (now.order, at, old), (now.order, at, new)


class _Metric(NamedTuple):
    definition: Definition
    blocks: Mapping[Part, Block]
    part: Part | None  # None: the values of labels decide
    is_sorted: bool  # buckets and quantiles keep their order
    kind: str
    owner: Callable[[Labels], Labels] | None
    owning: Sequence[int]  # the indexes of the owner's labels
    rest: Sequence[int]

    def part_of(self, labels: Labels) -> Part:
        """The part that has the series with these labels."""
        return self.part or self.definition.part_of(labels)


class Layout:
    """Where the samples of each metric belong: its blocks, and its owners."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self.definitions = definitions
        self.metrics = {name: _metric(each) for name, each in definitions.items()}
        self.blocks = [
            block for metric in self.metrics.values() for block in metric.blocks.values()
        ]
        self._slots: dict[tuple[object, ...], Slot] = {}
        self._shapes: dict[tuple[Slot, ...], tuple[Slot, ...]] = {}

    def slot(
        self, metric: str, part: Part, suffix: str | None = None, extra: Extra | None = None
    ) -> Slot:
        """Where lines of a metric stand; those of histograms have no suffix."""
        key = metric, part, suffix, extra
        slot = self._slots.get(key)
        if slot is None:
            known, filled = self.metrics[metric], None
            if suffix is not None:
                filled = template(known.definition, suffix, extra, known.owning)
            slot = self._slots[key] = Slot(known.blocks[part], filled, known.is_sorted)
        return slot

    def shape(self, slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        """The same slots: most groups of a kind have them, and share one tuple."""
        return self._shapes.setdefault(slots, slots)


def _metric(definition: Definition) -> _Metric:
    owning = owning_labels(definition.labels)
    indexes = () if owning is None else owning[1]
    return _Metric(
        definition,
        {part: (part, definition.name) for part in definition.parts},
        None if definition.collect_state else definition.collect,
        definition.type not in ("histogram", "summary"),
        "" if owning is None else owning[0],
        None if owning is None else itemgetter(*owning[1]),
        indexes,
        [index for index in range(len(definition.labels)) if index not in indexes],
    )


def owner_of(group: Group) -> Labels:
    """The labels that all lines of a group have in common."""
    return group[1:] if group[0] in OWNING_KINDS else ()


class Lines:
    """The lines that were added. `group` is what those belong to that no subject owns."""

    def __init__(self, layout: Layout, text: SeriesText) -> None:
        self._layout = layout
        self._text = text
        self.group = EXPORTER
        self._found: dict[Group, list[tuple[Slot, str | HistogramLines]]] = {}

    def add(
        self,
        metric: str,
        labels: Labels,
        value: float,
        *,
        suffix: str = "",
        extra: Extra | None = None,
    ) -> None:
        """Adds a sample; `extra` is a label that the definition does not list (quantile)."""
        known = self._layout.metrics[metric]
        fields = number(value)
        if known.rest:
            rest = self._text.escaped([labels[index] for index in known.rest])
            fields = "\n".join((*rest, fields))
        slot = self._layout.slot(metric, known.part_of(labels), suffix, extra)
        self._add(known, labels, slot, fields)

    def add_histogram(self, metric: str, histogram: Histogram, *, held: bool) -> None:
        """Adds a histogram, whose labels are in the order of the metric's definition."""
        known = self._layout.metrics[metric]
        slot = self._layout.slot(metric, known.part_of(histogram.labels))
        text = self._text.histogram(metric, histogram, held=held)
        self._add(known, histogram.labels, slot, text)

    def _add(self, known: _Metric, labels: Labels, slot: Slot, text: str | HistogramLines) -> None:
        group = self.group if known.owner is None else (known.kind, *known.owner(labels))
        self._found.setdefault(group, []).append((slot, text))

    def groups(self, order: Callable[[Group], int | str]) -> Mapping[Group, GroupLines]:
        """The lines of each group. `order` says where those stand that are not sorted."""
        return {group: self._packed(found, order(group)) for group, found in self._found.items()}

    def _packed(
        self, found: Sequence[tuple[Slot, str | HistogramLines]], order: int | str
    ) -> GroupLines:
        slots = self._layout.shape(tuple([slot for slot, _ in found]))
        parts = [slot.block[0] for slot in slots]
        histograms = tuple([text for _, text in found if not isinstance(text, str)])
        for slot, text in found if histograms else ():
            if not isinstance(text, str):  # one is there
                parts += [slot.block[0]] * (len(text) - 1)
        return GroupLines(
            slots,
            "\n".join([text for _, text in found if isinstance(text, str)]),
            histograms,
            "" if all(slot.is_sorted for slot in slots) else order,
            parts.count("state"),
            parts.count("distributions"),
        )

    def families(self, part: Part) -> Iterable[Family]:
        """The families of a part, in the order of metrics.yaml."""
        found: dict[Block, list[str]] = {}
        for group, lines in self.groups(lambda _: "").items():
            for block, entry in lines.entries(self._text.escaped(owner_of(group))):
                found.setdefault(block, []).append(text_of(entry))
        for name, metric in self._layout.metrics.items():
            if part in metric.blocks:
                texts = found.get((part, name), [])
                texts = sorted(texts) if metric.is_sorted else texts
                series = "".join(f"{text}\n" for text in texts).encode()
                yield head(metric.definition), [Text(series)]
