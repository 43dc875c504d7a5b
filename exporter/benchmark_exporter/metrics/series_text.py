"""Series as the text format (0.0.4) writes them: names, labels, values."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate

from benchmark_exporter.ledger import Histogram, Labels
from benchmark_exporter.metrics.definitions import Definition
from benchmark_exporter.metrics.sorted_lines import LABELS, HistogramLines

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
