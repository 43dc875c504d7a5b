"""Regressions and what is said of them, in an exporter without a process."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.triaging import (
    TriageSelection,
    end_expectations,
    triage,
)
from benchmark_exporter.ledger.triage_rows import TriagedRegression, TriageEntry
from benchmark_exporter.triage.rule import Saying, TriageState
from tests.support.documents import result
from tests.support.histories import STEADY, take, value, verdict
from tests.support.wired import Wired

LIMITS = Config().limits_for
DAY = 86_400.0
COUNTERS = ("", "_triaged", "_noise", "_noise_withdrawn", "_closed")


def said(
    wired: Wired,
    state: TriageState,
    *,
    selection: TriageSelection | None = None,
    **more: str | float,
) -> None:
    saying = replace(Saying(state, "ann", wired.now), **more)
    with wired.ledger.transaction() as transaction:
        triage(transaction, selection or TriageSelection("parsing"), saying, LIMITS)


def end_due(wired: Wired) -> list[str]:
    with wired.ledger.transaction() as transaction:
        return list(end_expectations(transaction, wired.now, LIMITS))


def regression(wired: Wired) -> TriagedRegression:
    with wired.ledger.transaction() as transaction:
        (listed,) = transaction.triage.listed()
    return listed


def history(wired: Wired) -> list[TriageEntry]:
    """The last entry last."""
    with wired.ledger.transaction() as transaction:
        return list(transaction.triage.history(None, None, 1000))[::-1]


def states(wired: Wired) -> list[str]:
    return [entry.state for entry in history(wired)]


def shown(wired: Wired) -> Mapping[str, str] | None:
    """The labels of the state that is exposed."""
    series = wired.samples().get("benchmark_regression_triage_info", {})
    assert len(series) < 2
    return dict(next(iter(series))) if series else None


def counts(wired: Wired) -> list[float | None]:
    return [value(wired, f"benchmark_alerts{name}_total") for name in COUNTERS]


def take_together(wired: Wired, milliseconds: Iterable[float], *, start: int = 0) -> None:
    """The same as `take`, in one batch."""
    for number, each in enumerate(milliseconds, start):
        wired.drop(f"{number}.json", result(number, {"parsing": each}))
    wired.settle()


def regress(wired: Wired) -> Wired:
    """Gives an exporter a confirmed regression of 50 %."""
    take_together(wired, STEADY)
    take(wired, [1.5, 1.5], start=100)
    assert verdict(wired) == "critical"
    return wired
