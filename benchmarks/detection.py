"""How often the judge raises false alarms and how much it misses, on simulated series.

Other tools' rules and the rule that the exporter had before see the same values. `simulation` says
what is counted; `real_series` measures on real histories.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path

import msgspec
import numpy as np

from benchmark_exporter.config import load_config, packaged
from benchmark_exporter.regression import Limits
from benchmarks.detection_picture import Curve, draw
from benchmarks.drifts import false_drifts
from benchmarks.earlier_rule import EarlierRule
from benchmarks.noise import KINDS
from benchmarks.online import CRITICAL, Judge
from benchmarks.report import RESULTS, Figure, progress, table
from benchmarks.rules import PEERS
from benchmarks.simulation import (
    FOUND_WITHIN,
    STEPS,
    Cell,
    Judged,
    Tally,
    judge_all,
    make_values,
    score_cells,
)
from benchmarks.slow_drift import slow_drift

CVS = (0.01, 0.02, 0.05, 0.10, 0.20)
# The promise is about these kinds of noise up to this deviation, and about steps of this size.
PROMISED_KINDS, PROMISED_CV, PROMISED_STEP = (
    ("log-normal", "bimodal", "drifting", "outliers"),
    0.05,
    0.20,
)
PICTURED_CVS = (0.02, 0.05, 0.10)
# What the curve of the judge is drawn through: the factor of the noise and the ratios, times these.
CURVE = (0.6, 0.75, 0.9, 1.0, 1.15, 1.4, 1.8, 2.5)
CURVE_LIMITS = ("noise_factor", "small_ratio", "tolerance_ratio", "large_ratio")
SEED = 2026  # the defaults of config.yaml were tuned on other seeds


def make_cells(series: int, runs: int, seed: int, limits: Limits) -> list[Cell]:
    """A cell for each kind of noise and deviation."""
    cells = []
    for kind in KINDS:
        for cv_ratio in CVS:
            progress(f"judging {series} series, {kind}, cv {cv_ratio:.0%}")
            values = make_values(kind, cv_ratio, seed, series, runs)
            ours, earlier = judge_all(Judge(limits), values), judge_all(EarlierRule(), values)
            cells.append(Cell(kind, cv_ratio, values, ours, earlier))
    return cells


def total(judged: Sequence[Judged]) -> Judged:
    return reduce(add, judged)


def promised(cells: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.kind in PROMISED_KINDS and cell.cv_ratio <= PROMISED_CV]


def targets(cells: Sequence[Cell]) -> list[Figure]:
    """The promise, and each peer at the threshold at which it has as many false alarms as we."""
    chosen = promised(cells)
    ours, earlier = (
        total([cell.ours for cell in chosen]).critical,
        total([cell.earlier for cell in chosen]).critical,
    )
    step = f"{PROMISED_STEP:.0%} steps critical within {FOUND_WITHIN} runs"
    found = Figure(step, ours.share(PROMISED_STEP), "%", at_least=95.0)
    unit = "per 1,000 quiet runs"
    figures = [
        Figure("runs in a critical false alarm", ours.per_thousand, unit, at_most=1.0),
        Figure("critical false alarms that begin", ours.onsets_per_thousand, unit),
        found,
        Figure("the rule before: runs in a critical false alarm", earlier.per_thousand, unit),
        Figure(f"the rule before: {step}", earlier.share(PROMISED_STEP), "%", ours=found),
    ]
    for rule in PEERS[1:]:
        scored = score_cells(rule, chosen, (PROMISED_STEP,))
        theirs = scored.tally(scored.threshold_for(ours.alarms))
        what = f"{rule.method}, at our number of false alarms"
        figures.append(Figure(what, theirs.share(PROMISED_STEP), "%", ours=found))
    return figures


def by_kind(cells: Sequence[Cell]) -> str:
    """The judge on each kind of noise, and peers at its number of critical false alarms there."""
    peers = PEERS[1:]
    heads = [
        *(f"{step:.0%} step" for step in STEPS),
        *(f"{PROMISED_STEP:.0%} step: {rule.method}" for rule in peers),
    ]
    lines = [
        f"| noise | cv | onsets | runs in alarm | before | {' | '.join(heads)} |",
        f"|---|--:|--:|--:|--:|{'--:|' * len(heads)}",
    ]
    for cell in cells:
        hits, critical = cell.ours.any, cell.ours.critical
        row = [
            cell.kind,
            f"{cell.cv_ratio:.0%}",
            f"{critical.onsets_per_thousand:.2f} ({hits.onsets_per_thousand:.2f})",
            f"{critical.per_thousand:.2f} ({hits.per_thousand:.2f})",
            f"{cell.earlier.critical.per_thousand:.2f} ({cell.earlier.any.per_thousand:.2f})",
        ]
        row += [f"{critical.share(step):.1f} % ({hits.share(step):.1f} %)" for step in STEPS]
        for rule in peers:
            scored = score_cells(rule, [cell], (PROMISED_STEP,))
            theirs = scored.tally(scored.threshold_for(critical.alarms))
            row.append(f"{theirs.share(PROMISED_STEP):.1f} %")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def by_rule(cells: Sequence[Cell], *, at_our_rate: bool) -> str:
    """All rules on all kinds of noise together, for each deviation.

    Peers have their own thresholds, or those that give our number of critical false alarms.
    """
    steps = " | ".join(f"{step:.0%} step" for step in STEPS)
    lines = [f"| cv | rule | runs in alarm | {steps} |", f"|--:|---|--:|{'--:|' * len(STEPS)}"]
    for cv_ratio in CVS:
        chosen = [cell for cell in cells if cell.cv_ratio == cv_ratio]
        ours, earlier = (
            total([cell.ours for cell in chosen]),
            total([cell.earlier for cell in chosen]),
        )
        rows = [("**ours, critical**", ours.critical)]
        if not at_our_rate:
            rows.append(("ours, warning or critical", ours.any))
            rows.append(("the rule before, critical", earlier.critical))
            rows.append(("the rule before, warning or critical", earlier.any))
        for rule in PEERS[1:] if at_our_rate else PEERS:
            scored = score_cells(rule, chosen)
            threshold = rule.threshold
            if at_our_rate:
                threshold = scored.threshold_for(ours.critical.alarms)
            name = f"{rule.method} (over {threshold:.3g})" if at_our_rate else rule.name
            rows.append((name, scored.tally(threshold)))
        for name, tally in rows:
            shares = " | ".join(f"{tally.share(step):.1f} %" for step in STEPS)
            lines.append(f"| {cv_ratio:.0%} | {name} | {tally.per_thousand:.2f} | {shares} |")
    return "\n".join(lines) + "\n"


def curves(cells: Sequence[Cell], limits: Limits, cv_ratio: float) -> list[Curve]:
    """What each rule finds of the promised steps, over the false alarms that it gives.

    Along what it can be set to; ours are the first.
    """
    chosen = [cell for cell in cells if cell.cv_ratio == cv_ratio]
    judged = []
    for factor in CURVE:
        scaled = {name: getattr(limits, name) * factor for name in CURVE_LIMITS}
        rule = Judge(msgspec.structs.replace(limits, **scaled))
        judged.append(total([judge_all(rule, cell.values, (PROMISED_STEP,)) for cell in chosen]))
    lines = []
    for name, tallies in (
        ("ours, warning or critical", [each.any for each in judged]),
        ("ours, critical", [each.critical for each in judged]),
    ):
        points = [_point(tally) for tally in tallies]
        lines.append(Curve(name, points, [points[CURVE.index(1.0)]]))
    for peer in PEERS[1:]:
        scored = score_cells(peer, chosen, (PROMISED_STEP,))
        alarms = np.unique(np.geomspace(1, scored.quiet.size / 10, 60).astype(int))
        points = [_point(scored.tally(scored.threshold_for(int(count)))) for count in alarms]
        defaults = [
            _point(scored.tally(other.threshold)) for other in PEERS if other.method == peer.method
        ]
        lines.append(Curve(peer.method, points, defaults))
    return lines


def _point(tally: Tally) -> tuple[float, float]:
    return tally.per_thousand, tally.share(PROMISED_STEP)


def while_young(cells: Sequence[Cell], limits: Limits) -> float:
    """Critical runs per 1,000 of the first that are judged, until the window is full."""
    runs = criticals = 0
    rule = Judge(limits)
    for cell in cells:
        for row in cell.values[:, : limits.window_runs].tolist():
            state = rule.start()
            for run, value in enumerate(row):
                level, state = rule.step(state, value)
                runs += run >= limits.least_runs
                criticals += level >= CRITICAL
    return 1000 * criticals / runs


def report(options: argparse.Namespace, limits: Limits, cells: Sequence[Cell]) -> tuple[str, bool]:
    """The tables in Markdown, and whether a target was missed. Draws the picture, too."""
    progress("the rules of other tools")
    figures = targets(cells)
    first, last = limits.least_runs + 1, limits.window_runs
    young = f"runs {first} to {last}: runs in a critical false alarm"
    figures.append(Figure(young, while_young(promised(cells), limits), "per 1,000"))
    common = [cell for cell in cells if cell.kind in PROMISED_KINDS]
    tally = cells[0].ours.any
    head = (
        f"# `python -m benchmarks.detection`\n\nSeed {options.seed}, {tally.quiet_runs:,} quiet "
        f"runs and {tally.forks:,} forks for each kind of noise and deviation. "
        "[docs/detection.md](../../docs/detection.md) explains.\n"
    )
    parts = [
        head,
        f"## The promise: {', '.join(PROMISED_KINDS)}, cv ≤ {PROMISED_CV:.0%}\n\n{table(figures)}",
        "## Peers at our number of critical false alarms\n\n" + by_rule(common, at_our_rate=True),
        "## Peers with their own thresholds\n\n" + by_rule(common, at_our_rate=False),
        "## Ours by kind of noise: critical (at least a warning) per 1,000 runs, and peers at as "
        "many critical false alarms\n\n" + by_kind(cells),
    ]
    progress("slow drift")
    parts.append(f"## Slow drift\n\n{slow_drift(limits, options.seed, options.series)}")
    progress("false drifts")
    count = max(1, options.series // 2)
    false = false_drifts(limits, options.seed, count, options.runs)
    parts.append(f"## Drifts that begin per 1,000 quiet runs\n\n{false}")
    progress("curves")
    half = [replace(cell, values=cell.values[:count]) for cell in common]
    draw(
        options.output.with_suffix(".svg"),
        {cv_ratio: curves(half, limits, cv_ratio) for cv_ratio in PICTURED_CVS},
        step=PROMISED_STEP,
        within=FOUND_WITHIN,
    )
    return "\n".join(parts), any(figure.missed for figure in figures)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection", description=(__doc__ or "").partition("\n")[0]
    )
    for name, default, text in (
        ("--series", 100, "series of each kind of noise and deviation"),
        ("--runs", 500, "quiet runs of each that count"),
        ("--seed", SEED, "another one gives other series"),
    ):
        parser.add_argument(name, type=int, default=default, help=f"{text} (default: {default})")
    parser.add_argument(
        "--config",
        type=Path,
        default=packaged("config.yaml"),
        help="limits to judge by (default: the exporter's own)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "detection.md",
        help="table; the picture is written beside it",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    started = time.monotonic()
    limits = load_config(options.config).judgement
    options.output.parent.mkdir(parents=True, exist_ok=True)
    cells = make_cells(options.series, options.runs, options.seed, limits)
    text, missed = report(options, limits, cells)
    options.output.write_text(text, encoding="utf-8")
    picture = options.output.with_suffix(".svg")
    took = time.monotonic() - started
    print(f"{text}\nwritten to {options.output} and {picture} in {took:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
