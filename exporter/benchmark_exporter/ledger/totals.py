"""What changes make of running totals and newest rows, for `WriteBuffer.change`. None stands for a
row not yet there.

What came of a change is the same whether it shares a transaction with others or not.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from benchmark_exporter.ledger.newest_rows import (
    NewestGateOutcomeRow,
    NewestPipelineRunRow,
    NewestResultRow,
    NewestRunRow,
    NewestShiftRow,
    NewestVerdictRow,
    Rank,
)
from benchmark_exporter.ledger.rows import (
    CommitRegressionsRow,
    CounterRow,
    HistogramRow,
    SuiteDurationsRow,
    TotalsRow,
)

Ranked = TypeVar(
    "Ranked",
    NewestGateOutcomeRow,
    NewestPipelineRunRow,
    NewestResultRow,
    NewestRunRow,
    NewestShiftRow,
    NewestVerdictRow,
)

# The tie of a pipeline's run that any other of its rank follows, and of a run that any other of its
# rank precedes.
BEFORE_ALL, AFTER_ALL = -1, 2**63 - 1


def tie_of(digest: bytes) -> int:
    """A tie from the beginning of a digest, as a number that SQLite can store."""
    return int.from_bytes(digest[:8], "big") >> 1


def newest(known: Ranked | None, row: Ranked, rank: Rank) -> Ranked:
    """The newer of two rows, of which `row` has the rank."""
    if rank.ahead:
        before = -math.inf if known is None else known.rank_seconds
        return replace(row, rank_seconds=before, tie=BEFORE_ALL)
    if known is None:
        return row
    seconds, known_seconds = rank.seconds, known.rank_seconds
    if seconds > known_seconds or known_seconds > rank.horizon_seconds:
        return row
    return row if seconds == known_seconds and rank.tie >= known.tie else known


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


def with_suite(row: SuiteDurationsRow | None, seconds: float) -> SuiteDurationsRow:
    """A project's totals after a suite that took so long."""
    row = row or SuiteDurationsRow(0, 0.0)
    return SuiteDurationsRow(row.count + 1, row.sum_seconds + seconds)


def committed(row: TotalsRow | None) -> TotalsRow:
    """The totals after one more commit."""
    row = _known(row)
    return replace(row, commits=row.commits + 1)


def _known(row: TotalsRow | None) -> TotalsRow:
    return TotalsRow(0, 0.0) if row is None else row
