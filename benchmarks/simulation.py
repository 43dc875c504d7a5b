"""Simulated series, and what rules do with them: alarms on quiet runs, and steps that are found.

Series are quiet but for noise. Every so often a series is forked: in the fork the next runs are
slower by a step. A false alarm is an alarm on a run of a quiet series; a step is found when one of
the first runs of the fork raises an alarm. All rules see the same values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.noise import KINDS, Array
from benchmarks.online import CRITICAL, WARNING, OnlineRule
from benchmarks.rules import PeerRule, scores

STEPS = (0.05, 0.10, 0.20, 0.50)
# Runs before the first one that counts, so that each rule has all the history that it uses.
WARM_UP = 68
FORK_EVERY, FOUND_WITHIN = 20, 3


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rule did: runs in alarm and onsets among quiet runs, and how many steps it found.

    `onsets` is None for a rule that has no alarm to stay in.
    """

    quiet_runs: int
    alarms: int
    onsets: int | None
    forks: int
    found: Mapping[float, int]

    @property
    def per_thousand(self) -> float:
        """False alarms per 1,000 quiet runs."""
        return 1000 * self.alarms / self.quiet_runs

    @property
    def onsets_per_thousand(self) -> float:
        """False alarms that began, per 1,000 quiet runs."""
        return 1000 * (self.alarms if self.onsets is None else self.onsets) / self.quiet_runs

    def share(self, step: float) -> float:
        """Percent of the steps that were found."""
        return 100 * self.found[step] / self.forks

    def __add__(self, other: "Tally") -> "Tally":
        onsets = None if self.onsets is None or other.onsets is None else self.onsets + other.onsets
        return Tally(
            self.quiet_runs + other.quiet_runs,
            self.alarms + other.alarms,
            onsets,
            self.forks + other.forks,
            {step: count + other.found[step] for step, count in self.found.items()},
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule did with series: alarms of any state, and critical ones."""

    any: Tally
    critical: Tally

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(self.any + other.any, self.critical + other.critical)


@dataclass(frozen=True, slots=True)
class Cell:
    """Series of one kind of noise and deviation, and what the judge and the rule before it did."""

    kind: str
    cv_ratio: float
    values: Array
    ours: Judged
    earlier: Judged


def make_values(kind: str, cv_ratio: float, seed: int, series: int, runs: int) -> Array:
    """Values with shape (series, runs); the same for the same arguments, whatever else is made."""
    random = np.random.default_rng([seed, list(KINDS).index(kind), round(cv_ratio * 1000)])
    return KINDS[kind](random, series, WARM_UP + runs + FOUND_WITHIN, cv_ratio)


def fork_starts(values: Array) -> range:
    """The first runs of the forks."""
    return range(WARM_UP, values.shape[1] - FOUND_WITHIN, FORK_EVERY)


def judge_all(rule: OnlineRule, values: Array, steps: Sequence[float] = STEPS) -> Judged:
    """What a rule does with each series, judged run by run."""
    levels = (WARNING, CRITICAL)
    runs = forks = 0
    alarms, onsets = dict.fromkeys(levels, 0), dict.fromkeys(levels, 0)
    found = {level: dict.fromkeys(steps, 0) for level in levels}
    starts = fork_starts(values)
    for row in values.tolist():
        state, before = rule.start(), 0
        for run, value in enumerate(row[:-FOUND_WITHIN]):
            if run in starts:
                forks += 1
                for step in steps:
                    worst = worst_level(rule, state, row[run : run + FOUND_WITHIN], 1 + step)
                    for level in levels:
                        found[level][step] += worst >= level
            now, state = rule.step(state, value)
            if run >= WARM_UP:
                runs += 1
                for level in levels:
                    alarms[level] += now >= level
                    onsets[level] += now >= level > before
            before = now
    hits, criticals = (
        Tally(runs, alarms[level], onsets[level], forks, found[level]) for level in levels
    )
    return Judged(hits, criticals)


def worst_level(rule: OnlineRule, state: object, values: Sequence[float], factor: float) -> int:
    """The worst that a rule says of runs that follow a state, slower by a factor."""
    worst = 0
    for value in values:
        level, state = rule.step(state, factor * value)
        worst = max(worst, level)
    return worst


@dataclass(frozen=True, slots=True)
class Scores:
    """A peer rule's score of each quiet run, and for each step the highest score of each fork."""

    quiet: Array
    forks: Mapping[float, Array]

    def tally(self, threshold: float) -> Tally:
        """What the rule does with a threshold."""
        return Tally(
            self.quiet.size,
            int((self.quiet > threshold).sum()),
            None,
            len(next(iter(self.forks.values()))),
            {step: int((best > threshold).sum()) for step, best in self.forks.items()},
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
            before = cell.values[:, start - rule.runs : start]
            runs = cell.values[:, start : start + FOUND_WITHIN]
            for step in steps:
                stepped = np.hstack((before, runs * (1 + step)))
                forks[step].append(scores(rule, stepped).max(axis=-1))
    return Scores(
        np.concatenate(quiet), {step: np.concatenate(best) for step, best in forks.items()}
    )
