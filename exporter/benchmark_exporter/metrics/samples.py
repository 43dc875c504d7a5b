"""Samples of single series, as values instead of text."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark_exporter.ledger import Labels
from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.series_text import clip


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of one series, named and labelled as a scrape would store it: no empty labels."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    value: float
    part: Part


class Samples:
    """Collects what families add; used where a page would be."""

    def __init__(self, definitions: Mapping[str, Definition], max_label_bytes: int) -> None:
        self._definitions = definitions
        self._max_label_bytes = max_label_bytes
        self.samples: list[Sample] = []

    def add(self, metric: str, labels: Labels, value: float) -> None:
        """Adds a sample; labels are values, in the order of the metric's definition."""
        definition = self._definitions[metric]
        pairs = zip(definition.labels, labels, strict=True)
        kept = tuple((name, clip(label, self._max_label_bytes)) for name, label in pairs if label)
        self.samples.append(Sample(metric, kept, float(value), definition.part_of(labels)))
