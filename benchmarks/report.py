"""Figures of one run as a Markdown table: beside its target, and as a ratio to ours where a peer was measured in the same run."""

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
    """One measured value. Targets are in its unit; `ours` is what it, a peer's, stands beside."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    ours: "Figure | None" = None

    @property
    def missed(self) -> bool:
        """Whether there is a target and the value is on the wrong side of it."""
        return (self.at_most is not None and self.value > self.at_most) or (
            self.at_least is not None and self.value < self.at_least
        )


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank: the least value that at least this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def p50_and_p99(
    what: str,
    seconds: Sequence[float],
    *,
    p99_at_most_ms: float | None = None,
    ours: Sequence[Figure] = (),
) -> list[Figure]:
    """Two figures in milliseconds, the second held to the target. `ours` are the two that these stand beside."""
    beside = ours or (None, None)
    return [
        Figure(f"{what}, p50", percentile(seconds, 50) * 1e3, "ms", ours=beside[0]),
        Figure(
            f"{what}, p99",
            percentile(seconds, 99) * 1e3,
            "ms",
            at_most=p99_at_most_ms,
            ours=beside[1],
        ),
    ]


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| what | measured | target | to ours |", "|---|--:|---|--:|"]
    for figure in figures:
        ratio = "" if figure.ours is None else f"{_short(figure.value / figure.ours.value)} ×"
        lines.append(
            f"| {figure.what} | {_short(figure.value)} {figure.unit} | {_target(figure)} | {ratio} |"
        )
    return "\n".join(lines) + "\n"


def write(path: Path, command: str, figures: Sequence[Figure]) -> None:
    """Prints the table and writes it, with what the figures depend on, to the path."""
    load = os.getloadavg()[0]
    text = (
        f"# `{command}`\n\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores that everything measured and the measuring itself share, "
        f"{platform.system()}, Python {platform.python_version()}; load average {load:.1f} at the end.\n\n{table(figures)}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{text}\nwritten to {path}")


def progress(text: str) -> None:
    """Says what is being done, on standard error."""
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
