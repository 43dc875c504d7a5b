"""The same exporter, scraped every 30 s as a whole and sparsely: two projects of one Prometheus."""

import random
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark_exporter.commands.remote_write import Labels, Point
from benchmark_exporter.config import Config
from benchmark_exporter.metrics.definitions import PARTS
from benchmark_exporter.metrics.exposition import Exposition, Family, text
from benchmark_exporter.metrics.live import Live
from benchmark_exporter.metrics.sparse import Seen
from tests.support.documents import perf_suite, result
from tests.support.wired import DEFINITIONS, Wired

DENSE, SPARSE = "dense", "sparse"
INTERVAL_SECONDS = 30
# The one NaN with which Prometheus marks the end of a series.
(STALE,) = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))
SPARSE_NAMES = {name for name, each in DEFINITIONS.items() if "distributions" in each.sparse_parts}
# Of what a document states; each result has a name of its own, so that one project is enough.
BENCHMARKS = [f"b{number}" for number in range(4)]


@dataclass(slots=True)
class Worlds:
    """Random runs of an exporter, and what a scrape every 30 s would store of each world.

    Runs come between two scrapes, at any time.
    """

    folder: Path
    seed: int
    begin: float
    _there: dict[str, set[Labels]] = field(default_factory=dict)

    def points(self, scrapes: int) -> Iterator[list[Point]]:
        """The samples of each scrape in turn."""
        dice = random.Random(self.seed)  # noqa: S311  # no secret
        wired = Wired(self.folder, Config(settle_seconds=0.001))
        seen: Seen | None = None
        try:
            for scrape in range(scrapes):
                at = self.begin + scrape * INTERVAL_SECONDS
                if scrape == 0 or dice.random() < 0.15:
                    wired.now = at - dice.uniform(2, 28)
                    _run(wired, dice, scrape)
                    _shown(wired)
                wired.now = at
                shown = _shown(wired)
                whole = [shown.families(part) for part in PARTS if part != "resources"]
                sent, seen = wired.collector.sparse["distributions"].unseen(seen, at)
                names = wired.collector.sparse["distributions"].names
                rest = [
                    shown.families("state"),
                    [
                        (shown.heads[name], shown.blocks["distributions", name].chunks)
                        for name in shown.families_of["distributions"]
                        if name not in names
                    ],
                ]
                yield [
                    *self._scraped(whole, DENSE, at),
                    *self._scraped([*rest, sent], SPARSE, at),
                ]
        finally:
            wired.ledger.close()

    def _scraped(self, parts: Iterable[Iterable[Family]], world: str, at: float) -> Iterator[Point]:
        """What a scrape stores: samples, and that a series without a timestamp has gone."""
        at_ms, without_time = round(at * 1000), set[Labels]()
        for line in text(parts).decode().splitlines():
            if not line.startswith("#"):
                labels, time_ms, value = _sample(line, world)
                yield Point(labels, at_ms if time_ms is None else time_ms, value)
                if time_ms is None:
                    without_time.add(labels)
        for labels in self._there.get(world, set()) - without_time:
            yield Point(labels, at_ms, STALE)
        self._there[world] = without_time


def _shown(wired: Wired) -> Exposition:
    return wired.collector.expose(wired.ledger, Live(0, 0.0), wired.now)[1]


def _run(wired: Wired, dice: random.Random, number: int) -> None:
    chosen = BENCHMARKS if number == 0 else dice.sample(BENCHMARKS, dice.randint(1, 3))
    slower = dice.choice((1.0, 1.0, 1.0, 1.5))
    times = {name: 10.0 * slower * dice.uniform(0.9, 1.1) for name in chosen}
    document = result(number, times) | {"project": "p", "branch": "main"}
    for each in document["results"]:
        each["samples"] = [each["samples"][0] * dice.uniform(0.5, 2) for _ in range(5)]
    if dice.random() < 0.3:
        document["failures"] = [{"benchmark": dice.choice(chosen), "error": "it failed"}]
    wired.drop(f"{number}.json", document)
    if dice.random() < 0.5:
        minute = f"{number // 60 % 24:02}:{number % 60:02}"
        gated = perf_suite(
            f"gated-{number}",
            project="p",
            speedup=dice.choice((20.0, 12.0, 8.0)),
            timestamp=f"2026-03-05T{minute}:02Z",
        )
        wired.drop(f"gated-{number}.json", gated)
    wired.settle()


def _sample(line: str, world: str) -> tuple[Labels, int | None, float]:
    series, _, rest = line.rpartition("} ") if "}" in line else line.partition(" ")
    value, _, time_ms = rest.partition(" ")
    return _labels(series, world), int(time_ms) if time_ms else None, float(value)


def _labels(series: str, world: str) -> Labels:
    name, _, pairs = series.partition("{")
    labels: Mapping[str, str] = {
        **dict(re.findall(r'(\w+)="([^"]*)"', pairs)),
        "__name__": name,
        "project": world,
        "job": "benchmark-exporter-slow",
        "instance": "benchmark-exporter",
    }
    return tuple(sorted((label, value) for label, value in labels.items() if value))
