"""The judge and other tools' rules on real histories, at equal onsets and at equal runs in alarm.

The series are those of `real_series`. Each rule is measured along its threshold: what it finds of
steps that are put in, over the false alarms that begin in quiet stretches and over the runs that
are in alarm; overall, by deviation and by source.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmark_exporter.judge import JudgeLimits
from benchmarks.earlier_rule import EarlierRule
from benchmarks.histories import SERIES, load
from benchmarks.online import Judge
from benchmarks.peers import PEERS, Otava, Peer
from benchmarks.real_alarms import STEPS, WITHIN, Alarms, Histories, Scored, at_most, judged
from benchmarks.real_picture import Line, draw
from benchmarks.real_series import FIRST, LAST, SEED
from benchmarks.report import RESULTS, progress

PICTURED_STEP = 0.20
# Deviations: [from, to).
CLASSES = ((0.0, 0.02), (0.02, 0.05), (0.05, 0.30))
# What the judge's curve is drawn through: the factor of the noise and the ratios, times these.
CURVE = (0.6, 0.75, 0.9, 1.0, 1.15, 1.4, 1.8, 2.5, 4.0)
SCALED = ("noise_factor", "small_ratio", "tolerance_ratio", "large_ratio")


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
