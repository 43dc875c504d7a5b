"""The text format (0.0.4): a page of series, its escaping and clipping, and joining pages."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from benchmark_exporter.ledger import Histogram, Labels, Subject
from benchmark_exporter.metrics.definitions import PARTS, Definition, Part
from benchmark_exporter.metrics.series_limit import Owner, fitting, owning_labels, positions

_CLIP_DIGEST_CHARACTERS = 10
_ELLIPSIS = "…"
_NEXT_FAMILY = b"\n# HELP "  # no label value has a line break
# benchmark_exporter_series of two parts, its limit, and what is dropped of two kinds: these are
# only known once all the others are counted.
_SERIES_ABOUT_SERIES = 5

# Metric, suffix, label values, and le or quantile.
Series = tuple[str, str, Labels, tuple[str, str] | None]
# A metric's lines in one part.
_Block = tuple[Part, str]
# What is kept of a series: its line up to the value, its owner, and its block.
KnownSeries = tuple[str, Owner, _Block]


@dataclass(frozen=True, slots=True)
class Family:
    """The lines of a metric in one part. `head` is its help and type; `is_sparse`: see `sparse`."""

    name: str
    head: str
    lines: Sequence[str]
    is_sparse: bool

    def text(self) -> bytes:
        """The family, in the text format."""
        return (self.head + "\n".join((*self.lines, ""))).encode()


class Sink(Protocol):
    """Where families put their samples."""

    def add(self, metric: str, labels: Labels, value: float) -> None:
        """Adds a sample; labels are values, in the order of the metric's definition."""


class Page:
    """Lines of an exposition under construction, by family.

    Rendering the name and labels of a series is most of the work, so it is done once: `known` has
    the series of the page before, `prefixes` those of this one.
    """

    def __init__(
        self,
        definitions: Mapping[str, Definition],
        max_label_bytes: int,
        known: Mapping[Series, KnownSeries],
    ) -> None:
        self._definitions = definitions
        self._max_label_bytes = max_label_bytes
        self._known = known
        self._owning = {
            name: owning_labels(definition.labels) for name, definition in definitions.items()
        }
        blocks: list[_Block] = [
            (part, name) for name, definition in definitions.items() for part in definition.parts
        ]
        # Each once, since all series of a subject have an equal one, and keep it.
        self._same_owners: dict[Owner, Owner] = {}
        self._lines: dict[_Block, list[str]] = {block: [] for block in blocks}
        self._owners: dict[_Block, list[Owner]] = {block: [] for block in blocks}
        self.prefixes: dict[Series, KnownSeries] = {}

    def add(
        self,
        metric: str,
        labels: Labels,
        value: float,
        *,
        suffix: str = "",
        extra: tuple[str, str] | None = None,
    ) -> None:
        """Adds a sample; `extra` is a label that the definition does not list (le, quantile)."""
        series = (metric, suffix, labels, extra)
        known = self._known.get(series)
        if known is None:
            block = self._definitions[metric].part_of(labels), metric
            known = self._prefix(metric, suffix, labels, extra), self._owner(metric, labels), block
        self.prefixes[series] = known
        prefix, owner, block = known
        self._lines[block].append(prefix + number(value))
        self._owners[block].append(owner)

    def histogram_prefixes(self, metric: str, histogram: Histogram) -> list[str]:
        """The lines of a histogram up to their values: its buckets, its sum and its count."""
        return [
            *(
                self._prefix(metric, "_bucket", histogram.labels, ("le", bound))
                for bound in (*map(number, histogram.bounds), "+Inf")
            ),
            *(
                self._prefix(metric, suffix, histogram.labels, None)
                for suffix in ("_sum", "_count")
            ),
        ]

    def extend(self, metric: str, labels: Labels, lines: Sequence[str]) -> None:
        """Adds the lines of one histogram."""
        block = self._definitions[metric].collect, metric
        self._lines[block].extend(lines)
        self._owners[block].extend([self._owner(metric, labels)] * len(lines))

    def series(self, part: Part) -> int:
        """How many series a part has."""
        return sum(len(lines) for (of_part, _), lines in self._lines.items() if of_part == part)

    def keep_fitting(self, subjects: Sequence[Subject], limit: int) -> int:
        """Drops the series of subjects that do not fit into `limit` series a part.

        Returns how many of the first subjects fit. The exporter's own series always stay.
        """
        position_of = positions(subjects)
        counts: dict[Part, Counter[Owner]] = {part: Counter() for part in PARTS}
        for (part, _), owners in self._owners.items():
            counts[part].update(owners)
        counts["state"][None] += _SERIES_ABOUT_SERIES
        fit = fitting(position_of, counts.values(), limit)
        left_out = {
            owner
            for of_part in counts.values()
            for owner in of_part
            if owner is not None and position_of.get(owner, fit) >= fit
        }
        if left_out:
            for block, owners in self._owners.items():
                self._lines[block] = [
                    line
                    for line, owner in zip(self._lines[block], owners, strict=True)
                    if owner not in left_out
                ]
        return fit

    def families(self, part: Part) -> Iterator[Family]:
        """The families of one part, in the order of metrics.yaml."""
        for name, definition in self._definitions.items():
            if part in definition.parts:
                series = self._lines[part, name]
                # Buckets keep their order. Other series are sorted: same state, same bytes.
                in_order = definition.type in ("histogram", "summary")
                yield Family(
                    name,
                    f"# HELP {name} {_escape_help(definition.help)}\n"
                    f"# TYPE {name} {definition.type}\n",
                    series if in_order else sorted(series),
                    is_sparse=definition.sparse,
                )

    def text(self, part: Part) -> bytes:
        """One part."""
        return text(self.families(part))

    def _prefix(
        self, metric: str, suffix: str, labels: Labels, extra: tuple[str, str] | None
    ) -> str:
        names = self._definitions[metric].labels
        pairs = [
            f'{name}="{_escape(clip(label, self._max_label_bytes))}"'
            for name, label in zip(names, labels, strict=True)
        ]
        if extra is not None:
            pairs.append(f'{extra[0]}="{extra[1]}"')
        return f"{metric}{suffix}{{{','.join(pairs)}}} " if pairs else f"{metric}{suffix} "

    def _owner(self, metric: str, labels: Labels) -> Owner:
        owning = self._owning[metric]
        if owning is None:
            return None
        owner = owning[0], *(labels[index] for index in owning[1])
        return self._same_owners.setdefault(owner, owner)


