"""Simulate comparisons of two versions: `python -m benchmarks.comparing`.

How often equal versions get a wrong verdict, how often a real change is found, and what
interleaving gains over measuring base first, then head, on a machine that drifts.
"""

import argparse
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmark_exporter.compare.comparison import Comparison
from benchmark_exporter.compare.documents import Quantity
from benchmark_exporter.compare.rounds import Plan, compare
from benchmark_exporter.compare.statistics import difference, error_of_look, estimate, outcome
from benchmarks.report import RESULTS, Figure, progress, write

CV, CHANGE, DETECT = 0.01, 0.02, 0.02
# A machine that becomes 3 % slower over a comparison of 100 runs, evenly.
DRIFT_A_RUN, DRIFT_ROUNDS = 0.0003, 25


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print and write the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparing", description=__doc__)
    parser.add_argument("--suites", type=int, default=500, metavar="N", help="suites (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--output", type=Path, default=RESULTS / "comparing.md", metavar="FILE")
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)  # noqa: S311  # simulation, not a secret
    figures = [
        *_equal(chance, options.suites),
        *_changed(chance, 1, options.suites),
        *_changed(chance, 20, max(1, options.suites // 20)),
        *_drifting(chance, options.suites),
    ]
    write(
        options.output,
        f"python -m benchmarks.comparing --suites={options.suites} --seed={options.seed}",
        figures,
    )
    return 0


def _simulate(chance: random.Random, results: int, change_ratio: float) -> Comparison:
    quantities = [Quantity(str(number), "seconds", "lower") for number in range(results)]

    def side(factor: float) -> Callable[[], Mapping[Quantity, float]]:
        return lambda: {each: factor * math.exp(chance.gauss(0, CV)) for each in quantities}

    plan = Plan(DETECT, max_seconds=math.inf, seed=chance.getrandbits(30))
    return compare(side(1.0), side(1.0 + change_ratio), plan, monotonic=lambda: 0.0)


def _equal(chance: random.Random, suites: int) -> Sequence[Figure]:
    progress(f"{suites} suites of 20 equal results")
    wrong, outcomes = Counter[str](), Counter[str | None]()
    for _ in range(suites):
        found = {each.outcome for each in _simulate(chance, 20, 0.0).results}
        outcomes.update(each or "" for each in found)
        wrong.update(each for each in ("worse", "better") if each in found)
    what = f"of {suites:,} suites of 20 equal results, cv {CV:.0%}"
    return [
        Figure(f"{what}, any called worse", 100 * wrong["worse"] / suites, "%", 0.5),
        Figure(f"{what}, any called better", 100 * wrong["better"] / suites, "%"),
        Figure(f"{what}, any left undecided", 100 * outcomes["undecided"] / suites, "%"),
    ]


def _changed(chance: random.Random, results: int, suites: int) -> Sequence[Figure]:
    progress(f"{suites} suites of {results} results, each {CHANGE:.0%} slower")
    outcomes, rounds = Counter[str | None](), 0
    started = time.process_time()
    for _ in range(suites):
        comparison = _simulate(chance, results, CHANGE)
        outcomes.update(each.outcome for each in comparison.results)
        rounds += comparison.rounds
    count = suites * results
    what = f"{count:,} results in suites of {results}, each {CHANGE:.0%} slower, cv {CV:.0%}"
    return [
        Figure(f"{what}: called worse", 100 * outcomes["worse"] / count, "%"),
        Figure(f"{what}: called the same", 100 * outcomes["same"] / count, "%"),
        Figure(f"{what}: rounds of 4 runs, mean", rounds / suites, ""),
        Figure(f"{what}: own CPU a result", 1e3 * (time.process_time() - started) / count, "ms"),
    ]


def _drifting(chance: random.Random, suites: int) -> Sequence[Figure]:
    """The same values in both orders: ABBA, and base first, then head."""
    progress(f"{suites} comparisons on a machine that drifts")
    wrong = Counter[str]()
    for _ in range(suites):
        values = [
            math.exp(chance.gauss(0, CV) + DRIFT_A_RUN * number)
            for number in range(4 * DRIFT_ROUNDS)
        ]
        half = len(values) // 2
        orders = {
            "in turn": [
                difference([first, fourth], [second, third])
                for first, second, third, fourth in zip(*[iter(values)] * 4, strict=True)
            ],
            "base first, then head": [
                difference(values[at : at + 2], values[half + at : half + at + 2])
                for at in range(0, half, 2)
            ],
        }
        for order, differences in orders.items():
            change = estimate(differences, "lower", chance.getrandbits(30))
            wrong[order] += outcome(change, DETECT, error_of_look(0, 1)) == "worse"
    drift = f"equal versions, {DRIFT_A_RUN * 4 * DRIFT_ROUNDS:.0%} slower by the end"
    return [
        Figure(f"{drift}, measured {order}: called worse", 100 * wrong[order] / suites, "%")
        for order in ("in turn", "base first, then head")
    ]


if __name__ == "__main__":
    raise SystemExit(main())
