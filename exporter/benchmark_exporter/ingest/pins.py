"""Pinning a result of a run in the ledger, which accepts its level if that is a regression."""

from msgspec.structs import replace

from benchmark_exporter.judge import judge
from benchmark_exporter.ledger import KnownRun, Pin, SeriesKey, Transaction
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Better, Result
from benchmark_exporter.regression import typical


def pin_result(
    transaction: Transaction,
    run: KnownRun,
    result: Result,
    better: Better,
    value: float,
    pin: Pin,
    limits_for: LimitsFor,
) -> bool:
    """Pins a result's typical value; whether that accepts a worse level.

    Later runs are then compared with that level, and the verdict that is shown is judged again.
    """
    key = run.series(result)
    baselines, limits = transaction.baselines, limits_for.judgement_of(key)
    baselines.pin(run, result, value, pin)
    if not baselines.is_worse_level(run, result):
        baselines.compare_again(run, result, better, limits)
        return False
    baselines.accept(run, result, better, limits)
    shown = baselines.shown(key)
    if shown is not None:
        newest = next(each for each in baselines.results(shown) if each.name == result.name)
        _judge_again(transaction, key, shown, newest, pin.at_seconds, limits_for)
    return True


def _judge_again(
    transaction: Transaction,
    key: SeriesKey,
    run: int,
    result: Result,
    at: float,
    limits_for: LimitsFor,
) -> None:
    """The newest run of a series, now that its level is accepted."""
    value, better = typical(result), result.better
    if value is None or better is None:
        return
    series, limits = transaction.verdicts.series(key), limits_for.of(key)
    state = transaction.verdicts.state(key, series, better, limits.judgement)
    verdict, _ = judge(
        replace(state, values=state.values[:-1]),  # without the run itself
        value,
        series.rank_seconds,
        better=better,
        limits=limits.judgement,
        pinned=series.pinned,
        cv_ratio=result.cv_ratio,
        samples=result.sample_count,
    )
    verdict = limits.applied(verdict)
    transaction.baselines.amend(run, result.name, verdict)
    transaction.triage.note(key[:-1], verdict.state, at)
