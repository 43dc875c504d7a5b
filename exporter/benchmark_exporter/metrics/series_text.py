"""Series as the text format (0.0.4) writes them: names, labels, values."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import accumulate

from benchmark_exporter.ledger import Histogram, Labels
from benchmark_exporter.metrics.definitions import Definition

_CLIP_DIGEST_CHARACTERS = 10
_ELLIPSIS = "…"


class SeriesText:
    """What lines begin with: names and labels of series, rendered."""

    def __init__(self, definitions: Mapping[str, Definition], max_label_bytes: int) -> None:
        self._definitions = definitions
        self._max_label_bytes = max_label_bytes
        # Most label values occur in many series.
        self._pairs: dict[tuple[str, str], str] = {}

    def labels(self, metric: str, labels: Labels) -> str:
        """The labels as `name="value"`, separated by commas; `labels` are their values."""
        pairs, known = [], self._pairs
        for pair in zip(self._definitions[metric].labels, labels, strict=True):
            text = known.get(pair)
            if text is None:
                text = f'{pair[0]}="{_escape(clip(pair[1], self._max_label_bytes))}"'
                known[pair] = text
            pairs.append(text)
        return ",".join(pairs)

    def prefix(
        self, metric: str, suffix: str, labels: Labels, extra: tuple[str, str] | None
    ) -> str:
        """A line up to its value; `extra` is a label that the definition does not list."""
        pairs = self.labels(metric, labels)
        if extra is not None:
            last = f'{extra[0]}="{extra[1]}"'
            pairs = f"{pairs},{last}" if pairs else last
        return f"{metric}{suffix}{{{pairs}}} " if pairs else f"{metric}{suffix} "

    def histogram(self, metric: str, histogram: Histogram, *, held: bool) -> Sequence[str]:
        """The lines of a histogram: its buckets, its sum and its count; all 0 while it is held."""
        pairs = self.labels(metric, histogram.labels)
        before = f"{metric}_bucket{{{pairs}," if pairs else f"{metric}_bucket{{"
        after = f"{{{pairs}}} " if pairs else " "
        counts = histogram.counts
        cumulated = [0] * len(counts) if held else list(accumulate(counts))
        bounds = (*map(number, histogram.bounds), "+Inf")
        return [
            *(
                f'{before}le="{bound}"}} {count}'
                for bound, count in zip(bounds, cumulated, strict=True)
            ),
            f"{metric}_sum{after}{number(0 if held else histogram.total)}",
            f"{metric}_count{after}{cumulated[-1]}",
        ]


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
