"""Simulated suites of benchmarks, forked every so often, and what is reported of the forks.

Each result has noise of its own. In a fork all, some or none of the results are slower. The rule
for environment shifts that the exporter had before sees the same verdicts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from benchmark_exporter.judge import SeriesState, Verdict, judge
from benchmark_exporter.model import REGRESSED
from benchmark_exporter.regression import Limits
from benchmark_exporter.shifts import RunResult, RunShift, extent, find_run_shift
from benchmarks.noise import KINDS, Array
from benchmarks.online import SECONDS_BETWEEN_RUNS

WARM_UP, FORK_EVERY = 70, 20
# A shift should be reported with the run that would confirm a regression. It becomes the level
# after the eighth run.
CALLED_WITHIN, FOLLOWED = 3, 8
ALL, SOME, ONE = "all +{:.0%}", "{:.0%} of them +15%", "all +8%, one of them +30% more"
STEPS, SHARES = (0.08, 0.15, 0.30), (0.2, 0.5, 0.8)


@dataclass
class Tally:
    """What happened in the forks of one kind, and in those of the rule before."""

    cases: int = 0
    called: int = 0  # as a shift, within three runs
    ever: int = 0  # within eight
    quiet: int = 0  # no result was reported that is not reported without the change
    reported: int = 0  # results that were, and are not without the change
    extent_of_all: int = 0  # "nearly all, but cannot be told from the machine"
    one_found: int = 0
    before_ever: int = 0
    before_quiet: int = 0
    before_reported: int = 0

    def add(self, other: "Tally") -> None:
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class Cell:
    """Suites of one size, kind of noise and deviation."""

    size: int
    kind: str
    cv_ratio: float
    forks: dict[str, Tally] = field(default_factory=dict)
    quiet: Counter[str] = field(default_factory=Counter)


def was_shift(verdicts: Sequence[Verdict]) -> bool:
    """The rule before: at least half of at least four results have such a verdict at once."""
    judged = [verdict.state for verdict in verdicts if verdict.state != "insufficient_data"]
    if len(judged) < 4:
        return False
    worse = sum(state in REGRESSED for state in judged)
    return max(worse, judged.count("improved")) >= 0.5 * len(judged)


def changes(size: int) -> Iterator[tuple[str, Array]]:
    """By what factor each result of a suite becomes slower."""
    for step in STEPS:
        yield ALL.format(step), np.full(size, 1 + step)
    for share in SHARES if size >= 10 else ():
        yield SOME.format(share), np.where(np.arange(size) < share * size, 1.15, 1.0)
    if size >= 10:
        yield ONE, np.where(np.arange(size) < 1, 1.08 * 1.30, 1.08)


class Suite:
    """Judges the runs of a suite; lower is better."""

    def __init__(self, limits: Limits, states: Sequence[SeriesState], run: int = 0) -> None:
        self._limits = limits
        self._states = states
        self._run = run

    def fork(self) -> "Suite":
        return Suite(self._limits, self._states, self._run)

    def step(self, values: Sequence[float]) -> tuple[Sequence[RunResult], RunShift]:
        """The verdicts on the next run, and whether its results moved together."""
        judged, states = [], []
        for number, (state, value) in enumerate(zip(self._states, values, strict=True)):
            at_seconds = self._run * SECONDS_BETWEEN_RUNS
            one, after = judge(state, value, at_seconds, better="lower", limits=self._limits)
            judged.append(RunResult(f"{number:03}", "seconds", "lower", one, partial(_same, after)))
            states.append(after)
        self._states = states
        self._run += 1
        return judged, find_run_shift(judged, self._limits) or RunShift()


def _same(state: SeriesState) -> SeriesState:
    return state


@dataclass
class Reported:
    """The critical results that were reported in a fork; by the rule before, too."""

    names: set[str] = field(default_factory=set)
    before: set[str] = field(default_factory=set)


def follow(suite: Suite, values: Array, factors: Array, limits: Limits) -> tuple[Tally, Reported]:
    """What happens in the runs of a fork."""
    tally, reported = Tally(cases=1), Reported()
    for run in range(FOLLOWED):
        judged, shift = suite.step((values[:, run] * factors).tolist())
        critical = {each.name for each in judged if each.verdict.state == "critical"}
        reported.names |= critical - shift.muted
        if was_shift([each.verdict for each in judged]):
            tally.before_ever = 1
        else:
            reported.before |= critical
        if shift.active:
            tally.ever = 1
            tally.called = max(tally.called, int(run < CALLED_WITHIN))
        left = [
            each.verdict.worsening_ratio or 0.0
            for each in judged
            if each.verdict.state in REGRESSED and each.name not in shift.muted
        ]
        found = extent(left, len(judged), limits)
        tally.extent_of_all |= found is not None and found.kind == "all"
    return tally, reported


def measure(cell: Cell, cases: int, limits: Limits, seed: int) -> Cell:
    """Judges a suite run by run, and forks it every so often."""
    random = np.random.default_rng(
        [seed, cell.size, list(KINDS).index(cell.kind), round(cell.cv_ratio * 1000)]
    )
    last = WARM_UP + cases * FORK_EVERY
    values = KINDS[cell.kind](random, cell.size, last + FOLLOWED, cell.cv_ratio)
    suite = Suite(limits, [SeriesState()] * cell.size)
    for run in range(last):
        if run >= WARM_UP and (run - WARM_UP) % FORK_EVERY == 0:
            following = values[:, run : run + FOLLOWED]
            _, anyway = follow(suite.fork(), following, np.ones(cell.size), limits)
            cell.quiet["forks"] += 1
            cell.quiet["without"] += not anyway.names
            for name, factors in changes(cell.size):
                tally, reported = follow(suite.fork(), following, factors, limits)
                moved = {f"{number:03}" for number in np.flatnonzero(factors == 1.08 * 1.30)}
                names = reported.names - anyway.names - moved
                tally.reported, tally.quiet = len(names), int(not names)
                tally.one_found = int(bool(moved & reported.names))
                before = reported.before - anyway.before - moved
                tally.before_reported, tally.before_quiet = len(before), int(not before)
                cell.forks.setdefault(name, Tally()).add(tally)
        judged, shift = suite.step(values[:, run].tolist())
        if run >= WARM_UP:
            cell.quiet["runs"] += 1
            cell.quiet["shifts"] += shift.active
            cell.quiet["muted"] += bool(shift.muted)
            cell.quiet["before"] += was_shift([each.verdict for each in judged])
    return cell
