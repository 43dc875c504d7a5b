"""How well change points are found: on real histories, steps put in, simulated noise; and how fast.

Real series are in a folder beside the checkout, whose README.md describes them; without it, that
part is left out. Otava and plain E-divisive are measured where `apache-otava` is installed, which
is not among this project's requirements; `otava_rule` says how to add it.
"""

import argparse
import importlib
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark_exporter.changes import MOST_RUNS, find_changes
from benchmarks.histories import SERIES, Series, Stretch, load, quiet_stretches
from benchmarks.noise import KINDS
from benchmarks.report import RESULTS, percentile, progress

# A change is found if it is placed so few runs away.
WITHIN_RUNS = 2
STEPS = (0.03, 0.05, 0.10, 0.20, 0.50)
# Of a quiet stretch, a step is put in so many runs after its first and before its last.
FIRST, LAST, LEAST_RUNS = 20, 12, 60
# Real stretches by their cv, up to these.
CV_CLASSES = (0.02, 0.05, 0.30)
SIMULATED_CVS, SIMULATED_RUNS, SIMULATED_STEP = (0.01, 0.02, 0.05, 0.10), 200, 0.10
# What hindsight is certain of has so many runs before it.
RUNS_BEFORE = 12
E_DIVISIVE_P_VALUE = 0.01
TARGET_MS = 10.0
SEED = 2026


class Finder(NamedTuple):
    """`find` gives the indexes of the first runs after changes.

    It is tried on every `every`th series, as plain E-divisive takes seconds.
    """

    name: str
    find: Callable[[Sequence[float]], Sequence[int]]
    every: int = 1


def ours(values: Sequence[float]) -> list[int]:
    return [change.at for change in find_changes(values)]


def finders() -> list[Finder]:
    """Ours, and those of Otava if it is installed."""
    found = [Finder("this project", ours)]
    try:
        analysis = importlib.import_module("otava.analysis")
    except ImportError:
        progress("apache-otava is not installed: no peers")
        return found

    def otava(values: Sequence[float]) -> list[int]:
        return [int(point.index) for point in analysis.compute_change_points(values)[0]]

    def e_divisive(values: Sequence[float]) -> list[int]:
        points, _ = analysis.compute_change_points_orig(
            values, max_pvalue=E_DIVISIVE_P_VALUE, seed=SEED
        )
        return [int(point.index) for point in points]

    return [
        *found,
        Finder("Otava 0.8", otava),
        Finder("plain E-divisive, every 25th series", e_divisive, every=25),
    ]


def is_found(found: Sequence[int], at: int) -> bool:
    return any(abs(each - at) <= WITHIN_RUNS for each in found)


class Tally(NamedTuple):
    """How many of how many."""

    hits: int = 0
    of: int = 0

    def plus(self, hits: int, of: int = 1) -> "Tally":
        return Tally(self.hits + hits, self.of + of)

    @property
    def percent(self) -> str:
        return f"{100 * self.hits / self.of:.0f} %" if self.of else "–"

    @property
    def per_thousand(self) -> str:
        return f"{1000 * self.hits / self.of:.2f}" if self.of else "–"


def hindsight(finder: Finder, series: Sequence[Series]) -> dict[str, str]:
    """Steps of the newest MOST_RUNS runs that hindsight is certain of, and what else was found."""
    certain, known, quiet = Tally(), Tally(), Tally()
    for each in series[:: finder.every]:
        start = max(0, len(each.values) - MOST_RUNS)
        found = [start + at for at in finder.find(each.values[start:])]
        for step in each.steps:
            if step["certain"] and step["at"] >= start + RUNS_BEFORE:
                certain = certain.plus(is_found(found, step["at"]))
        for at in found:
            known = known.plus(is_found([step["at"] for step in each.steps], at))
        for first, last in each.quiet:
            begin = max(first, start)
            if last - begin >= 2 * RUNS_BEFORE:
                inside = sum(begin + WITHIN_RUNS < at < last - WITHIN_RUNS for at in found)
                quiet = quiet.plus(inside, last - begin)
    return {
        "steps that hindsight is certain of": certain.percent,
        "changes found that hindsight knows of, certain or not": known.percent,
        "changes per 1,000 runs of the same series that hindsight calls quiet": quiet.per_thousand,
    }


