"""How often the judge cries wolf and how much it misses, beside the rules of other tools, on simulated series.

Series are quiet but for noise. Every so often a series is forked: in the fork the next runs are slower by a step. A false alarm is one on a
run of a quiet series, a step is found when one of the first runs of the fork raises an alarm. All rules see the same values.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from benchmark_exporter.config import load_config, packaged
from benchmark_exporter.regression import History, Limits
from benchmarks.detection_picture import Curve, draw
from benchmarks.noise import KINDS, Array
from benchmarks.report import RESULTS, Figure, progress, table
from benchmarks.rules import PEERS, PeerRule, scores, states

CVS = (0.01, 0.02, 0.05, 0.10, 0.20)
STEPS = (0.05, 0.10, 0.20, 0.50)
# The promise is about these kinds of noise up to this deviation, and about steps of this size.
PROMISED_KINDS, PROMISED_CV, PROMISED_STEP = (
    ("log-normal", "bimodal", "drifting", "outliers"),
    0.05,
    0.20,
)
# Runs before the first one that counts, so that each rule has all the history that it takes in.
WARM_UP = max(rule.runs for rule in PEERS)
PICTURED_CVS = (0.02, 0.05, 0.10)
FORK_EVERY, FOUND_WITHIN = 20, 3
# What the curve of the judge is drawn through: both noise factors, times these.
CURVE = (0.6, 0.75, 0.9, 1.0, 1.15, 1.4, 1.8, 2.5)
# Shares by which a drifting series becomes slower each run, up to this share in all.
DRIFTS, DRIFT_TO = (0.001, 0.0025, 0.005, 0.01), 0.5
SEED = 2026  # the defaults of config.yaml were tuned on other seeds


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rule did: alarms among quiet runs, and for each step how many of the forks were found."""

    quiet_runs: int
    alarms: int
    forks: int
    found: Mapping[float, int]

    @property
    def per_thousand(self) -> float:
        """False alarms per 1,000 quiet runs."""
        return 1000 * self.alarms / self.quiet_runs

    def share(self, step: float) -> float:
        """Percent of the steps that were found."""
        return 100 * self.found[step] / self.forks

    def __add__(self, other: "Tally") -> "Tally":
        found = {step: count + other.found[step] for step, count in self.found.items()}
        return Tally(
            self.quiet_runs + other.quiet_runs,
            self.alarms + other.alarms,
            self.forks + other.forks,
            found,
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """Series of one kind and deviation, and what our judge did with them: alarms of any state, and critical ones."""

    kind: str
    cv_ratio: float
    values: Array
    any: Tally
    critical: Tally


def make_values(kind: str, cv_ratio: float, seed: int, series: int, runs: int) -> Array:
    """Values with shape (series, runs); the same for the same arguments, whatever else is made."""
    random = np.random.default_rng([seed, list(KINDS).index(kind), round(cv_ratio * 1000)])
    return KINDS[kind](random, series, WARM_UP + runs + FOUND_WITHIN, cv_ratio)


def fork_starts(values: Array) -> range:
    """The first runs of the forks."""
    return range(WARM_UP, values.shape[1] - FOUND_WITHIN, FORK_EVERY)


def judge_cell(
    values: Array, cv_ratio: float, limits: Limits, steps: Sequence[float] = STEPS
) -> tuple[Tally, Tally]:
    """Alarms of any state and critical ones, judged run by run as the exporter does."""
    hits = criticals = forks = runs = 0
    found, confirmed = dict.fromkeys(steps, 0), dict.fromkeys(steps, 0)
    starts = fork_starts(values)
    for row in values.tolist():
        history = History()
        quiet = row[: len(row) - FOUND_WITHIN]
        for run, (state, after) in enumerate(states(quiet, history, limits, cv_ratio)):
            if run in starts:
                forks += 1
                for step in steps:
                    stepped = [value * (1 + step) for value in row[run : run + FOUND_WITHIN]]
                    seen = {state for state, _ in states(stepped, history, limits, cv_ratio)}
                    found[step] += not seen.isdisjoint(("warning", "critical"))
                    confirmed[step] += "critical" in seen
            if run >= WARM_UP:
                runs += 1
                hits += state in ("warning", "critical")
                criticals += state == "critical"
            history = after
    return Tally(runs, hits, forks, found), Tally(runs, criticals, forks, confirmed)


@dataclass(frozen=True, slots=True)
class Scores:
    """A peer rule's score of each quiet run, and for each step the highest score that each fork reached."""

    quiet: Array
    forks: Mapping[float, Array]

    def tally(self, threshold: float) -> Tally:
        """What the rule does with a threshold."""
        found = {step: int((best > threshold).sum()) for step, best in self.forks.items()}
        return Tally(
            self.quiet.size,
            int((self.quiet > threshold).sum()),
            len(next(iter(self.forks.values()))),
            found,
        )

    def threshold_for(self, alarms: int) -> float:
        """The lowest threshold with no more than so many false alarms."""
        return float(np.partition(self.quiet, -alarms - 1)[-alarms - 1])


def score_cells(rule: PeerRule, cells: Sequence[Cell], steps: Sequence[float] = STEPS) -> Scores:
    """The scores of all runs of all cells; shape (runs,)."""
    quiet = [
        scores(rule, cell.values[:, WARM_UP - rule.runs : -FOUND_WITHIN]).ravel() for cell in cells
    ]
    forks: dict[float, list[Array]] = {step: [] for step in steps}
    for cell in cells:
        for start in fork_starts(cell.values):
            before, runs = (
                cell.values[:, start - rule.runs : start],
                cell.values[:, start : start + FOUND_WITHIN],
            )
            for step in steps:
                forks[step].append(
                    scores(rule, np.hstack((before, runs * (1 + step)))).max(axis=-1)
                )
    return Scores(
        np.concatenate(quiet), {step: np.concatenate(best) for step, best in forks.items()}
    )


def total(tallies: Sequence[Tally]) -> Tally:
    first, *others = tallies
    return sum(others, start=first)


def promised(cells: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.kind in PROMISED_KINDS and cell.cv_ratio <= PROMISED_CV]


def targets(cells: Sequence[Cell]) -> list[Figure]:
    """The promise, and each peer rule at the threshold at which it is wrong as often as our critical state."""
    ours = total([cell.critical for cell in promised(cells)])
    found = Figure(
        f"{PROMISED_STEP:.0%} steps critical within {FOUND_WITHIN} runs",
        ours.share(PROMISED_STEP),
        "%",
        at_least=95.0,
    )
    figures = [
        Figure("critical false alarms", ours.per_thousand, "per 1,000 quiet runs", at_most=1.0),
        found,
    ]
    for rule in PEERS[1:]:
        scored = score_cells(rule, promised(cells), (PROMISED_STEP,))
        theirs = scored.tally(scored.threshold_for(ours.alarms))
        figures.append(
            Figure(
                f"{_method(rule)}, at our rate of false alarms",
                theirs.share(PROMISED_STEP),
                "%",
                ours=found,
            )
        )
    return figures


def by_kind(cells: Sequence[Cell]) -> str:
    """Our judge on each kind of noise; each peer on the promised step, at the threshold with our critical false alarms on that noise."""
    peers = PEERS[1:]
    heads = [
        *(f"{step:.0%} step" for step in STEPS),
        *(f"{PROMISED_STEP:.0%} step: {_method(rule)}" for rule in peers),
    ]
    lines = [
        f"| noise | cv | false alarms | {' | '.join(heads)} |",
        f"|---|--:|--:|{'--:|' * len(heads)}",
    ]
    for cell in cells:
        row = [
            cell.kind,
            f"{cell.cv_ratio:.0%}",
            f"{cell.critical.per_thousand:.2f} ({cell.any.per_thousand:.2f})",
        ]
        row += [
            f"{cell.critical.share(step):.1f} % ({cell.any.share(step):.1f} %)" for step in STEPS
        ]
        for rule in peers:
            scored = score_cells(rule, [cell], (PROMISED_STEP,))
            row.append(
                f"{scored.tally(scored.threshold_for(cell.critical.alarms)).share(PROMISED_STEP):.1f} %"
            )
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def by_rule(cells: Sequence[Cell], *, at_our_rate: bool) -> str:
    """All rules on all kinds of noise together, for each deviation; peers with their own thresholds or those that give our false alarms."""
    steps = " | ".join(f"{step:.0%} step" for step in STEPS)
    lines = [f"| cv | rule | false alarms | {steps} |", f"|--:|---|--:|{'--:|' * len(STEPS)}"]
    for cv_ratio in CVS:
        chosen = [cell for cell in cells if cell.cv_ratio == cv_ratio]
        critical, hits = (
            total([cell.critical for cell in chosen]),
            total([cell.any for cell in chosen]),
        )
        rows = [("**ours, critical**", critical)]
        if not at_our_rate:
            rows.append(("ours, warning or critical", hits))
        for rule in PEERS[1:] if at_our_rate else PEERS:
            scored = score_cells(rule, chosen)
            threshold = scored.threshold_for(critical.alarms) if at_our_rate else rule.threshold
            name = f"{_method(rule)} (over {threshold:.3g})" if at_our_rate else rule.name
            rows.append((name, scored.tally(threshold)))
        for name, tally in rows:
            shares = " | ".join(f"{tally.share(step):.1f} %" for step in STEPS)
            lines.append(f"| {cv_ratio:.0%} | {name} | {tally.per_thousand:.2f} | {shares} |")
    return "\n".join(lines) + "\n"


def curves(cells: Sequence[Cell], limits: Limits, cv_ratio: float) -> list[Curve]:
    """What each rule finds of the promised steps, and how many false alarms it gives, along what it can be set to. Ours are the first."""
    chosen = [cell for cell in cells if cell.cv_ratio == cv_ratio]
    judged = []
    for factor in CURVE:
        wider = {
            name: getattr(limits, name) * factor for name in ("noise_factor", "worst_run_factor")
        }
        other = msgspec.structs.replace(limits, **wider)
        by_cell = [judge_cell(cell.values, cv_ratio, other, (PROMISED_STEP,)) for cell in chosen]
        judged.append([total(tallies) for tallies in zip(*by_cell, strict=True)])
    lines = []
    for name, tallies in zip(
        ("ours, warning or critical", "ours, critical"), zip(*judged, strict=True), strict=True
    ):
        points = [_point(tally) for tally in tallies]
        lines.append(Curve(name, points, [points[CURVE.index(1.0)]]))
    for rule in PEERS[1:]:
        scored = score_cells(rule, chosen, (PROMISED_STEP,))
        alarms = np.unique(np.geomspace(1, scored.quiet.size / 10, 60).astype(int))
        points = [_point(scored.tally(scored.threshold_for(int(count)))) for count in alarms]
        defaults = [
            _point(scored.tally(other.threshold))
            for other in PEERS
            if _method(other) == _method(rule)
        ]
        lines.append(Curve(_method(rule), points, defaults))
    return lines


def _point(tally: Tally) -> tuple[float, float]:
    return tally.per_thousand, tally.share(PROMISED_STEP)


def while_young(cells: Sequence[Cell], limits: Limits) -> Tally:
    """What the judge does with the first runs that it judges, until the window is full."""
    runs = hits = 0
    for cell in cells:
        for row in cell.values[:, : limits.window_runs].tolist():
            seen = [state for state, _ in states(row, History(), limits, cell.cv_ratio)][
                limits.least_runs :
            ]
            runs += len(seen)
            hits += seen.count("critical")
    return Tally(runs, hits, 0, {})


def slow_drift(limits: Limits, seed: int, series: int) -> str:
    """Series that become slower by little each run: how much slower they are when first critical, with and without a pinned baseline."""
    lines = [
        "| slower each run by | cv | against the rolling median | with a pinned baseline |",
        "|--:|--:|---|---|",
    ]
    for per_run in DRIFTS:
        for cv_ratio in (0.02, 0.05):
            runs = round(DRIFT_TO / per_run)
            values = make_values("log-normal", cv_ratio, seed, series, runs)[:, : WARM_UP + runs]
            drift = 1 + per_run * np.maximum(0, np.arange(WARM_UP + runs) - WARM_UP + 1)
            row = [f"{per_run:.2%} | {cv_ratio:.0%}"]
            for pins in (False, True):
                at = [
                    _first_critical(line, limits, cv_ratio, pins=pins)
                    for line in (values * drift).tolist()
                ]
                slower = sorted(per_run * (run - WARM_UP + 1) for run in at if run is not None)
                row.append(
                    f"{len(slower) / series:.0%} found, half of them by +{slower[len(slower) // 2]:.0%}"
                    if slower
                    else "never found"
                )
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _first_critical(
    values: Sequence[float], limits: Limits, cv_ratio: float, *, pins: bool
) -> int | None:
    """The run after the warm-up that is critical first; what is pinned is the last one before."""
    *_, (_, before) = states(values[:WARM_UP], History(), limits, cv_ratio)
    judged = states(
        values[WARM_UP:], before, limits, cv_ratio, values[WARM_UP - 1] if pins else None
    )
    return next(
        (run for run, (state, _) in enumerate(judged, start=WARM_UP) if state == "critical"), None
    )


def _method(rule: PeerRule) -> str:
    """The rule's name without its threshold."""
    return rule.name.partition(",")[0]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--series",
        type=int,
        default=100,
        help="series of each kind of noise and deviation (default: %(default)s)",
    )
    parser.add_argument(
        "--runs", type=int, default=500, help="quiet runs of each that count (default: %(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=SEED,
        help="another one gives other series (default: %(default)s)",
    )
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
    options = parser.parse_args(arguments)
    started = time.monotonic()
    limits = load_config(options.config).judgement
    cells = []
    for kind in KINDS:
        for cv_ratio in CVS:
            progress(f"judging {options.series} series, {kind}, cv {cv_ratio:.0%}")
            values = make_values(kind, cv_ratio, options.seed, options.series, options.runs)
            cells.append(Cell(kind, cv_ratio, values, *judge_cell(values, cv_ratio, limits)))
    progress("the rules of other tools")
    figures = targets(cells)
    young = while_young(promised(cells), limits)
    figures.append(
        Figure(
            f"critical false alarms per 1,000 of runs {limits.least_runs + 1} to {limits.window_runs}",
            young.per_thousand,
            "",
        )
    )
    common = [cell for cell in cells if cell.kind in PROMISED_KINDS]
    each = f"{cells[0].any.quiet_runs:,} quiet runs and {cells[0].any.forks:,} forks for each kind of noise and deviation"
    parts = [
        f"# `python -m benchmarks.detection`\n\nSeed {options.seed}, {each}. [docs/detection.md](../../docs/detection.md) explains.\n",
        f"## The promise: {', '.join(PROMISED_KINDS)}, cv ≤ {PROMISED_CV:.0%}\n\n{table(figures)}",
        f"## Peers at our rate of critical false alarms\n\n{by_rule(common, at_our_rate=True)}",
        f"## Peers with their own thresholds\n\n{by_rule(common, at_our_rate=False)}",
        f"## Ours by kind of noise: critical (at least a warning), and peers at as many critical false alarms\n\n{by_kind(cells)}",
    ]
    progress("slow drift")
    parts.append(f"## Slow drift\n\n{slow_drift(limits, options.seed, options.series)}")
    progress("curves")
    curve_cells = [
        replace(cell, values=cell.values[: max(1, options.series // 2)]) for cell in common
    ]
    picture = options.output.with_suffix(".svg")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    draw(
        picture,
        {cv_ratio: curves(curve_cells, limits, cv_ratio) for cv_ratio in PICTURED_CVS},
        step=PROMISED_STEP,
        within=FOUND_WITHIN,
    )
    text = "\n".join(parts)
    options.output.write_text(text, encoding="utf-8")
    print(
        f"{text}\nwritten to {options.output} and {picture} in {time.monotonic() - started:.0f} s"
    )
    return 1 if any(figure.missed for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
