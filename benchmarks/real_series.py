"""How often rules cry wolf and how much they miss, on real histories of public projects.

The series and what hindsight says of them are in a folder beside the checkout, whose README.md says
how each figure is measured. Positions and replaced values are drawn with a fixed seed.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmark_exporter.judge import JudgeLimits
from benchmarks.earlier_rule import EarlierRule
from benchmarks.histories import SERIES, Series, Stretch, load, quiet_stretches
from benchmarks.online import CRITICAL, FURTHER, WARNING, Judge, OnlineRule
from benchmarks.real_curves import FIRST, LAST, draw_places
from benchmarks.real_peers import draw, measure_rules, tables
from benchmarks.report import RESULTS, progress

STEPS = (0.03, 0.05, 0.10, 0.20, 0.50)
WITHIN = (1, 2, 3, 5)
QUIET_CV = 0.05
# A second step comes this many runs after the first one.
SECOND_AFTER, SECOND_STEP = 12, 0.20
LOST_RATIO, LOST_AFTER, RUNS_BEFORE = -0.10, (10, 40), 12
SEED = 2026


class Position(NamedTuple):
    """A run of a quiet stretch with the rule's state before it."""

    stretch: Stretch
    run: int
    state: Any


def false_alarms(
    rule: OnlineRule, stretches: Sequence[Stretch]
) -> tuple[dict[str, Any], list[Position]]:
    """Onsets per 1,000 quiet runs, and the positions that are not in a critical alarm."""
    runs: Counter[str] = Counter()
    criticals: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    quiet_runs = quiet_criticals = 0
    positions = []
    for stretch in stretches:
        state, before = rule.start(), 0
        for run, value in enumerate(stretch.values):
            level, after = rule.step(state, value)
            if FIRST <= run < len(stretch.values) - LAST:
                if before < CRITICAL:
                    positions.append(Position(stretch, run, state))
                critical = before < CRITICAL <= level
                runs[stretch.source] += 1
                criticals[stretch.source] += critical
                warnings[stretch.source] += before < WARNING <= level
                if stretch.cv_ratio < QUIET_CV:
                    quiet_runs += 1
                    quiet_criticals += critical
            state, before = after, level
    by_source = {
        source: {
            "runs": count,
            "critical": 1000 * criticals[source] / count,
            "warning": 1000 * warnings[source] / count,
        }
        for source, count in runs.items()
    }
    rates = sorted(each["critical"] for each in by_source.values())
    total = runs.total()
    others = [
        1000 * (criticals.total() - criticals[source]) / max(total - count, 1)
        for source, count in runs.items()
    ]
    return {
        "quiet_runs": total,
        "critical_onsets": 1000 * criticals.total() / total,
        "critical_onsets_quiet": 1000 * quiet_criticals / max(quiet_runs, 1),
        "warning_onsets": 1000 * warnings.total() / total,
        "critical_onsets_median_source": statistics.median(rates),
        "critical_onsets_worst_source": rates[-1],
        "critical_onsets_without_one_source": [min(others), max(others)],
        "by_source": by_source,
    }, positions


def steps_put_in(rule: OnlineRule, positions: Sequence[Position]) -> dict[str, Any]:
    """Percent of the steps that are critical, and at least a warning, within so many runs."""
    critical = {step: Counter[int]() for step in STEPS}
    reported = {step: Counter[int]() for step in STEPS}
    for position in positions:
        values = position.stretch.values[position.run : position.run + max(WITHIN)]
        for step in STEPS:
            state, critical_at, reported_at = position.state, None, None
            for run, value in enumerate(values, start=1):
                level, state = rule.step(state, value * (1 + step))
                if level >= WARNING and reported_at is None:
                    reported_at = run
                if level >= CRITICAL:
                    critical_at = run
                    break
            for within in WITHIN:
                critical[step][within] += critical_at is not None and critical_at <= within
                reported[step][within] += reported_at is not None and reported_at <= within
    share = 100 / max(len(positions), 1)
    return {
        "positions": len(positions),
        "critical": {f"{s:.0%}": {n: share * critical[s][n] for n in WITHIN} for s in STEPS},
        "reported": {f"{s:.0%}": {n: share * reported[s][n] for n in WITHIN} for s in STEPS},
    }


def second_steps(rule: OnlineRule, positions: Sequence[Position]) -> dict[str, Any]:
    """Percent of the steps within an open alarm, one step later, that are reported in 3 runs."""
    tried = found = 0
    for position in positions:
        values = position.stretch.values[position.run : position.run + SECOND_AFTER + 3]
        if len(values) < SECOND_AFTER + 3:
            continue
        state, level = position.state, 0
        for value in values[:SECOND_AFTER]:
            level, state = rule.step(state, value * (1 + SECOND_STEP))
        if level < CRITICAL:
            continue
        tried += 1
        for value in values[SECOND_AFTER:]:
            level, state = rule.step(state, value * (1 + SECOND_STEP) ** 2)
            if level == FURTHER:
                found += 1
                break
    return {"second_steps": tried, "second_steps_found": 100 * found / max(tried, 1)}


