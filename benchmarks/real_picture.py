"""The picture of benchmarks.real_peers: what each rule finds, by its false alarms that begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

# Onsets per 1,000 quiet runs; points outside are drawn at the edge.
LEAST_RATE, GREATEST_RATE = 0.05, 100.0
# Okabe and Ito's colours, distinct with any colour vision.
COLOURS = ("#d55e00", "#000000", "#56b4e9", "#009e73", "#0072b2", "#cc79a7", "#e69f00")


@dataclass(frozen=True, slots=True)
class Line:
    """A rule's onsets per 1,000 quiet runs and percent found, along its settings.

    `default` is where it is set by default.
    """

    name: str
    points: Sequence[tuple[float, float]]
    default: tuple[float, float]


def draw(path: Path, panels: Mapping[str, Sequence[Line]], *, step: float, within: int) -> None:
    """Write an SVG with a panel for each class of series; the first line is ours."""
    mpl.rcParams["svg.hashsalt"] = "real_peers"  # for reproducible ids
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True)
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for index, (line, colour) in enumerate(zip(lines, COLOURS, strict=False)):
            points = sorted(map(_seen, line.points))
            axis.plot(
                [rate for rate, _ in points],
                [found for _, found in points],
                color=colour,
                label=line.name,
                linewidth=2.2 if index == 0 else 1.4,
            )
            axis.plot(*_seen(line.default), "o", color=colour, markersize=7 if index == 0 else 5)
        axis.set(xscale="log", xlim=(LEAST_RATE, GREATEST_RATE), ylim=(0, 103), title=title)
        axis.set_xlabel("false alarms that begin, per 1,000 quiet runs")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"{step:.0%} steps found within {within} runs, %")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    figure.savefig(path, metadata={"Date": None})


def _seen(point: tuple[float, float]) -> tuple[float, float]:
    return min(max(point[0], LEAST_RATE), GREATEST_RATE), point[1]
