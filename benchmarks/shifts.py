"""How well a changed machine is distinguished from changed shared code, on simulated suites.

`suites` says what is simulated and counted.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmark_exporter.config import load_config, packaged
from benchmarks.noise import KINDS
from benchmarks.report import RESULTS, Figure, progress, table
from benchmarks.suites import ALL, ONE, SHARES, SOME, STEPS, Cell, Tally, changes, measure

SIZES, CVS = (50, 20, 10, 4, 3), (0.01, 0.02, 0.05)
SEED = 2027  # the constants of judge/shift.py were chosen on other seeds
_HEADS = (
    "a shift within 3 runs | within 8 | before | without a regression because of it | "
    "such regressions | before"
)


def pooled(cells: Sequence[Cell], name: str) -> Tally:
    tally = Tally()
    for cell in cells:
        if name in cell.forks:
            tally.add(cell.forks[name])
    return tally


def figures(cells: Sequence[Cell]) -> list[Figure]:
    """What is promised, for suites of 50, all kinds of noise and deviations together."""
    fifty = [cell for cell in cells if cell.size == SIZES[0]]
    found = of_fifty(fifty) if fifty else []
    quiet: Counter[str] = sum((cell.quiet for cell in cells), Counter())
    for what, name in (("shifts", "shifts"), ("shifts by the rule before", "before")):
        value = 1000 * quiet[name] / quiet["runs"]
        found.append(Figure(f"{what} among quiet runs, all sizes", value, "per 1,000 runs"))
    of_three = pooled([cell for cell in cells if cell.size == 3], ALL.format(STEPS[1]))
    if of_three.cases:
        said = 100 * of_three.extent_of_all / of_three.cases
        found.append(Figure("3 of 3 +15%: one message that leaves it open", said, "%"))
    return found


def of_fifty(fifty: Sequence[Cell]) -> list[Figure]:
    """The figures of suites of 50 results."""
    found: list[Figure] = []
    for step in STEPS:
        tally = pooled(fifty, ALL.format(step))
        for what, now, before in (
            ("called a shift within 3 runs", tally.called, None),
            ("without a regression that is not one without the shift", tally.quiet, None),
            ("the rule before: called a shift", tally.before_ever, None),
            ("the rule before: without such a regression", tally.before_quiet, None),
        ):
            least = 90.0 if not what.startswith("the rule") else before
            share = 100 * now / tally.cases
            found.append(Figure(f"50 of 50 +{step:.0%}: {what}", share, "%", at_least=least))
    unchanged: Counter[str] = sum((cell.quiet for cell in fifty), Counter())
    share_without = 100 * unchanged["without"] / unchanged["forks"]
    found.append(Figure("50 unchanged: without a regression in 8 runs", share_without, "%"))
    for share in SHARES:
        tally, of = pooled(fifty, SOME.format(share)), f"{50 * share:.0f} of 50 +15%"
        taken = 100 * tally.ever / tally.cases
        found.append(Figure(f"{of}: taken as a shift", taken, "%", at_most=2.0))
        taken = 100 * tally.before_ever / tally.cases
        found.append(Figure(f"{of}, the rule before: taken as a shift", taken, "%"))
    tally = pooled(fifty, ONE)
    found.append(
        Figure(
            "50 of 50 +8%, one +30% more: that one is reported",
            100 * tally.one_found / tally.cases,
            "%",
            at_least=95.0,
        )
    )
    return found


def by_size(cells: Sequence[Cell]) -> str:
    """A row for each change, size and deviation, all kinds of noise together."""
    lines = [
        f"| change | results | cv | {_HEADS} |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in [name for name, _ in changes(SIZES[0])]:
        for size in SIZES:
            for cv_ratio in CVS:
                chosen = [c for c in cells if (c.size, c.cv_ratio) == (size, cv_ratio)]
                tally = pooled(chosen, name)
                if tally.cases:
                    lines.append(f"| {name} | {size} | {cv_ratio:.0%} | {_row(tally)} |")
    return "\n".join(lines) + "\n"


def by_kind(cells: Sequence[Cell]) -> str:
    """The same by the kind of noise, for the largest suites with the most noise."""
    lines = [
        f"| change | noise | {_HEADS} |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    chosen = [cell for cell in cells if (cell.size, cell.cv_ratio) == (SIZES[0], CVS[-1])]
    lines += [
        f"| {name} | {cell.kind} | {_row(tally)} |"
        for name, _ in changes(SIZES[0])
        for cell in chosen
        for tally in [cell.forks[name]]
    ]
    return "\n".join(lines) + "\n"


def _row(tally: Tally) -> str:
    shares = [tally.called, tally.ever, tally.before_ever, tally.quiet]
    counts = [tally.reported, tally.before_reported]
    return " | ".join(
        [f"{100 * count / tally.cases:.0f} %" for count in shares]
        + [f"{count / tally.cases:.2f}" for count in counts]
    )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shifts", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--cases", type=int, default=40, help="forks of each kind, size, noise and deviation (40)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="another one gives other suites")
    parser.add_argument(
        "--sizes", default=",".join(map(str, SIZES)), help="how many results the suites have"
    )
    parser.add_argument("--config", type=Path, default=packaged("config.yaml"), help="limits")
    parser.add_argument("--output", type=Path, default=RESULTS / "shifts.md", help="table")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    limits = load_config(options.config).judgement
    cells = []
    for size in map(int, options.sizes.split(",")):
        for kind in KINDS:
            for cv_ratio in CVS:
                progress(f"{size} results, {kind}, cv {cv_ratio:.0%}")
                cells.append(
                    measure(Cell(size, kind, cv_ratio), options.cases, limits, options.seed)
                )
    shown = figures(cells)
    count = sum(tally.cases for cell in cells for tally in cell.forks.values())
    text = (
        f"# `python -m benchmarks.shifts`\n\nSeed {options.seed}, {count:,} forks. "
        "[docs/detection.md](../../docs/detection.md#many-results-at-once) explains. "
        "*Regressions because of it* are results that are reported one by one although they would "
        "not be without the change.\n\n"
        f"{table(shown)}\n## By size and noise\n\n{by_size(cells)}\n"
        f"## By kind of noise, {SIZES[0]} results, cv {CVS[-1]:.0%}\n\n{by_kind(cells)}"
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(f"{text}\nwritten to {options.output}")
    return int(any(figure.missed for figure in shown))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
