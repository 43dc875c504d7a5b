"""Rules on real histories at equal onsets and equal runs in alarm: the tables and the picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark_exporter.judge import JudgeLimits
from benchmarks.earlier_rule import EarlierRule
from benchmarks.histories import Stretch
from benchmarks.otava_rule import otava_rule
from benchmarks.real_curves import (
    CV_CLASSES,
    STEPS,
    Group,
    Places,
    Swept,
    by_cv,
    by_source,
    judged,
    sweep_judge,
    sweep_peer,
)
from benchmarks.rules import PEERS
from benchmarks.simulation import FOUND_WITHIN, Tally

PICTURED_STEP = 0.20
# A source with fewer steps put in says little about a rule.
LEAST_PLACES = 40
# False alarms per 1,000 quiet runs; points outside are drawn at the edge.
LEAST_RATE, GREATEST_RATE = 0.05, 200.0
# Okabe and Ito's colours, distinct with any colour vision; the dash tells the rest apart.
STYLES = (
    ("#d55e00", "-"),
    ("#000000", ":"),
    ("#56b4e9", "-"),
    ("#009e73", "-"),
    ("#0072b2", "-"),
    ("#0072b2", "--"),
    ("#cc79a7", "-"),
    ("#e69f00", "-"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """All rules on the same stretches; the exporter's judge is the first."""

    stretches: Sequence[Stretch]
    swept: Sequence[Swept]

    @property
    def ours(self) -> Tally:
        return self.of(self.swept[0], self.swept[0].at or 0)

    def of(self, rule: Swept, setting: int) -> Tally:
        """What a rule did in all stretches."""
        return rule.tallies(range(len(self.stretches)))[setting]

    def groups(self, group: Group) -> Mapping[str, list[int]]:
        """The numbers of the stretches of each group."""
        groups: dict[str, list[int]] = {}
        for number, stretch in enumerate(self.stretches):
            groups.setdefault(group(stretch), []).append(number)
        ordered = (*CV_CLASSES.values(), *sorted(groups))
        return {name: groups[name] for name in ordered if name in groups}

    def at_equal_onsets(self, rule: Swept) -> int:
        return rule.fitted(lambda tally: tally.onsets_per_thousand, self.ours.onsets_per_thousand)

    def at_equal_alarm(self, rule: Swept) -> int:
        return rule.fitted(lambda tally: tally.per_thousand, self.ours.per_thousand)


def measure_rules(limits: JudgeLimits, stretches: Sequence[Stretch], places: Places) -> Measured:
    """Ours, the rule of version 0.5, and those of other tools."""
    before = Swept("ours until 0.5", [1.0], [judged(EarlierRule(), stretches, places)], 0)
    swept = [sweep_judge(limits, stretches, places), before]
    otava = otava_rule()
    for rule in (*PEERS, *(() if otava is None else (otava,))):
        if rule.method in {each.name for each in swept}:
            continue
        defaults = [other.threshold for other in PEERS if other.method == rule.method]
        swept.append(sweep_peer(rule, defaults or [rule.threshold], stretches, places))
    return Measured(stretches, swept)


def tables(measured: Measured) -> str:
    """In Markdown: each rule at its default, at our onsets and at our runs in alarm; by source."""
    what = (
        f"Steps are critical within {FOUND_WITHIN} runs, in percent; onsets and runs in alarm are "
        "per 1,000 quiet runs.\n"
    )
    return "\n".join(
        [
            what,
            "### As they are by default\n",
            _table(measured, {rule.name: rule.at for rule in measured.swept}),
            "### At our number of onsets\n",
            _table(measured, _fitted(measured, onsets=True)),
            "### At our number of runs in alarm\n",
            _table(measured, _fitted(measured, onsets=False)),
            f"### {PICTURED_STEP:.0%} steps by source and by cv, at our number of onsets\n",
            _by_group(measured),
        ]
    )


def _fitted(measured: Measured, *, onsets: bool) -> dict[str, int | None]:
    """The setting of each rule; a rule that has only one is left out."""
    fit = measured.at_equal_onsets if onsets else measured.at_equal_alarm
    ours, *others = measured.swept
    return {ours.name: ours.at} | {
        rule.name: fit(rule) for rule in others if len(rule.settings) > 1
    }


def _table(measured: Measured, settings: Mapping[str, int | None]) -> str:
    heads = " | ".join(f"{step:.0%} step" for step in STEPS)
    lines = [
        f"| rule | onsets | runs in alarm | {heads} |",
        f"|---|--:|--:|{'--:|' * len(STEPS)}",
    ]
    for rule in measured.swept:
        setting = settings.get(rule.name)
        if setting is None:
            continue
        tally = measured.of(rule, setting)
        name = rule.name
        if rule is not measured.swept[0] and len(rule.settings) > 1:
            name += f" (over {rule.settings[setting]:.3g})"
        shares = " | ".join(f"{tally.share(step):.1f}" for step in STEPS)
        rates = f"{tally.onsets_per_thousand:.2f} | {tally.per_thousand:.2f}"
        lines.append(f"| {name} | {rates} | {shares} |")
    return "\n".join(lines) + "\n"


