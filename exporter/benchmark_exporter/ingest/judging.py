"""Judges a run's results against their history, in the transaction that records the run.

A run that arrives after a newer run of its series was judged is recorded but not judged: it cannot
change the present state, and runs that came after it must not judge it.
"""

from collections.abc import Sequence

from benchmark_exporter.counters import REGRESSIONS_CONFIRMED, REGRESSIONS_SUPPRESSED
from benchmark_exporter.judge import SeriesState, judge
from benchmark_exporter.ledger import Series, SeriesKey, Transaction, is_newer
from benchmark_exporter.model import REGRESSED, Run, Verdict
from benchmark_exporter.regression import Limits, is_environment_shift, typical


def judge_run(
    transaction: Transaction,
    row: int,
    run: Run,
    project: str,
    environment: str,
    limits: Limits,
    now: float,
) -> Sequence[str]:
    """Judges the results of the new run in `row`, and keeps what the next run is judged by.

    In an environment shift a regression is recorded but not counted, since the code did not cause
    it. `now` is in seconds since 1970. Returns the names of results whose worse level became their
    level with this run, without anybody having accepted it.
    """
    ledger, rank = transaction.verdicts, min(run.timestamp_seconds, now)
    judged = _judge_results(transaction, run, project, environment, limits, rank, now)
    if not judged:
        return ()
    shifted = is_environment_shift([verdict for _, _, verdict, _ in judged], limits)
    for key, series, verdict, state in judged:
        ledger.record(row, key, verdict, series.passed_commit, rank, now)
        passed_commit = run.commit_hash if _is_good(verdict) else series.passed_commit
        kept = Series(pinned=series.pinned, passed_commit=passed_commit, rank_seconds=rank)
        ledger.keep_state(key, kept, state)
        confirmed = verdict.state == "critical" and not shifted
        labels = (key.name, environment)
        transaction.count(REGRESSIONS_CONFIRMED.name, labels, now, by=int(confirmed))
        transaction.count(REGRESSIONS_SUPPRESSED.name, labels, now, by=int(verdict.suppressed))
        if confirmed:
            transaction.count_commit(
                key.name, "critical", run.commit_hash, run.timestamp_seconds, now
            )
    # A run of a few benchmarks says nothing about the machine, so it leaves the shift as it was.
    judgeable = sum(verdict.state != "insufficient_data" for _, _, verdict, _ in judged)
    if judgeable >= limits.shift_least_results:
        ledger.record_shift(row, judged[0][0], rank, limits, shifted=shifted)
    return [key.name for key, _, verdict, _ in judged if verdict.accepted]


def _judge_results(
    transaction: Transaction,
    run: Run,
    project: str,
    environment: str,
    limits: Limits,
    rank: float,
    now: float,
) -> list[tuple[SeriesKey, Series, Verdict, SeriesState]]:
    """Each result that can be judged: its series as it was, the verdict, and the next state."""
    ledger, judged = transaction.verdicts, []
    for result in run.results:
        value, better = typical(result), result.better
        if value is None or better is None:
            continue
        key = SeriesKey(project, environment, run.machine_class, result.name, result.unit)
        series = ledger.series(key)
        if not is_newer(rank, series.rank_seconds, now):
            continue
        verdict, state = judge(
            ledger.state(key, series, better, limits),
            value,
            rank,
            better=better,
            limits=limits,
            pinned=series.pinned,
            cv_ratio=result.cv_ratio,
            samples=result.sample_count,
        )
        judged.append((key, series, verdict, state))
    return judged


def _is_good(verdict: Verdict) -> bool:
    """Whether the run is one to go back to when a later one is a regression.

    The first runs of a regression are not known to be any, so one that is nearer to the limit than
    to the reference does not count.
    """
    if verdict.state in (*REGRESSED, "suspect"):
        return False
    if verdict.reference is None or verdict.limit is None:
        return True
    return abs(verdict.value - verdict.reference) <= abs(verdict.value - verdict.limit)