def what_happened(rule: OnlineRule, series: Sequence[Series], seed: int) -> dict[str, Any]:
    """Steps that happened, improvements that are lost again, and runs in a critical alarm."""
    drawn = random.Random(seed)  # noqa: S311 - a sample, no secret
    steps = found3 = found5 = lost = lost_found = runs = in_alarm = open_at_end = 0
    for each in series:
        states, levels, state = [], [], rule.start()
        for value in each.values:
            states.append(state)
            level, state = rule.step(state, value)
            levels.append(level)
        states.append(state)
        runs += len(levels)
        in_alarm += sum(level >= CRITICAL for level in levels)
        open_at_end += levels[-1] >= CRITICAL
        ends = [step["at"] for step in each.steps] + [len(levels)]
        for step in (step for step in each.steps if step["certain"]):
            at, change_ratio = step["at"], step["change_ratio"]
            if change_ratio > 0:
                steps += 1
                found3 += max(levels[at : at + 3]) >= CRITICAL
                found5 += max(levels[at : at + 5]) >= CRITICAL
            room = min(end for end in ends if end > at) - at
            if change_ratio > LOST_RATIO or room < LOST_AFTER[0] or at < RUNS_BEFORE:
                continue
            back = at + drawn.randint(LOST_AFTER[0], min(LOST_AFTER[1], room))
            if levels[back - 1] >= CRITICAL:
                continue
            lost += 1
            state, level = states[back], 0
            for _ in range(3):
                again, state = rule.step(state, drawn.choice(each.values[at - RUNS_BEFORE : at]))
                level = max(level, again)
            lost_found += level >= CRITICAL
    return {
        "steps_that_happened": steps,
        "happened_within_3": 100 * found3 / max(steps, 1),
        "happened_within_5": 100 * found5 / max(steps, 1),
        "lost_improvements": lost,
        "lost_improvements_found": 100 * lost_found / max(lost, 1),
        "runs_in_alarm": 100 * in_alarm / max(runs, 1),
        "alarms_open_at_end": open_at_end,
    }


def measure(
    rule: OnlineRule, series: Sequence[Series], positions: int, seed: int
) -> dict[str, Any]:
    """All figures of a rule; rates are per 1,000 quiet runs, shares in percent."""
    alarms, places = false_alarms(rule, quiet_stretches(series))
    chosen = random.Random(seed).sample(places, min(positions, len(places)))  # noqa: S311 - a sample
    return {
        **alarms,
        **steps_put_in(rule, chosen),
        **second_steps(rule, chosen[: positions // 4]),
        **what_happened(rule, series, seed),
    }


def rows(figures: dict[str, Any]) -> dict[str, str]:
    """The figures of a rule by what they are, as the tables show them."""
    f, critical, reported = figures, figures["critical"], figures["reported"]
    spread = f["critical_onsets_without_one_source"]
    both = "{:.2f} · {:.2f}".format
    steps = ("10%", "20%", "50%")
    return {
        "critical onsets per 1,000 quiet runs, all · cv < 5 %": both(
            f["critical_onsets"], f["critical_onsets_quiet"]
        ),
        "… median · worst of the sources": both(
            f["critical_onsets_median_source"], f["critical_onsets_worst_source"]
        ),
        "… without any one source, from · to": both(*spread),
        "warning-or-critical onsets": f"{f['warning_onsets']:.2f}",
        "10 · 20 · 50 % steps critical within 3 runs": " · ".join(
            f"{critical[step][3]:.0f}" for step in steps
        ),
        "20 · 50 % steps critical within 2 runs": " · ".join(
            f"{critical[step][2]:.0f}" for step in steps[1:]
        ),
        "3 · 5 % steps reported within 5 runs": " · ".join(
            f"{reported[step][5]:.0f}" for step in ("3%", "5%")
        ),
        "steps that happened, critical within 3 · 5 runs": (
            f"{f['happened_within_3']:.0f} · {f['happened_within_5']:.0f}"
        ),
        "lost improvements found within 3 runs": f"{f['lost_improvements_found']:.0f}",
        "second steps reported within 3 runs": f"{f['second_steps_found']:.0f}",
        "runs in a critical alarm": f"{f['runs_in_alarm']:.1f}",
        "series that end in one": f"{f['alarms_open_at_end']}",
    }


def table(measured: dict[str, dict[str, Any]]) -> str:
    """The figures of all rules as a Markdown table; shares in percent."""
    columns = {name: rows(figures) for name, figures in measured.items()}
    lines = [f"| figure | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    lines += [
        f"| {what} | {' | '.join(column[what] for column in columns.values())} |"
        for what in next(iter(columns.values()))
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_series", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, default=SERIES, help="default: %(default)s")
    parser.add_argument(
        "--positions", type=int, default=4000, help="where steps are put in (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="draws them (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "real_series.md",
        help="tables; the picture is written beside it (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if not (options.folder / "segments.json").is_file():
        parser.error(f"{options.folder} has no segments.json")
    series = load(options.folder)
    started, measured = time.monotonic(), {}
    rules: tuple[OnlineRule, ...] = (EarlierRule(), Judge())
    for rule in rules:
        progress(f"measuring {rule.name}")
        measured[rule.name] = measure(rule, series, options.positions, options.seed)
    some = measured[rules[-1].name]
    stretches = quiet_stretches(series)
    places = draw_places(stretches, options.positions, options.seed)
    peers = measure_rules(JudgeLimits(), stretches, places)
    text = (
        f"# `python -m benchmarks.real_series`\n\n{len(series)} series, "
        f"{some['quiet_runs']:,} quiet runs, {some['positions']:,} positions for steps, seed "
        f"{options.seed}. [docs/detection.md](../../docs/detection.md) explains.\n\n"
        f"## The judge, and the rule until version 0.5\n\n{table(measured)}\n"
        f"## Other tools' rules\n\n{tables(peers)}"
    )
    options.output.write_text(text, encoding="utf-8")
    draw(options.output.with_suffix(".svg"), peers)
    print(f"{text}\nwritten to {options.output} in {time.monotonic() - started:.0f} s")
    if options.json is not None:
        options.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