def _by_group(measured: Measured) -> str:
    rules = [rule for rule in measured.swept if len(rule.settings) > 1]
    settings = _fitted(measured, onsets=True)
    lines = [
        f"| | steps | {' | '.join(rule.name for rule in rules)} |",
        f"|---|--:|{'--:|' * len(rules)}",
    ]
    for group in (by_cv, by_source):
        for name, chosen in measured.groups(group).items():
            tallies = [rule.tallies(chosen)[settings[rule.name] or 0] for rule in rules]
            if min(tally.forks for tally in tallies) < LEAST_PLACES:
                continue
            shares = " | ".join(f"{tally.share(PICTURED_STEP):.0f}" for tally in tallies)
            lines.append(f"| {name} | {tallies[0].forks} | {shares} |")
    spread = [_spread(measured, rule, settings[rule.name] or 0) for rule in rules]
    lines.append(f"| sources: least · median · most | | {' | '.join(spread)} |")
    return "\n".join(lines) + "\n"


def _shares(measured: Measured, rule: Swept, setting: int) -> list[float]:
    """What a rule finds in each source that has enough steps."""
    tallies = [rule.tallies(chosen)[setting] for chosen in measured.groups(by_source).values()]
    return [tally.share(PICTURED_STEP) for tally in tallies if tally.forks >= LEAST_PLACES]


def _spread(measured: Measured, rule: Swept, setting: int) -> str:
    shares = _shares(measured, rule, setting)
    if not shares:
        return ""
    return f"{min(shares):.0f} · {median(shares):.0f} · {max(shares):.0f}"


def draw(path: Path, measured: Measured) -> None:
    """Write an SVG: a panel for each class of cv, and one with the spread over the sources."""
    mpl.rcParams["svg.hashsalt"] = "real-series"  # for reproducible ids
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    grid = figure.add_gridspec(2, len(CV_CLASSES), height_ratios=(1.15, 1))
    groups = measured.groups(by_cv)
    panels: list[Axes] = []
    for column, (name, chosen) in enumerate(groups.items()):
        panel = figure.add_subplot(grid[0, column], sharey=panels[0] if panels else None)
        panels.append(panel)
        _curves(panel, measured, chosen)
        panel.set(xscale="log", xlim=(LEAST_RATE, GREATEST_RATE), ylim=(0, 103), title=name)
        panel.set_xlabel("onsets per 1,000 quiet runs")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(f"{PICTURED_STEP:.0%} steps critical\nwithin {FOUND_WITHIN} runs, %")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False
    )
    _sources(figure.add_subplot(grid[1, :]), measured)
    figure.savefig(path, metadata={"Date": None})


def _curves(panel: Axes, measured: Measured, chosen: Sequence[int]) -> None:
    for rule, (colour, dash) in zip(measured.swept, STYLES, strict=False):
        tallies = rule.tallies(chosen)
        points = [_point(tally) for tally in tallies]
        ours = rule is measured.swept[0]
        panel.plot(
            *zip(*points, strict=True),
            dash,
            color=colour,
            linewidth=2.4 if ours else 1.4,
            label=rule.name,
        )
        if rule.at is not None:
            panel.plot(*points[rule.at], "o", color=colour, markersize=8 if ours else 5)


def _point(tally: Tally) -> tuple[float, float]:
    rate = min(max(tally.onsets_per_thousand, LEAST_RATE), GREATEST_RATE)
    return rate, tally.share(PICTURED_STEP)


def _sources(panel: Axes, measured: Measured) -> None:
    settings = _fitted(measured, onsets=True)
    rules = [rule for rule in measured.swept if rule.name in settings]
    colours = dict(zip((rule.name for rule in measured.swept), STYLES, strict=False))
    for place, rule in enumerate(reversed(rules)):
        shares = _shares(measured, rule, settings[rule.name] or 0)
        if not shares:
            continue
        colour, _ = colours[rule.name]
        panel.plot(shares, [place] * len(shares), "o", color=colour, alpha=0.55)
        panel.plot([median(shares)], [place], "|", color=colour, markersize=22, markeredgewidth=3)
    panel.set_yticks(range(len(rules)), [rule.name for rule in reversed(rules)])
    panel.set(xlim=(-2, 102), title="by source, at our number of onsets; the bar is the median")
    panel.set_xlabel(f"{PICTURED_STEP:.0%} steps critical within {FOUND_WITHIN} runs, %")
    panel.grid(alpha=0.3, axis="x")
