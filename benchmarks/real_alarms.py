"""What rules do on real histories: runs in alarm, and steps put in that are found.

A rule with states is run once for each setting; a peer's scores are taken once, and each threshold
turns them into alarms.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.histories import Series, Stretch, quiet_stretches
from benchmarks.online import CRITICAL, OnlineRule
from benchmarks.peers import Peer
from benchmarks.real_series import FIRST, LAST

STEPS, WITHIN = (0.10, 0.20, 0.50), 3
THRESHOLDS = 300

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Place:
    """Where steps are put in: a run of a quiet stretch."""

    stretch: int
    run: int


@dataclass(frozen=True, slots=True)
class Alarms:
    """What a rule did at one setting.

    `quiet` has the runs in alarm of each stretch, `before` whether each place was in alarm before
    its step, `found` by step whether it was found, `in_alarm` the share of all runs.
    """

    quiet: Sequence[Flags]
    before: Flags
    found: dict[float, Flags]
    in_alarm: float

    def onsets(self, chosen: Sequence[int]) -> float:
        """Per 1,000 quiet runs of some stretches."""
        began = runs = 0
        for index in chosen:
            alarms = self.quiet[index]
            counted = alarms[FIRST : len(alarms) - LAST]
            began += int((counted & ~alarms[FIRST - 1 : len(alarms) - LAST - 1]).sum())
            runs += len(counted)
        return 1000 * began / max(runs, 1)

    def share(self, step: float, chosen: Flags) -> float:
        """Percent found of the steps at some places that were not in alarm before."""
        free = chosen & ~self.before
        return 100 * float(self.found[step][free].mean()) if free.any() else float("nan")


class Histories:
    """The series, their quiet stretches, and the places where steps are put in."""

    def __init__(self, series: Sequence[Series], places: int, seed: int) -> None:
        self.series = [each.values for each in series]
        self.stretches: Sequence[Stretch] = quiet_stretches(series)
        every = [
            Place(index, run)
            for index, stretch in enumerate(self.stretches)
            for run in range(FIRST, len(stretch.values) - LAST)
        ]
        self.places = random.Random(seed).sample(every, min(places, len(every)))  # noqa: S311 - a sample

    def stepped(self, place: Place, step: float) -> list[float]:
        values = self.stretches[place.stretch].values[place.run : place.run + WITHIN]
        return [value * (1 + step) for value in values]

    def of_class(self, least: float, most: float) -> list[int]:
        return [i for i, each in enumerate(self.stretches) if least <= each.cv_ratio < most]

    def of_source(self, source: str) -> list[int]:
        return [i for i, each in enumerate(self.stretches) if each.source == source]

    def at(self, stretches: Sequence[int]) -> Flags:
        """Which places are in some stretches."""
        wanted = set(stretches)
        return np.asarray([place.stretch in wanted for place in self.places])

    @property
    def sources(self) -> list[str]:
        return sorted({each.source for each in self.stretches})


def judged(rule: OnlineRule, histories: Histories) -> Alarms:
    """What a rule does that has states."""
    quiet, states = [], []
    for stretch in histories.stretches:
        state, alarms, kept = rule.start(), [], []
        for value in stretch.values:
            kept.append(state)
            level, state = rule.step(state, value)
            alarms.append(level >= CRITICAL)
        quiet.append(np.asarray(alarms))
        states.append(kept)
    found: dict[float, list[bool]] = {step: [] for step in STEPS}
    for place in histories.places:
        for step in STEPS:
            state, worst = states[place.stretch][place.run], 0
            for value in histories.stepped(place, step):
                level, state = rule.step(state, value)
                worst = max(worst, level)
            found[step].append(worst >= CRITICAL)
    runs = in_alarm = 0
    for values in histories.series:
        state = rule.start()
        for value in values:
            level, state = rule.step(state, value)
            in_alarm += level >= CRITICAL
        runs += len(values)
    before = np.asarray([quiet[place.stretch][place.run - 1] for place in histories.places])
    by_step = {step: np.asarray(each) for step, each in found.items()}
    return Alarms(quiet, before, by_step, in_alarm / runs)


class Scored:
    """A peer's scores of all runs and of all steps."""

    def __init__(self, peer: Peer, histories: Histories) -> None:
        self.peer = peer
        self._quiet = [peer.scores(each.values, 0) for each in histories.stretches]
        self._all = np.concatenate([peer.scores(values, 0) for values in histories.series])
        self._before = np.asarray(
            [self._quiet[place.stretch][place.run - 1] for place in histories.places]
        )
        self._found: dict[float, Flags] = {}
        for step in STEPS:
            best = []
            for place in histories.places:
                values = histories.stretches[place.stretch].values
                known = values[max(0, place.run - peer.memory) : place.run]
                scores = peer.scores([*known, *histories.stepped(place, step)], len(known))
                best.append(scores.max())
            self._found[step] = np.asarray(best)

    def at(self, threshold: float) -> Alarms:
        return Alarms(
            [scores > threshold for scores in self._quiet],
            self._before > threshold,
            {step: best > threshold for step, best in self._found.items()},
            float((self._all > threshold).mean()),
        )

    def thresholds(self) -> list[float]:
        """From the highest to the lowest that matter, finer where few runs are above."""
        finite = np.sort(self._all[np.isfinite(self._all)])
        above = np.unique(np.geomspace(1, len(finite) / 2, THRESHOLDS).astype(int))
        return [float(finite[-count]) for count in above]


def at_most(settings: Sequence[Alarms], figure: Sequence[float], most: float) -> Alarms:
    """The last setting before a figure, which rises along them, exceeds something."""
    best = settings[0]
    for alarms, value in zip(settings, figure, strict=True):
        if value > most:
            break
        best = alarms
    return best
