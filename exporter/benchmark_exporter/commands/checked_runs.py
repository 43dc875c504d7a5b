"""A run that `check --gate` has judged, and whether it fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from benchmark_exporter.ingest.branches import Line
from benchmark_exporter.judge import SeriesState
from benchmark_exporter.model import REGRESSED, GateOutcome, Result, Run, Verdict
from benchmark_exporter.regression import Limits
from benchmark_exporter.shifts import Extent, RunResult, RunShift


@dataclass(frozen=True, slots=True)
class JudgedResult:
    """A result's verdict, and the value it is compared with in the summary, None without one.

    `after` is the state of its series after the run. A verdict needs `needed_runs` earlier ones.
    """

    result: Result
    old: float | None
    verdict: Verdict
    after: SeriesState
    needed_runs: int


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A run with its gate outcomes and verdicts, and what moved together.

    `line` is the branch of the ledger whose history it is judged against; None without a ledger.
    """

    run: Run
    line: Line | None
    gate_outcomes: Sequence[tuple[float, GateOutcome]]
    judged: Sequence[JudgedResult]
    shift: RunShift
    extent: Extent | None

    def failed(self, limits: Limits, *, on_warning: bool, on_shift: bool) -> bool:
        """Whether the run fails.

        A shift to the worse fails like a regression of the same size: a single run of a branch
        does not tell a slower machine from slower code that all results share.
        """
        states = REGRESSED if on_warning else ("critical",)
        regressed = {each.result.name for each in self.judged if each.verdict.state in states}
        least = limits.small_ratio if on_warning else limits.tolerance_ratio
        worse = self.shift.active and (self.shift.ratio > least or regressed & self.shift.muted)
        return (
            any(
                not gate_outcome.passed or gate_outcome.severity
                for _, gate_outcome in self.gate_outcomes
            )
            or bool(regressed - self.shift.muted)
            or (on_shift and bool(worse))
        )


def run_results(judged: Sequence[JudgedResult]) -> Sequence[RunResult]:
    """The results of a run, as `shifts` takes them."""
    results = []
    for each in judged:
        result, better = each.result, each.result.better
        if better is not None:
            state = partial(_state_after, each)
            results.append(RunResult(result.name, result.unit, better, each.verdict, state))
    return results


def _state_after(judged: JudgedResult) -> SeriesState:
    return judged.after
