"""Judges a run's results against their history, in the transaction that records the run.

The verdicts, and what the next run of each series is judged by, are a function of the runs that
there are, in the order of their places: by time, and by digest at the same time. So a late run is
judged at its own place, and then the runs after it whose verdicts that can change, until what was
stored of them and what follows now agree.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmark_exporter.ingest.log_lines import Lasting
from benchmark_exporter.ingest.scope_judging import Accepted, NewRun, ScopeJudging
from benchmark_exporter.ingest.standing import judge_result, known_before
from benchmark_exporter.ledger import (
    AddedRun,
    Gap,
    JudgeAgain,
    PlacedRun,
    SeriesKey,
    Transaction,
    VerdictRow,
)
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Run, Scope


class LateRun(NamedTuple):
    """A new run after whose place its scope has others."""

    added: AddedRun
    run: Run
    scope: Scope


def judge_run(
    transaction: Transaction,
    added: AddedRun,
    run: Run,
    scope: Scope,
    limits: LimitsFor,
    now: float,
) -> Lasting:
    """Judges the results of a new run that comes after all others of its scope.

    A regression that moved with an environment shift is recorded but not counted, since the code
    did not cause it. `now` is in seconds since 1970. Returns what became the level with this run,
    without anybody having accepted it.
    """
    judging = ScopeJudging(transaction, scope, limits, now)
    judging.judge_new(_new(added, run))
    judging.keep()
    return Lasting([each.name for each in judging.accepted], judging.shift_accepted)


def judge_late_runs(
    transaction: Transaction, late: Iterable[LateRun], limits: LimitsFor, now: float
) -> Sequence[Accepted]:
    """Judges late runs of tracked branches, and the later runs that they change.

    Many of them cost little more than one, if they are judged together. What was counted stays
    counted, and nothing is counted twice. Returns the results whose worse level
    became their level, without anybody having accepted it.
    """
    of_scope: dict[Scope, list[NewRun]] = {}
    for each in late:
        of_scope.setdefault(each.scope, []).append(_new(each.added, each.run))
    accepted: list[Accepted] = []
    for scope, runs in of_scope.items():
        judging = ScopeJudging(transaction, scope, limits, now)
        judging.judge_late(sorted(runs, key=lambda new: new.placed.place))
        judging.keep()
        accepted += judging.accepted
    return accepted


def _new(added: AddedRun, run: Run) -> NewRun:
    placed = PlacedRun(
        *added.place, run.run_id, run.commit_hash, run.timestamp_seconds, tracked=True
    )
    return NewRun(placed, run.results, added.rank)


def compare_run(
    transaction: Transaction, added: AddedRun, run: Run, scope: Scope, limits: LimitsFor
) -> None:
    """Judges the results of a run against the series of another branch, which it leaves as it is.

    They are compared with what that branch was at the run's place. The verdicts are recorded with
    the run, and not shown or counted.
    """
    for result in run.results:
        key = SeriesKey.of(scope, result)
        of_result = limits.of(key)
        known = known_before(transaction, key, result.better, added.place, of_result)
        judged = judge_result(known, result, added.place.rank_seconds, of_result, goes_on=False)
        if judged is not None:
            row = VerdictRow(judged[0], known.standing.passed_commit)
            transaction.verdicts.record(added.row, result.name, row, new=True)


def judge_after_deletion(limits: LimitsFor, now: float) -> JudgeAgain:
    """Judges the runs after deleted ones as if these had never been there."""

    def judge_again(transaction: Transaction, gaps: Sequence[Gap]) -> None:
        for gap in sorted(gaps, key=lambda gap: gap.place):
            judging = ScopeJudging(transaction, Scope(*gap.key[:4]), limits, now)
            judging.leave_out(gap)
            judging.judge_later(gap.place)
            judging.keep()

    return judge_again
