"""Pinned baselines in a ledger: set, listed, shown and cleared.

The ledger is written in one short transaction, which a running exporter waits for, and notices.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from benchmark_exporter.ingest.pins import pin_result
from benchmark_exporter.ledger import KnownRun, Ledger, Pin, PinnedResult, Transaction
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Result, Scope
from benchmark_exporter.regression import typical
from benchmark_exporter.wording import with_unit


class BaselineError(Exception):
    """A baseline cannot be pinned, shown or cleared; the message says why and what to do."""


def set_baseline(ledger: Ledger, run_name: str, pin: Pin, limits: LimitsFor) -> list[str]:
    """Pins those results of a run that have a known direction, and returns the lines that say so.

    Where the run was judged a regression, pinning it accepts its level: that is what later runs are
    compared with, and the verdict that is shown is judged again.

    Raises:
        BaselineError: there is no such run, there are several, or it has nothing to pin.
        LedgerError: the ledger cannot be read or written.
    """
    with ledger.transaction() as transaction:
        run = _find(transaction, run_name)
        lines = [
            _line_of(
                result,
                value,
                accepts=pin_result(transaction, run, result, result.better, value, pin, limits),
            )
            for result in transaction.baselines.results(run.row)
            if result.better is not None and (value := typical(result)) is not None
        ]
        if not lines:
            raise BaselineError(
                f"run {run.run_id} has nothing to pin: no result of it has a known direction, "
                "lower or higher is better"
            )
    commit = run.commit_hash or "-"
    return [
        f"pinned {run.run_id} ({_scope(run.scope)}, commit {commit}) as {pin.version}",
        *lines,
    ]


def _find(transaction: Transaction, name: str) -> KnownRun:
    runs = transaction.baselines.find(name)
    if not runs:
        raise BaselineError(
            f"the ledger has no run {name}; "
            "the start page and benchmark_run_info name the newest ones, "
            "and only runs of tracked branches can be pinned"
        )
    if len(runs) > 1:
        rows = ", ".join(
            f"{run.row} ({_scope(run.scope)}, {_moment(run.timestamp_seconds)})" for run in runs
        )
        raise BaselineError(f"{len(runs)} runs have the id {name}; name one by its row: {rows}")
    return runs[0]


def _line_of(result: Result, value: float, *, accepts: bool) -> str:
    line = f"  {result.name}: {with_unit(value, result.unit)}"
    if not accepts:
        return line
    return f"{line}; accepts this regression: later runs are compared with its level"


def list_baselines(ledger: Ledger) -> list[str]:
    """A line for each run that is pinned.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with ledger.transaction() as transaction:
        return [_line(group) for group in _groups(transaction)] or ["nothing is pinned"]


def show_baseline(ledger: Ledger, name: str) -> list[str]:
    """What is pinned of a run, by its run_id or row, or of a version: each result with its value.

    Raises:
        BaselineError: nothing is pinned under this name.
        LedgerError: the ledger cannot be read.
    """
    with ledger.transaction() as transaction:
        groups = _named(transaction, name)
    return [
        line
        for group in groups
        for line in (_line(group), *(f"  {each.series.name}: {_value(each)}" for each in group))
    ]


def clear_baseline(ledger: Ledger, name: str) -> list[str]:
    """Unpins what is pinned of a run or version.

    Raises:
        BaselineError: nothing is pinned under this name.
        LedgerError: the ledger cannot be read or written.
    """
    with ledger.transaction() as transaction:
        groups = _named(transaction, name)
        for group in groups:
            transaction.baselines.clear(group[0].run)
    return [f"cleared {_line(group)}" for group in groups]


def _groups(transaction: Transaction) -> list[list[PinnedResult]]:
    """What is pinned, by run."""
    return [
        list(group)
        for _, group in groupby(
            transaction.baselines.pinned(), key=lambda pinned: (pinned.run, pinned.pin)
        )
    ]


def _named(transaction: Transaction, name: str) -> list[list[PinnedResult]]:
    groups = [
        group
        for group in _groups(transaction)
        if name in (group[0].pin.version, group[0].run_id, str(group[0].run))
    ]
    if not groups:
        raise BaselineError(
            f"nothing is pinned under {name}; `benchmark-exporter baseline list` lists what is"
        )
    return groups


def _line(group: Sequence[PinnedResult]) -> str:
    first, pin = group[0], group[0].pin
    series = first.series
    subject = _scope(Scope(*series[:4]))
    results = f"{len(group)} result{'s' if len(group) != 1 else ''}"
    reason = f": {pin.reason}" if pin.reason else ""
    commit = f" of commit {first.commit_hash}" if first.commit_hash else ""
    return (
        f"{pin.version}: run {first.run_id}{commit} ({subject}; {results}), "
        f"pinned {_moment(pin.at_seconds)} by {pin.who}{reason}"
    )


def _scope(scope: Scope) -> str:
    words = scope.project, scope.branch, scope.environment, scope.machine_class
    return ", ".join(filter(None, words))


def _value(pinned: PinnedResult) -> str:
    return with_unit(pinned.value, pinned.series.unit)


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}Z"
