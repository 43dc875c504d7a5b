"""Checks which results gradually became worse, by the runs in the ledger."""

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmark_exporter.judge import Drift, check_drift
from benchmark_exporter.ledger import Ledger, SeriesKey, Transaction
from benchmark_exporter.ledger.drift_rows import DriftRow
from benchmark_exporter.ledger.drifts import CheckedSeries, ScopeRun
from benchmark_exporter.model import Scope
from benchmark_exporter.regression import Limits

log = logging.getLogger(__name__)


def check_drifts(ledger: Ledger, limits: Limits) -> Iterator[bool]:
    """Checks the series that had a run since the last check, and those that drift.

    Each step checks one series, in some milliseconds, and yields whether the state has changed.
    Raises LedgerError if the ledger cannot be read or written; the next check begins again.
    """
    with ledger.transaction() as transaction:
        due, newest_run = transaction.drifts.due()
    for scope, of_scope in groupby(due, lambda each: Scope(*each.key[:4])):
        with ledger.transaction() as transaction:
            runs = transaction.drifts.runs_of(scope)
        for series in of_scope:
            with ledger.transaction() as transaction:
                _check(transaction, series, runs, limits)
            yield transaction.changed
    with ledger.transaction() as transaction:
        transaction.drifts.finish_check(newest_run)
    yield transaction.changed


def _check(
    transaction: Transaction, series: CheckedSeries, runs: Sequence[ScopeRun], limits: Limits
) -> None:
    drifts, key = transaction.drifts, series.key
    known, judged = drifts.get(key), drifts.judged(key, runs)
    drift = check_drift(
        judged,
        better=series.better,
        ratio=limits.drift_ratio,
        least_change=limits.least_change,
        drifting=known is not None,
    )
    if drift is None:  # undecided while an alarm is open
        return
    if not drift.drifting:
        if known is not None:
            drifts.put(key, None)
            log.info("no longer drifting", extra={"fields": _fields(key, drift)})
        return
    since_seconds = judged[-1].at_seconds if known is None else known.since_seconds
    row = DriftRow(since_seconds, drift.compared_seconds, drift.ratios)
    if row != known:
        drifts.put(key, row)
    if known is None:
        log.warning("gradually became worse", extra={"fields": _fields(key, drift)})


def _fields(key: SeriesKey, drift: Drift) -> dict[str, str]:
    return {
        "project": key.project,
        "environment": key.environment,
        "branch": key.branch,
        "benchmark": key.name,
        **{f"worse_in_{span}": f"{ratio:.1%}" for span, ratio in drift.ratios.items()},
    }
