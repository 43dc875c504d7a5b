"""The one order of verdicts: the worst state first, then the largest worsening, then the name."""

from collections.abc import Iterable, Sequence

from benchmark_exporter.ledger import NewestVerdict
from benchmark_exporter.model import Scope, VerdictState

WORST_FIRST: tuple[VerdictState, ...] = (
    "critical",
    "warning",
    "suspect",
    "ok",
    "improved",
    "insufficient_data",
)
_RANK = {state: rank for rank, state in enumerate(WORST_FIRST)}


def verdicts_worst_first(
    verdicts: Iterable[NewestVerdict],
) -> dict[tuple[Scope, str], Sequence[NewestVerdict]]:
    """The verdicts of each benchmark of a scope, worst first.

    A verdict without a worsening ratio counts as unchanged.
    """
    found: dict[tuple[Scope, str], list[NewestVerdict]] = {}
    for newest in worst_first(verdicts):
        found.setdefault((newest.scope, newest.benchmark), []).append(newest)
    return {**found}


def worst_first(verdicts: Iterable[NewestVerdict]) -> Sequence[NewestVerdict]:
    """The verdicts in that order."""
    return sorted(verdicts, key=_badness)


def _badness(newest: NewestVerdict) -> tuple[int, float, str]:
    verdict = newest.verdict
    return _RANK[verdict.state], -(verdict.worsening_ratio or 0.0), newest.name