def text(families: Iterable[Family]) -> bytes:
    """Families as one text, as bytes at once, so that the whole is never there twice."""
    return b"".join([family.text() for family in families])


def histogram_lines(prefixes: Sequence[str], histogram: Histogram, *, held: bool) -> list[str]:
    """The lines of a histogram; all 0 while it is held."""
    cumulated = [0] * len(histogram.counts) if held else list(accumulate(histogram.counts))
    values = (*cumulated, 0 if held else histogram.total, cumulated[-1])
    return [prefix + number(value) for prefix, value in zip(prefixes, values, strict=True)]


def pieces(parts: Sequence[bytes]) -> list[memoryview]:
    """Parts of an exposition as one, in pieces of the parts, which are not copied.

    The text format allows each family once, so a family of several parts gets their series
    together.
    """
    if len(parts) == 1:  # what is scraped every second
        return [memoryview(parts[0])]
    families: dict[bytes, list[memoryview]] = {}
    for part in parts:
        view, start = memoryview(part), 0
        while start < len(part):
            end = part.find(_NEXT_FAMILY, start) + 1 or len(part)
            series = part.index(b"\n", part.index(b"\n", start) + 1) + 1
            head = part[start:series]
            families.setdefault(head, [view[start:series]]).append(view[series:end])
            start = end
    return [piece for family in families.values() for piece in family]


def join(parts: Sequence[bytes]) -> bytes:
    """Parts of an exposition as one."""
    return b"".join(pieces(parts))


def clip(label: str, max_bytes: int) -> str:
    """A label value of at most `max_bytes` bytes of UTF-8, which is how Prometheus counts.

    A longer one ends in a digest of the whole, so that two series cannot become one.
    """
    whole = label.encode()
    if len(whole) <= max_bytes:
        return label
    end = _ELLIPSIS + hashlib.sha256(whole).hexdigest()[:_CLIP_DIGEST_CHARACTERS]
    return whole[: max_bytes - len(end.encode())].decode(errors="ignore") + end


def number(value: float) -> str:
    """A value as the text format writes it; a whole number without a point."""
    # Not isinstance: True is an int, too, and would be written as such.
    if type(value) is int and -(10**15) < value < 10**15:
        return str(value)
    as_float = float(value)
    return str(int(as_float)) if as_float.is_integer() and abs(as_float) < 1e15 else repr(as_float)


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
