"""The figures of one run as a Markdown table.

Each is shown with its target, and a peer's also as a ratio to ours, measured in the same run.
"""

import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. Targets are in its unit; a peer's is compared with `ours`."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    ours: "Figure | None" = None

    @property
    def missed(self) -> bool:
        """Return whether there is a target and the value misses it."""
        return (self.at_most is not None and self.value > self.at_most) or (
            self.at_least is not None and self.value < self.at_least
        )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile by nearest rank: the least value that this share does not exceed."""
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def p50_and_p99(
    what: str,
    seconds: Sequence[float],
    *,
    p99_at_most_ms: float | None = None,
    ours: Sequence[Figure] = (),
) -> list[Figure]:
    """Return two figures in milliseconds; the target applies to the second.

    `ours` are the two figures that these are compared with.
    """
    compared = ours or (None, None)
    return [
        Figure(f"{what}, p50", percentile(seconds, 50) * 1e3, "ms", ours=compared[0]),
        Figure(
            f"{what}, p99",
            percentile(seconds, 99) * 1e3,
            "ms",
            at_most=p99_at_most_ms,
            ours=compared[1],
        ),
    ]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| what | measured | target | to ours |", "|---|--:|---|--:|"]
    for figure in figures:
        ratio = "" if figure.ours is None else f"{_short(figure.value / figure.ours.value)} ×"
        lines.append(
            f"| {figure.what} | {_short(figure.value)} {figure.unit} | {_target(figure)} | "
            f"{ratio} |"
        )
    return "\n".join(lines) + "\n"


def write(path: Path, command: str, figures: Sequence[Figure]) -> None:
    """Print the table and write it to the path, with the conditions of the measurement."""
    load = os.getloadavg()[0]
    text = (
        f"# `{command}`\n\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by "
        "everything "
        f"measured and by the measurement, {platform.system()}, Python "
        f"{platform.python_version()}; load average {load:.1f} at the end.\n\n{table(figures)}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{text}\nwritten to {path}")


def progress(text: str) -> None:
    """Report progress on standard error."""
    print(f"… {text}", file=sys.stderr, flush=True)


def _target(figure: Figure) -> str:
    if figure.at_most is None and figure.at_least is None:
        return ""
    bound = (
        f"≤ {_short(figure.at_most)}"
        if figure.at_most is not None
        else f"≥ {_short(figure.at_least or 0)}"
    )
    return f"{bound} {figure.unit}: {'**missed**' if figure.missed else 'kept'}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
