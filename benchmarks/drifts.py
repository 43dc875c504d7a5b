"""The exporter's check for drifts, run by run: runs are 6 hours apart, and each is checked."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmark_exporter.judge import JudgedRun, SeriesState, check_drift, judge
from benchmark_exporter.regression import Limits
from benchmarks.noise import KINDS
from benchmarks.online import SECONDS_BETWEEN_RUNS
from benchmarks.simulation import WARM_UP, make_values

# As many runs as 40 days have, which is what the ledger reads.
_CHECKED_RUNS = 160
FALSE_CVS = (0.02, 0.05, 0.10)


class Seen(NamedTuple):
    """What the judge said of a run, and whether the series drifts after it."""

    run: JudgedRun
    drifting: bool

    @property
    def is_reported(self) -> bool:
        """Whether the judge has reported it, at least as a warning."""
        return self.run.state in ("warning", "critical")


def watch(values: Sequence[float], limits: Limits, *, first: int = 0) -> Iterator[Seen]:
    """Each run of a series, judged; checked for drifts from the run of number `first` on."""
    state, runs, drifting = SeriesState(), [], False
    for number, value in enumerate(values):
        at_seconds = number * SECONDS_BETWEEN_RUNS
        verdict, state = judge(state, value, at_seconds, better="lower", limits=limits)
        runs.append(JudgedRun(at_seconds, value, verdict.state))
        if number >= first:
            drift = check_drift(
                runs[-_CHECKED_RUNS:], better="lower", ratio=limits.drift_ratio, drifting=drifting
            )
            drifting = drifting if drift is None else bool(drift.drifting)
        yield Seen(runs[-1], drifting)


def onsets(seen: Sequence[Seen]) -> list[int]:
    """The numbers of the runs that a drift begins with."""
    return [
        number
        for number, run in enumerate(seen)
        if run.drifting and not (number and seen[number - 1].drifting)
    ]


def false_drifts(limits: Limits, seed: int, series: int, runs: int) -> str:
    """Drifts that begin per 1,000 quiet runs, for each kind of noise and deviation."""
    heads = " | ".join(f"cv {cv_ratio:.0%}" for cv_ratio in FALSE_CVS)
    lines = [f"| noise | {heads} |", f"|---|{'--:|' * len(FALSE_CVS)}"]
    for kind in KINDS:
        row = []
        for cv_ratio in FALSE_CVS:
            values = make_values(kind, cv_ratio, seed, series, runs)[:, : WARM_UP + runs].tolist()
            began = sum(len(onsets(list(watch(line, limits, first=WARM_UP)))) for line in values)
            row.append(f"{1000 * began / (series * runs):.2f}")
        lines.append(f"| {kind} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"
