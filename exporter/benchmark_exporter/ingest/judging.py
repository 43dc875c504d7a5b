"""Judges a run's results beside their history, in the transaction that records the run.

A run that comes in when a newer one of its series has been judged is kept and not judged: it could not change what is so now, and judged
by what came after it, it would be judged wrong.
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
    """Judges the results of a new run, which has been added as `row`, and keeps what the next one is judged by.

    In an environment shift a regression is recorded as one but not counted, since it is not the code's.
    """
    ledger, machine, rank = (
        transaction.verdicts,
        run.machine_class,
        min(run.timestamp_seconds, now),
    )
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
    # A run of a few benchmarks says nothing of the machine, and leaves it at what is known.
    if (
        sum(verdict.state != "insufficient_data" for _, _, verdict, _ in judged)
        >= limits.shift_least_results
    ):
        ledger.record_shift(
            row, judged[0][0], rank, shifted=shifted, lasting_runs=limits.least_runs
        )