def put_in(finder: Finder, stretches: Sequence[Stretch], seed: int) -> dict[str, str]:
    """False change points of quiet stretches, and steps put into them."""
    drawn = random.Random(seed)  # noqa: S311 - a sample, no secret
    false = Tally()
    found = {(step, cv): Tally() for cv in CV_CLASSES for step in STEPS}
    for number, stretch in enumerate(stretches):
        values = stretch.values[:MOST_RUNS]
        places = [drawn.randrange(FIRST, len(values) - LAST) for _ in STEPS]
        if number % finder.every:
            continue
        false = false.plus(len(finder.find(values)), len(values))
        cv_class = next(cv for cv in CV_CLASSES if stretch.cv_ratio <= cv)
        for step, at in zip(STEPS, places, strict=True):
            changed = [*values[:at], *(value * (1 + step) for value in values[at:])]
            tally = found[step, cv_class]
            found[step, cv_class] = tally.plus(is_found(finder.find(changed), at))
    sizes = " · ".join(f"{100 * step:.0f}" for step in STEPS)
    rows = {"false changes per 1,000 runs of quiet stretches alone": false.per_thousand}
    for cv in CV_CLASSES:
        tallies = [found[step, cv] for step in STEPS]
        rows[f"steps of {sizes} % put in, cv ≤ {cv:.0%}"] = " · ".join(
            tally.percent.removesuffix(" %") for tally in tallies
        )
    return rows


def simulated(finder: Finder, count: int, seed: int) -> dict[str, str]:
    """False change points on simulated noise, by kind and cv, and steps of 10 %."""
    rows = {}
    for kind, noise in KINDS.items():
        false, steps = [], []
        for cv in SIMULATED_CVS:
            drawn = np.random.default_rng(seed)
            quiet, found = Tally(), Tally()
            for row in noise(drawn, count, SIMULATED_RUNS, cv).tolist()[:: finder.every]:
                quiet = quiet.plus(len(finder.find(row)), len(row))
                at = int(drawn.integers(FIRST, SIMULATED_RUNS - LAST))
                changed = [*row[:at], *(value * (1 + SIMULATED_STEP) for value in row[at:])]
                found = found.plus(is_found(finder.find(changed), at))
            false.append(quiet.per_thousand)
            steps.append(found.percent.removesuffix(" %"))
        rows[f"{kind}: false per 1,000 runs"] = " · ".join(false)
        rows[f"{kind}: steps of {SIMULATED_STEP:.0%}, %"] = " · ".join(steps)
    return rows


def durations(finder: Finder, count: int, seed: int) -> dict[str, str]:
    """The CPU time that MOST_RUNS values take, quiet ones of each kind of noise."""
    took_ms = []
    for noise in KINDS.values():
        rows = noise(np.random.default_rng(seed), count, MOST_RUNS, 0.05).tolist()
        for row in rows[:: finder.every]:
            started = time.thread_time()
            finder.find(row)
            took_ms.append(1e3 * (time.thread_time() - started))
    typical, worst = percentile(took_ms, 50), percentile(took_ms, 99)
    return {f"{MOST_RUNS} values, p50 · p99": f"{typical:.1f} · {worst:.1f} ms"}


def table(columns: Mapping[str, Mapping[str, str]]) -> str:
    """Figures by what they are, a column for each finder, in Markdown."""
    lines = [f"| figure | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    for what in next(iter(columns.values())):
        cells = [column[what] for column in columns.values()]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def report(options: argparse.Namespace) -> str:
    """All tables in Markdown."""
    known = finders()
    cvs = " · ".join(f"{100 * cv:.0f}" for cv in SIMULATED_CVS)
    parts = [
        f"""# `python -m benchmarks.change_points`

Seed {options.seed}. A change is found if it is placed within {WITHIN_RUNS} runs of where it is.
Every series has at most its newest {MOST_RUNS} runs.
[docs/detection.md](../../docs/detection.md#change-points) explains.
"""
    ]
    if (options.folder / "segments.json").is_file():
        series = load(options.folder)
        stretches = [each for each in quiet_stretches(series) if len(each.values) >= LEAST_RUNS]
        progress("real series")
        real = {
            each.name: hindsight(each, series) | put_in(each, stretches, options.seed)
            for each in known
        }
        parts.append(
            f"## Real histories\n\n{len(series)} series, {len(stretches)} quiet stretches. "
            f"Shares in percent.\n\n{table(real)}"
        )
    progress("simulated noise")
    noise = {each.name: simulated(each, options.series, options.seed) for each in known}
    parts.append(
        f"## Simulated noise of cv {cvs} %\n\n{options.series} series of {SIMULATED_RUNS} runs of "
        f"each kind and cv.\n\n{table(noise)}"
    )
    progress("durations")
    took = {each.name: durations(each, options.series, options.seed) for each in known}
    parts.append(
        f"## CPU time\n\nThe target is {TARGET_MS:.0f} ms a series. Otava uses numpy and SciPy.\n\n"
        f"{table(took)}"
    )
    return "\n".join(parts)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.change_points", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, default=SERIES, help="default: %(default)s")
    parser.add_argument(
        "--series", type=int, default=100, help="of each kind of noise (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="draws them (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "change_points.md")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    text = report(options)
    options.output.write_text(text, encoding="utf-8")
    print(f"{text}\nwritten to {options.output} in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
