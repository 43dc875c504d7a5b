"""What rules find on real histories over the false alarms that they give there.

All rules see the same quiet runs and the same steps put in. The exporter's judge is scaled as a
whole; a peer has a threshold, so one set of its scores serves for each of them.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from benchmark_exporter.judge import JudgeLimits
from benchmarks.histories import HIGHEST_CV, Stretch
from benchmarks.noise import Array
from benchmarks.online import CRITICAL, Judge, OnlineRule
from benchmarks.report import progress
from benchmarks.rules import PeerRule, score_after
from benchmarks.simulation import FOUND_WITHIN, Tally

# Of a quiet stretch, the first runs are for the rule to learn from and the last may belong to what
# comes next.
FIRST, LAST = 20, 8
STEPS = (0.10, 0.20, 0.50)
# What the curve of the judge is drawn through: the factor of the noise and the ratios, times these.
CURVE = (0.5, 0.6, 0.75, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)
CURVE_LIMITS = ("noise_factor", "small_ratio", "tolerance_ratio", "large_ratio")
# Names of the classes of deviation, by the highest that is in them.
CV_CLASSES = {
    0.02: "cv to 2 %",
    0.05: "cv 2 to 5 %",
    0.10: "cv 5 to 10 %",
    HIGHEST_CV: "cv 10 to 30 %",
}

Places = Mapping[int, Sequence[int]]  # the first runs of steps, by the number of their stretch
Group = Callable[[Stretch], str]


@dataclass
class Counts:
    """What a rule did in some stretches."""

    runs: int = 0
    alarms: int = 0
    onsets: int = 0
    places: int = 0
    found: dict[float, int] = field(default_factory=lambda: dict.fromkeys(STEPS, 0))

    @property
    def tally(self) -> Tally:
        return Tally(self.runs, self.alarms, self.onsets, self.places, self.found)


def by_cv(stretch: Stretch) -> str:
    highest = [most for most in CV_CLASSES if stretch.cv_ratio <= most]
    return CV_CLASSES[min(highest)]


def by_source(stretch: Stretch) -> str:
    return stretch.source


def draw_places(stretches: Sequence[Stretch], count: int, seed: int) -> Places:
    """Some of the quiet runs that count, each as the first of a step."""
    every = [
        (number, run)
        for number, stretch in enumerate(stretches)
        for run in range(FIRST, len(stretch.values) - LAST)
    ]
    chosen = sorted(random.Random(seed).sample(every, min(count, len(every))))  # noqa: S311 - a sample
    places: dict[int, list[int]] = {}
    for number, run in chosen:
        places.setdefault(number, []).append(run)
    return places


def judged(rule: OnlineRule, stretches: Sequence[Stretch], places: Places) -> list[Counts]:
    """What a rule that keeps a state did in each stretch."""
    return [
        _judged(rule, stretch.values, places.get(number, ()))
        for number, stretch in enumerate(stretches)
    ]


def _judged(rule: OnlineRule, values: Sequence[float], places: Sequence[int]) -> Counts:
    counts, state, before = Counts(), rule.start(), 0
    for run, value in enumerate(values):
        if run in places and before < CRITICAL:
            counts.places += 1
            for step in STEPS:
                after = state
                for slower in values[run : run + FOUND_WITHIN]:
                    level, after = rule.step(after, slower * (1 + step))
                    if level >= CRITICAL:
                        counts.found[step] += 1
                        break
        level, state = rule.step(state, value)
        if FIRST <= run < len(values) - LAST:
            counts.runs += 1
            counts.alarms += level >= CRITICAL
            counts.onsets += before < CRITICAL <= level
        before = level
    return counts


@dataclass(frozen=True, slots=True)
class Scored:
    """A peer's scores in a stretch: of the run before the first that counts and of those that do;
    and, of each place, that of the run before, and the highest of the slower runs by step.
    """

    quiet: Array
    before: Array
    best: Mapping[float, Array]

    def counts(self, threshold: float) -> Counts:
        alarms = self.quiet > threshold
        free = self.before <= threshold
        found = {step: int((free & (best > threshold)).sum()) for step, best in self.best.items()}
        onsets = int((alarms[1:] & ~alarms[:-1]).sum())
        return Counts(alarms.size - 1, int(alarms[1:].sum()), onsets, int(free.sum()), found)


def scored(rule: PeerRule, stretches: Sequence[Stretch], places: Places) -> list[Scored]:
    return [
        _scored(rule, np.array(stretch.values), places.get(number, ()))
        for number, stretch in enumerate(stretches)
    ]


def _scored(rule: PeerRule, values: Array, places: Sequence[int]) -> Scored:
    quiet = np.array(
        [
            score_after(rule, values[:run], values[run])
            for run in range(FIRST - 1, len(values) - LAST)
        ]
    )
    best: dict[float, Array] = {}
    for step in STEPS:
        highest = []
        for run in places:
            end = run + FOUND_WITHIN
            slower = np.concatenate((values[:run], values[run:end] * (1 + step)))
            highest.append(
                max(score_after(rule, slower[:at], slower[at]) for at in range(run, len(slower)))
            )
        best[step] = np.array(highest)
    return Scored(quiet, quiet[[run - FIRST for run in places]], best)


def pooled(counts: Iterable[Counts]) -> Tally:
    tallies = [each.tally for each in counts]
    total = tallies[0]
    for tally in tallies[1:]:
        total += tally
    return total


@dataclass(frozen=True, slots=True)
class Swept:
    """A rule with each of its settings: what it did in each stretch. The default is `settings[at]`.

    `settings` are in order, the strictest last.
    """

    name: str
    settings: Sequence[float]
    counts: Sequence[Sequence[Counts]]
    at: int | None

    def tallies(self, chosen: Sequence[int]) -> list[Tally]:
        """What it did in some stretches, for each setting."""
        return [pooled(each[number] for number in chosen) for each in self.counts]

    def fitted(self, measure: Callable[[Tally], float], most: float) -> int:
        """The least strict setting at which a measure of all stretches is at most so much."""
        everywhere = range(len(self.counts[0]))
        for index, tally in enumerate(self.tallies(everywhere)):
            if measure(tally) <= most:
                return index
        return len(self.settings) - 1


def sweep_judge(limits: JudgeLimits, stretches: Sequence[Stretch], places: Places) -> Swept:
    counts = []
    for factor in CURVE:
        progress(f"the judge, times {factor:g}")
        scaled = {name: getattr(limits, name) * factor for name in CURVE_LIMITS}
        rule = Judge(msgspec.structs.replace(limits, **scaled))
        counts.append(judged(rule, stretches, places))
    return Swept("ours", CURVE, counts, CURVE.index(1.0))


def sweep_peer(
    rule: PeerRule, defaults: Sequence[float], stretches: Sequence[Stretch], places: Places
) -> Swept:
    """A peer with its own threshold and many others, up to one that no quiet run reaches."""
    progress(f"{rule.method}")
    all_scored = scored(rule, stretches, places)
    every = np.concatenate([each.quiet for each in all_scored])
    finite = every[np.isfinite(every)]
    shares = 1 - np.geomspace(0.2, 1 / finite.size, 120)
    settings = sorted({*np.quantile(finite, shares).tolist(), *defaults, float(finite.max())})
    counts = [[each.counts(setting) for each in all_scored] for setting in settings]
    return Swept(rule.method, settings, counts, settings.index(defaults[0]))
