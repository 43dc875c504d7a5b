"""The judge and other tools' rules on real histories, at equal onsets and at equal runs in alarm.

The series are those of `real_series`. Each rule is measured along its threshold: what it finds of
steps that are put in, over the false alarms that begin in quiet stretches and over the runs that
are in alarm; overall, by deviation and by source.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from benchmark_exporter.judge import JudgeLimits
from benchmarks.earlier_rule import EarlierRule
from benchmarks.histories import SERIES, Series, Stretch, load, quiet_stretches
from benchmarks.online import CRITICAL, Judge, OnlineRule
from benchmarks.peers import PEERS, Otava, Peer
from benchmarks.real_picture import Line, draw
from benchmarks.real_series import FIRST, LAST, SEED
from benchmarks.report import RESULTS, progress

STEPS, WITHIN = (0.10, 0.20, 0.50), 3
PICTURED_STEP = 0.20
# Deviations: [from, to).
CLASSES = ((0.0, 0.02), (0.02, 0.05), (0.05, 0.30))
# What the judge's curve is drawn through: the factor of the noise and the ratios, times these.
CURVE = (0.6, 0.75, 0.9, 1.0, 1.15, 1.4, 1.8, 2.5, 4.0)
SCALED = ("noise_factor", "small_ratio", "tolerance_ratio", "large_ratio")
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


def row(name: str, alarms: Alarms, histories: Histories) -> str:
    """A line of a table: onsets, runs in alarm, steps found, and the spread over sources."""
    everywhere = list(range(len(histories.stretches)))
    onsets, found = [], []
    for source in histories.sources:
        chosen = histories.of_source(source)
        onsets.append(alarms.onsets(chosen))
        share = alarms.share(PICTURED_STEP, histories.at(chosen))
        if share == share:  # a source may have no place
            found.append(share)
    steps = " · ".join(f"{alarms.share(s, histories.at(everywhere)):.0f}" for s in STEPS)
    by_class = " · ".join(
        f"{alarms.share(PICTURED_STEP, histories.at(histories.of_class(*each))):.0f}"
        for each in CLASSES
    )
    return (
        f"| {name} | {alarms.onsets(everywhere):.2f} | {100 * alarms.in_alarm:.1f} % | {steps} | "
        f"{by_class} | {statistics.median(onsets):.2f} · {max(onsets):.2f} | "
        f"{min(found):.0f} – {max(found):.0f} |"
    )


HEADINGS = (
    "rule",
    "onsets per 1,000 quiet runs",
    "runs in alarm",
    "10 · 20 · 50 % steps within 3 runs, %",
    "20 % steps by cv: < 2 · 2–5 · > 5 %",
    "onsets by source: median · worst",
    "20 % steps by source: from – to",
)
HEAD = f"| {' | '.join(HEADINGS)} |\n|---|{'--:|' * (len(HEADINGS) - 1)}"


def report(
    histories: Histories, judges: Sequence[Alarms], earlier: Alarms, peers: Sequence[Scored]
) -> str:
    """The tables in Markdown."""
    everywhere = list(range(len(histories.stretches)))
    ours = judges[CURVE.index(1.0)]
    own, by_onsets, by_runs = ([row("**judge**", ours, histories)] for _ in range(3))
    own.append(row("the rule of version 0.5", earlier, histories))
    for scored in peers:
        settings = [scored.at(threshold) for threshold in scored.thresholds()]
        name = scored.peer.name
        own.append(row(name, scored.at(scored.peer.default), histories))
        onsets = [each.onsets(everywhere) for each in settings]
        equal = at_most(settings, onsets, ours.onsets(everywhere))
        by_onsets.append(row(name, equal, histories))
        in_alarm = [each.in_alarm for each in settings]
        by_runs.append(row(name, at_most(settings, in_alarm, ours.in_alarm), histories))
    parts = [
        ("At their own thresholds", own),
        ("At our number of false alarms that begin", by_onsets),
        ("At our share of runs in alarm", by_runs),
    ]
    return "\n".join(f"## {title}\n\n{HEAD}\n" + "\n".join(rows) + "\n" for title, rows in parts)


def lines(
    histories: Histories,
    judges: Sequence[Alarms],
    earlier: Alarms,
    peers: Sequence[Scored],
    chosen: Sequence[int],
) -> list[Line]:
    """A curve for each rule on some stretches; ours is the first."""
    places = histories.at(chosen)

    def point(alarms: Alarms) -> tuple[float, float]:
        return alarms.onsets(chosen), alarms.share(PICTURED_STEP, places)

    drawn = [Line("judge", [point(each) for each in judges], point(judges[CURVE.index(1.0)]))]
    drawn.append(Line("the rule of version 0.5", [], point(earlier)))
    for scored in peers:
        points = [point(scored.at(threshold)) for threshold in scored.thresholds()]
        drawn.append(Line(scored.peer.name, points, point(scored.at(scored.peer.default))))
    return drawn


def measure(
    histories: Histories, peers: Sequence[Peer]
) -> tuple[list[Alarms], Alarms, list[Scored]]:
    """The judge along its curve, the rule before it, and the peers."""
    limits, judges = JudgeLimits(), []
    for factor in CURVE:
        progress(f"judge, limits times {factor}")
        scaled = {name: getattr(limits, name) * factor for name in SCALED}
        judges.append(judged(Judge(msgspec.structs.replace(limits, **scaled)), histories))
    earlier = judged(EarlierRule(), histories)
    scored = []
    for peer in peers:
        progress(peer.name)
        scored.append(Scored(peer, histories))
    return judges, earlier, scored


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_peers", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, default=SERIES, help="default: %(default)s")
    parser.add_argument(
        "--places", type=int, default=1500, help="where steps are put in (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="draws them (default: %(default)s)")
    parser.add_argument("--otava", type=Path, help="a Python that has apache-otava 0.8")
    parser.add_argument("--output", type=Path, default=RESULTS / "real_peers.md", help="table")
    options = parser.parse_args(arguments)
    if not (options.folder / "segments.json").is_file():
        parser.error(f"{options.folder} has no segments.json")
    started, histories = (
        time.monotonic(),
        Histories(load(options.folder), options.places, options.seed),
    )
    otava = None if options.otava is None else Otava(options.otava)
    peers = PEERS if otava is None else (*PEERS, otava.peer())
    judges, earlier, scored = measure(histories, peers)
    if otava is not None:
        otava.close()
    classes = {
        f"cv {least:.0%} to {most:.0%}": lines(
            histories, judges, earlier, scored, histories.of_class(least, most)
        )
        for least, most in CLASSES
    }
    draw(options.output.with_suffix(".svg"), classes, step=PICTURED_STEP, within=WITHIN)
    runs = sum(len(each.values) - FIRST - LAST for each in histories.stretches)
    head = (
        f"# `python -m benchmarks.real_peers`\n\n{len(histories.series)} series of "
        f"{len(histories.sources)} sources, {runs:,} quiet runs, {len(histories.places):,} places "
        f"for steps, seed {options.seed}. [docs/detection.md](../../docs/detection.md) explains.\n"
    )
    text = f"{head}\n{report(histories, judges, earlier, scored)}"
    options.output.write_text(text, encoding="utf-8")
    progress(f"{time.monotonic() - started:.0f} s")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
