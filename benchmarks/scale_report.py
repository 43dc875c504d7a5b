"""Tables and picture of benchmarks.scale."""

import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import Figure, table
from benchmarks.scale_exporter import Cost, Measured
from benchmarks.scale_picture import draw

KILOBYTE = 1000
SECONDS_A_MONTH = 30 * 86_400
PANELS: Mapping[str, Callable[[Cost], float]] = {
    "CPU a file or push, scrapes included, ms": lambda cost: cost.scraped_cpu_ms,
    "CPU of scrapes alone, % of a core": lambda cost: cost.idle_percent,
    "file or push → page, p99, ms": lambda cost: cost.latencies_ms[2],
    "resident memory, MB": lambda cost: cost.resident_megabytes,
}


@dataclass
class Outcome:
    """All that was measured; the first of the exporters is the one that has targets."""

    versions: tuple[str, ...]
    exporters: dict[tuple[str, str, int], Measured] = field(default_factory=dict)
    peers: dict[tuple[str, int], Cost] = field(default_factory=dict)
    # Seconds until ready with a run of each benchmark, and with many.
    ledger_starts: dict[str, tuple[float, float]] = field(default_factory=dict)

    def costs(self) -> dict[str, dict[int, Cost]]:
        """Return the costs of each program by the number of benchmarks, the exporters first."""
        costs: dict[str, dict[int, Cost]] = {}
        for (version, document_format, number), measured in self.exporters.items():
            name = f"exporter ({version}), {document_format}"
            costs.setdefault(name, {})[number] = measured.cost
        costs = dict(sorted(costs.items(), key=lambda item: "google" in item[0]))
        for (peer, number), cost in self.peers.items():
            costs.setdefault(peer, {})[number] = cost
        return costs


def write(path: Path, command: str, outcome: Outcome, rate: float) -> None:
    """Print the tables, and write them and the picture."""
    costs = outcome.costs()
    picture = path.with_suffix(".svg")
    text = (
        f"# `{command}`\n\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by "
        f"everything measured and by the measurement, {platform.system()}, Python "
        f"{platform.python_version()}; load average {os.getloadavg()[0]:.1f} at the end.\n\n"
        f"![costs by the number of benchmarks]({picture.name})\n\n"
        + _targets(outcome)
        + f"\n## At {rate:g} files or pushes a second, scraped each second\n\n"
        + _costs(costs)
        + f"\nA program that reached fewer than {rate:g} fell behind. The exporter then commits\n"
        "files together, which takes less CPU time a file and makes all of them visible later.\n"
        + "\n## What the exporter shows\n\n"
        + _expositions(outcome)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    panels = {
        title: {name: {n: value(cost) for n, cost in each.items()} for name, each in costs.items()}
        for title, value in PANELS.items()
    }
    draw(picture, panels, list(costs))
    print(f"{text}\nwritten to {path} and {picture}")


def _targets(outcome: Outcome) -> str:
    """Return what issue and documentation promise of the largest number, for each version."""
    figures: list[Figure] = []
    numbers = sorted({number for _, _, number in outcome.exporters})
    least, most = numbers[0], numbers[-1]
    first = next(iter(outcome.exporters))[1]
    for version in outcome.versions:
        few = outcome.exporters[version, first, least]
        many = outcome.exporters[version, first, most]
        what = f"{version}, {most:,} benchmarks"
        figures += [
            Figure(
                f"{version}, {number:,} benchmarks: CPU a file",
                outcome.exporters[version, first, number].cost.cpu_ms,
                "ms",
                4,
            )
            for number in numbers
        ]
        figures += [
            Figure(f"{what}: to {least:,}", many.cost.cpu_ms / few.cost.cpu_ms, "×", 1.5),
            Figure(f"{what}: file → /metrics, p99", many.cost.latencies_ms[2], "ms", 120),
            Figure(f"{what}: CPU of scrapes alone", many.cost.idle_percent, "% of a core", 1),
            Figure(f"{what}: resident memory", many.cost.resident_megabytes, "MB", 180),
            Figure(f"{what}: start, until ready", many.start_seconds, "s"),
        ]
        if version in outcome.ledger_starts:
            few_seconds, many_seconds = outcome.ledger_starts[version]
            what_runs = f"{what}: start with all runs of the ledger"
            figures += [
                Figure(what_runs, many_seconds, "s"),
                Figure(f"{what}: of it the runs add", many_seconds - few_seconds, "s", 0.5),
            ]
        suite = outcome.exporters.get((version, "google_benchmark", most))
        if suite is not None:
            figures.append(Figure(f"{what} in one document: CPU", suite.suite_cpu_ms, "ms"))
    return table(figures)


def _costs(costs: dict[str, dict[int, Cost]]) -> str:
    head = (
        "program",
        "benchmarks",
        "CPU a file, ms",
        "with scrapes, ms",
        "to the fewest",
        "scrapes alone, % of a core",
        "file → page p50 · p95 · p99, ms",
        "scrape p50 · p99, ms",
        "scrape, kB gzip",
        "memory, MB",
        "files/s reached",
    )
    return _table(head, _cost_rows(costs))


def _cost_rows(costs: dict[str, dict[int, Cost]]) -> Iterator[Sequence[str]]:
    for name, by_number in costs.items():
        fewest = by_number[min(by_number)].scraped_cpu_ms
        for number, cost in sorted(by_number.items()):
            yield (
                name,
                f"{number:,}",
                _short(cost.cpu_ms),
                _short(cost.scraped_cpu_ms),
                f"{_short(cost.scraped_cpu_ms / fewest)} ×",
                _short(cost.idle_percent),
                " · ".join(_short(each) for each in cost.latencies_ms),
                f"{_short(cost.scrape_ms[0])} · {_short(cost.scrape_ms[2])}",
                _short(cost.scrape_bytes / KILOBYTE),
                _short(cost.resident_megabytes),
                _short(cost.rate),
            )


def _expositions(outcome: Outcome) -> str:
    head = (
        "exporter, format",
        "benchmarks",
        "state, series",
        "kB",
        "rest, series",
        "kB",
        "of it the histogram, series",
        "kB",
        "its samples a month, millions",
        "scrape of the rest, ms",
        "subjects left out at the default limit",
    )
    return _table(head, _exposition_rows(outcome))


def _exposition_rows(outcome: Outcome) -> Iterator[Sequence[str]]:
    for (version, document_format, number), measured in sorted(outcome.exporters.items()):
        shown = measured.exposition
        yield (
            f"{version}, {document_format}",
            f"{number:,}",
            f"{shown.state_series:,}",
            _short(shown.state_bytes / KILOBYTE),
            f"{shown.slow_series:,}",
            _short(shown.slow_bytes / KILOBYTE),
            f"{shown.histogram_series:,}",
            _short(shown.histogram_bytes / KILOBYTE),
            _short(shown.histogram_series * SECONDS_A_MONTH / measured.slow_seconds / 1e6),
            _short(measured.slow_scrape_ms),
            f"{measured.dropped_subjects:,}",
        )


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ("---", *["--:"] * (len(head) - 1)), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _short(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
