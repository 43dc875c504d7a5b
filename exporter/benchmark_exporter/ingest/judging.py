"""Judges a run's results against their history, in the transaction that records the run.

A run that arrives after a newer run of its series was judged is recorded but not judged: it cannot
change the present state, and runs that came after it must not judge it.
"""

from benchmark_exporter.counters import REGRESSIONS_CONFIRMED, REGRESSIONS_SUPPRESSED
from benchmark_exporter.ledger import Series, SeriesKey, Transaction, is_newer
from benchmark_exporter.model import REGRESSED, Run
from benchmark_exporter.regression import History, Limits, is_environment_shift, judge_result


def judge_run(
    transaction: Transaction,
    row: int,
    run: Run,
    project: str,
    environment: str,
    limits: Limits,
    now: float,
) -> None:
    """Judges the results of the new run in `row`, and keeps what the next run is judged by.

    In an environment shift a regression is recorded but not counted: the code did not cause it.
    `now` is in seconds since 1970.
    """
    ledger, machine = transaction.verdicts, run.machine_class
    rank = min(run.timestamp_seconds, now)
    judged = []
    for result in run.results:
        key = SeriesKey(project, environment, machine, result.name, result.unit)
        series = ledger.series(key)
        if is_newer(rank, series.rank_seconds, now):
            history = History(series.window, series.previous, series.unconfirmed)
            verdict = judge_result(result, history, series.pinned, limits)
            if verdict is not None:
                judged.append((key, series, verdict, history.after(verdict, limits)))
    if not judged:
        return
    shifted = is_environment_shift([verdict for _, _, verdict, _ in judged], limits)
    for key, series, verdict, history in judged:
        ledger.record(row, key, verdict, series.passed_commit, rank, now)
        passed_commit = series.passed_commit if verdict.state in REGRESSED else run.commit_hash
        ledger.keep(
            key,
            Series(
                history.window,
                history.previous,
                history.unconfirmed,
                series.pinned,
                passed_commit,
                rank,
            ),
        )
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
        ledger.record_shift(
            row, judged[0][0], rank, shifted=shifted, lasting_runs=limits.least_runs
        )
