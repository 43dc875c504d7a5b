"""The picture of benchmarks.scale: costs by the number of benchmarks, both on logarithmic axes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    LogLocator,
    NullFormatter,
    NullLocator,
    StrMethodFormatter,
)

# Okabe and Ito's colours, distinct with any colour vision.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = "osD^vP*"

# Of one program, by the number of benchmarks.
Curve = Mapping[int, float]


def draw(path: Path, panels: Mapping[str, Mapping[str, Curve]], programs: Sequence[str]) -> None:
    """Write an SVG with a panel for each cost; a program has the same colour in each."""
    mpl.rcParams["svg.hashsalt"] = "scale"  # for reproducible ids
    columns = 2
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(-(-len(panels) // columns), columns, sharex=True, squeeze=False)
    lines = {}
    numbers = {
        number for curves in panels.values() for curve in curves.values() for number in curve
    }
    for panel, (title, curves) in zip(axes.flat, panels.items(), strict=False):
        for index, program in enumerate(programs):
            curve = {number: value for number, value in curves[program].items() if value > 0}
            (lines[program],) = panel.plot(
                list(curve),
                list(curve.values()),
                marker=MARKERS[index % len(MARKERS)],
                color=COLOURS[index % len(COLOURS)],
                linewidth=2.2 if index == 0 else 1.4,
            )
        panel.set(xscale="log", yscale="log", title=title)
        panel.grid(alpha=0.3)
        panel.xaxis.set_major_locator(FixedLocator(sorted(numbers)))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        panel.yaxis.set_minor_formatter(NullFormatter())
    for panel in axes[-1]:
        panel.set_xlabel("benchmarks")
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, metadata={"Date": None})
