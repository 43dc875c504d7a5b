"""Series as the text format (0.0.4) writes them: names, labels, values."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from benchmark_exporter.ledger import Histogram, Labels
from benchmark_exporter.metrics.definitions import Definition
from benchmark_exporter.metrics.sorted_lines import LABELS, HistogramLines

_CLIP_DIGEST_CHARACTERS = 10
_ELLIPSIS = "…"


# So many label values are kept escaped. Most occur in many series; commits and runs do not.
_KNOWN_LABELS = 10_000


class Template(NamedTuple):
    """The line of a series, with %s for each label value and for the value.

    What fills it comes apart: the labels of the owner, and the rest. `order` has the place of each
    %s in both together.
    """

    text: str
    order: Callable[[Labels], Labels | str]
    fields: int  # label values of the rest, and the value

    def fill(self, owner: Labels, rest: Iterable[str]) -> str:
        """The line; `rest` has as many fields as the template wants, the value last."""
        return self.text % self.order((*owner, *rest))


def template(
    definition: Definition, suffix: str, extra: tuple[str, str] | None, owning: Sequence[int]
) -> Template:
    """The lines of a metric. `owning` are the indexes of the labels of its owner.

    `extra` is a label that the definition does not list.
    """
    names = definition.labels
    pairs = [f'{name}="%s"' for name in names]
    if extra is not None:
        pairs.append(f'{extra[0]}="{extra[1]}"')
    before = f"{definition.name}{suffix}"
    if pairs:
        before += f"{{{','.join(pairs)}}}"
    rest = [index for index in range(len(names)) if index not in owning]
    given = [*owning, *rest]
    places = [given.index(index) for index in range(len(names))]
    return Template(f"{before} %s", itemgetter(*places, len(names)), len(rest) + 1)


class SeriesText:
    """Series, rendered as lines: names and labels, escaped and limited in length."""

    def __init__(self, definitions: Mapping[str, Definition], max_label_bytes: int) -> None:
        self._definitions = definitions
        self._max_label_bytes = max_label_bytes
        self._escaped: dict[str, str] = {}

    def escaped(self, labels: Sequence[str]) -> Labels:
        """Label values as a line has them between quotes."""
        known = self._escaped
        try:
            return tuple([known[label] for label in labels])
        except KeyError:
            return tuple([self._escape(label) for label in labels])

    def _escape(self, label: str) -> str:
        known = self._escaped
        text = known.get(label)
        if text is None:
            if len(known) >= _KNOWN_LABELS:
                known.clear()
            text = known[label] = _escape(clip(label, self._max_label_bytes))
        return text

    def labels(self, metric: str, labels: Labels) -> str:
        """The labels as `name="value"`, separated by commas; `labels` are their values."""
        pairs = zip(self._definitions[metric].labels, self.escaped(labels), strict=True)
        return ",".join(f'{name}="{label}"' for name, label in pairs)

    def histogram(self, metric: str, histogram: Histogram, *, held: bool) -> HistogramLines:
        """The lines of a histogram: its buckets, its sum and its count; all 0 while it is held."""
        pairs = self.labels(metric, histogram.labels)
        counts = [0] * len(histogram.counts) if held else accumulate(histogram.counts)
        cumulated = tuple(counts)
        total = number(0 if held else histogram.total)
        template = _template(metric, histogram.bounds, is_labelled=bool(pairs))
        return HistogramLines(template, pairs, (*cumulated, total, cumulated[-1]))


@lru_cache(maxsize=64)  # of each metric its buckets, and those before they were changed
def _template(metric: str, bounds: tuple[float, ...], *, is_labelled: bool) -> str:
    before = f"{LABELS}," if is_labelled else ""
    pairs = f"{{{LABELS}}}" if is_labelled else ""
    return "\n".join(
        (
            *(
                f'{metric}_bucket{{{before}le="{bound}"}} %s'
                for bound in (*map(number, bounds), "+Inf")
            ),
            f"{metric}_sum{pairs} %s",
            f"{metric}_count{pairs} %s",
        )
    )


def head(definition: Definition) -> bytes:
    """The lines that a family begins with."""
    name = definition.name
    return (
        f"# HELP {name} {_escape_help(definition.help)}\n# TYPE {name} {definition.type}\n"
    ).encode()


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
