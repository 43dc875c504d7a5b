"""The table and the picture of benchmarks.soak."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.growth import Growth
from benchmarks.report import percentile
from benchmarks.soak_checks import Check
from benchmarks.soak_disturbance import Kill
from benchmarks.soak_samples import FILES, Samples
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, Part

# Okabe and Ito's colours, distinct with any colour vision.
COLOURS: Mapping[Part, str] = {
    EXPORTER: "#0072b2",
    PROMETHEUS: "#d55e00",
    ALERTMANAGER: "#009e73",
}
_UNITS = {
    "rss_bytes": ("RSS", 1e6, "MB"),
    "descriptors": ("descriptors", 1, ""),
    "threads": ("threads", 1, ""),
}


def table(
    command: str,
    seconds: float,
    checks: Sequence[Check],
    growths: Mapping[tuple[str, str], Growth | None],
    samples: Samples,
    kills: Sequence[Kill],
    *,
    kept_files: int,
    picture: str,
) -> str:
    """Return the whole page as Markdown."""
    lines = [
        f"# `{command}`",
        "",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes, {os.cpu_count()} cores "
            f"shared by everything, {platform.system()}, Python {platform.python_version()}; load "
            f"average {os.getloadavg()[0]:.1f} at the end. {kept_files:,} files were kept."
        ),
        "",
        f"![measures over time]({picture})",
        "",
        "| checked | found | |",
        "|---|--:|---|",
    ]
    lines += [
        f"| {check.what} | {check.found} | {'; '.join(check.faults) or 'kept'} |"
        for check in checks
    ]
    lines += [
        "",
        "| part, after the last kill | at its end | growth | allowed | |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [_growth(*key, growth, samples) for key, growth in growths.items()]
    lines += ["", "| | |", "|---|--:|", *_others(samples, kills)]
    return "\n".join(lines) + "\n"


def _growth(part: str, name: str, growth: Growth | None, samples: Samples) -> str:
    words, divisor, unit = _UNITS[name]
    own = [getattr(each, name) for each in samples.processes if each.part == part]
    newest = f"{own[-1] / divisor:.0f} {unit}".strip() if own else "?"
    if growth is None:
        return f"| {part}, {words} | {newest} | | | too short to measure |"
    outcome = "**leak**" if growth.is_leak else "kept"
    grown = f"{growth.growth / divisor:+.1f} {unit} in {growth.seconds / 60:.0f} min"
    return (
        f"| {part}, {words} | {newest} | {grown} "
        f"| {growth.allowed / divisor:.0f} {unit} | {outcome} |"
    )


def _others(samples: Samples, kills: Sequence[Kill]) -> list[str]:
    rows = [
        f"| kills of {part.name}, and the longest time until it was ready | "
        f"{len(own)}, {max(kill.back_seconds for kill in own):.1f} s |"
        for part in COLOURS
        if (own := [kill for kill in kills if kill.part is part])
    ]
    if samples.scrapes:
        times = [seconds for _, seconds in samples.scrapes]
        rows.append(
            f"| scrape of the state, p50 and p99 of {len(times):,} | "
            f"{percentile(times, 50) * 1e3:.1f} ms, {percentile(times, 99) * 1e3:.1f} ms |"
        )
    if samples.disk:
        _, ledger, log, prometheus = samples.disk[-1]
        rows.append(
            f"| ledger, its write-ahead log, Prometheus' data at the end | "
            f"{ledger / 1e6:.1f}, {log / 1e6:.1f}, {prometheus / 1e6:.1f} MB |"
        )
    return rows


def draw(path: Path, samples: Samples, kills: Sequence[tuple[float, Part]]) -> None:
    """Write a PNG of all measures over time, with a line at each kill (seconds, part)."""
    figure = Figure(figsize=(11, 9), layout="constrained")
    rss, descriptors, threads, disk, scrapes, files = figure.subplots(3, 2, sharex=True).flat
    for axes, name in ((rss, "rss_bytes"), (descriptors, "descriptors"), (threads, "threads")):
        words, divisor, unit = _UNITS[name]
        for part, colour in COLOURS.items():
            own = [each for each in samples.processes if each.part == part.name]
            axes.plot(
                [each.seconds / 60 for each in own],
                [getattr(each, name) / divisor for each in own],
                color=colour,
                linewidth=1.2,
                label=part.name,
            )
        _title(axes, f"{words}, {unit}" if unit else words)
    minutes = [seconds / 60 for seconds, *_ in samples.disk]
    for number, (label, colour) in enumerate(
        (
            ("ledger", "#0072b2"),
            ("its write-ahead log", "#56b4e9"),
            ("Prometheus' data", "#d55e00"),
        ),
        1,
    ):
        disk.plot(minutes, [each[number] / 1e6 for each in samples.disk], color=colour, label=label)
    _title(disk, "on disk, MB")
    p99 = samples.scrape_p99()
    scrapes.plot(
        [at / 60 for at, _ in p99],
        [value * 1e3 for _, value in p99],
        "o-",
        color="#0072b2",
        markersize=3,
    )
    _title(scrapes, "scrape of the state, p99 of each minute, ms")
    own = [each for each in samples.processes if each.part == EXPORTER.name]
    files.plot(
        [each.seconds / 60 for each in own], [each.data[FILES] for each in own], color="#000000"
    )
    _title(files, "files kept")
    for axes in (rss, descriptors, threads, disk, scrapes, files):
        for seconds, part in kills:
            axes.axvline(seconds / 60, color=COLOURS[part], linestyle=":", linewidth=0.9)
    for axes in (scrapes, files):
        axes.set_xlabel("minutes; dotted: kill -9 of the part of that colour")
    rss.legend(frameon=False)
    disk.legend(frameon=False)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=10)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
