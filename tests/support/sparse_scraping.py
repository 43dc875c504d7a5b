"""A Prometheus that scrapes sparse series, as far as what it stores is concerned."""

import math
import re
from collections.abc import Mapping

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition, pieces
from benchmark_exporter.metrics.sorted_lines import SortedLines
from benchmark_exporter.metrics.sparse import Seen, SparsePart

LOOKBACK_MS = 300_000  # as Prometheus has it by default


def shown(values: Mapping[str, int], *names: str, part: Part = "state") -> Exposition:
    """An exposition in which each series of some metrics has a value."""
    heads = {name: f"# HELP {name} h\n# TYPE {name} gauge\n".encode() for name in names or ("m",)}
    blocks: dict[tuple[Part, str], SortedLines] = {}
    for name in heads:
        lines = [f'{name}{{benchmark_name="{label}"}} {value}' for label, value in values.items()]
        blocks[part, name] = SortedLines().changed([], lines)
    return Exposition(heads, blocks, 0, math.inf, 0, {}, (), {part: list(heads)})


def sparse_part(*names: str, part: Part = "state") -> SparsePart:
    return SparsePart(part, names or ("m",))


def unseen(part: SparsePart, seen: Seen | None, now: float) -> tuple[str, Seen]:
    families, seen = part.unseen(seen, now)
    return b"".join(piece.text(keep=False) for piece in pieces([families])).decode(), seen


class Scraper:
    """A Prometheus: stores samples as it does, and asserts that it would store each."""

    def __init__(self) -> None:
        self.seen: Seen | None = None
        self.samples: dict[str, list[tuple[int, int]]] = {}

    def scrape(self, part: SparsePart, now: float, *, lost: bool = False) -> int:
        """Returns how many samples of sparse series the scrape had."""
        text, seen = unseen(part, self.seen, now)
        if lost:  # Prometheus closes the connection
            self.seen = None
            return 0
        self.seen = seen
        stored = 0
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            series, value, time_ms = line.split(" ")
            stored += 1
            sample = int(time_ms), int(value)
            known = self.samples.setdefault(series, [])
            assert sample[0] <= now * 1000 + 60  # never noticeably in the future
            if known and sample != known[-1]:
                assert sample[0] > known[-1][0], "out of order, or two values at a time"
            if not known or sample != known[-1]:
                known.append(sample)
        return stored

    def at(self, now: float) -> Mapping[str, int]:
        """What an instant query finds."""
        now_ms = now * 1000 + 60
        found = {}
        for series, samples in self.samples.items():
            newest = [each for each in samples if now_ms - LOOKBACK_MS < each[0] <= now_ms]
            if newest:
                found[re.split('"', series)[1]] = newest[-1][1]
        return found
