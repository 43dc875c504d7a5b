"""What changes make of running totals and newest rows, for `WriteBuffer.change`. None stands for a
row not yet there.

What came of a change is the same whether it shares a transaction with others or not.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from benchmark_exporter.ledger.tables import (
    CommitRegressionsRow,
    CounterRow,
    HistogramRow,
    TotalsRow,
)


class _Ranked(Protocol):
    @property
    def rank_seconds(self) -> float: ...


Ranked = TypeVar("Ranked", bound=_Ranked)


def is_newer(rank_seconds: float, known_seconds: float, at: float) -> bool:
    """Whether a run is the newest.

    A known rank later than now was given by a clock that has been set back since, and no longer
    says what is newest.
    """
    return rank_seconds >= known_seconds or known_seconds > at


def newest(known: Ranked | None, row: Ranked, at: float) -> Ranked:
    """The newer of two rows."""
    if known is None or is_newer(row.rank_seconds, known.rank_seconds, at):
        return row
    return known


def counted(row: CounterRow | None, by: int, at: float) -> CounterRow:
    """A counter that goes up."""
    if row is None:
        return CounterRow(by, at)
    return CounterRow(row.value + by, row.born_seconds) if by else row


def counted_commit(
    row: CommitRegressionsRow | None, at: float, rank_seconds: float
) -> CommitRegressionsRow:
    """One more regression of a commit."""
    if row is None:
        return CommitRegressionsRow(1, at, rank_seconds)
    return CommitRegressionsRow(
        row.value + 1, row.born_seconds, max(row.rank_seconds, rank_seconds)
    )


def observed(
    row: HistogramRow | None,
    bounds: tuple[float, ...],
    values: Sequence[float],
    total: float,
    at: float,
) -> HistogramRow:
    """A histogram with more observations, whose sum is `total`.

    With other bounds than before it starts again.
    """
    if row is None or row.bounds != bounds:
        row = HistogramRow(bounds, (0,) * (len(bounds) + 1), 0.0, at)
    counts = list(row.counts)
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    return HistogramRow(row.bounds, tuple(counts), row.total + total, row.born_seconds)


def ingested(row: TotalsRow | None, at: float) -> TotalsRow:
    """The totals after something new was ingested."""
    return replace(_known(row), last_ingest_seconds=at)


def with_suite(row: TotalsRow | None, seconds: float) -> TotalsRow:
    """The totals after a suite that took so long."""
    row = _known(row)
    return replace(
        row,
        suite_duration_count=row.suite_duration_count + 1,
        suite_duration_sum_seconds=row.suite_duration_sum_seconds + seconds,
    )


def committed(row: TotalsRow | None) -> TotalsRow:
    """The totals after one more commit."""
    row = _known(row)
    return replace(row, commits=row.commits + 1)


def _known(row: TotalsRow | None) -> TotalsRow:
    return TotalsRow(0, 0.0, 0, 0.0) if row is None else row
