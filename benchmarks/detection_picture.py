"""The picture of benchmarks.detection: what each rule finds, by its false alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

# False alarms per 1,000 quiet runs; points outside are drawn at the edge.
LEAST_RATE, GREATEST_RATE = 0.02, 100.0
# Okabe and Ito's colours, distinct with any colour vision. A warning has the colour of its critical
# form.
COLOURS = ("#d55e00", "#d55e00", "#56b4e9", "#009e73", "#0072b2", "#000000", "#cc79a7")
OURS = 2


@dataclass(frozen=True, slots=True)
class Curve:
    """A rule's false alarms per 1,000 quiet runs and percent found.

    `points` are along its settings, `defaults` are where it is set by default.
    """

    name: str
    points: Sequence[tuple[float, float]]
    defaults: Sequence[tuple[float, float]]


def draw(
    path: Path, curves_by_cv: Mapping[float, Sequence[Curve]], *, step: float, within: int
) -> None:
    """Write an SVG with a panel for each deviation; the first curves are ours."""
    mpl.rcParams["svg.hashsalt"] = "detection"  # for reproducible ids
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    panels = figure.subplots(1, len(curves_by_cv), sharey=True)
    for panel, (cv_ratio, curves) in zip(panels, curves_by_cv.items(), strict=True):
        for index, (curve, colour) in enumerate(zip(curves, COLOURS, strict=True)):
            style, width = "--" if index == 0 else "-", 2.2 if index < OURS else 1.4
            panel.plot(*_seen(curve.points), style, color=colour, label=curve.name, linewidth=width)
            panel.plot(
                *_seen(curve.defaults), "o", color=colour, markersize=7 if index < OURS else 5
            )
        panel.set(
            xscale="log",
            xlim=(LEAST_RATE, GREATEST_RATE),
            ylim=(0, 103),
            title=f"cv {cv_ratio:.0%}",
        )
        panel.set_xlabel("false alarms per 1,000 quiet runs")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(f"{step:.0%} steps found within {within} runs, %")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
    )
    figure.savefig(path, metadata={"Date": None})


def _seen(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [min(max(rate, LEAST_RATE), GREATEST_RATE) for rate, _ in points], [
        found for _, found in points
    ]
