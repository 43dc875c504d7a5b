"""What of a run is counted: its execution times, and the names that it has series of."""

from collections.abc import Iterable

from benchmark_exporter.counters import EXECUTION_TIME
from benchmark_exporter.ledger import Labels, Transaction
from benchmark_exporter.model import Result, Run


def observe(
    transaction: Transaction,
    result: Result,
    where: Labels,
    bounds_ms: tuple[float, ...],
    now: float,
) -> None:
    """Adds execution times to the histogram: all samples, or the one value of the run.

    `where` is the key of the scope, `now` is in seconds since 1970.
    """
    statistics = result.statistics
    least = min(statistics.min or 0.0, statistics.p50 or 0.0, statistics.mean or 0.0)
    # A negative time is a difference of times, and a histogram's sum must not fall.
    if not result.is_execution_time or least < 0:
        return
    if result.samples:
        iteration, values = "sample", result.samples
    elif statistics.p50 is not None:
        iteration, values = "median", (statistics.p50,)
    elif statistics.mean is not None:
        iteration, values = "mean", (statistics.mean,)
    else:
        return
    labels = (*where, result.name, iteration)
    milliseconds = [value * 1e3 for value in values]
    transaction.observe(EXECUTION_TIME.name, labels, milliseconds, bounds_ms, now)


def shown_names(run: Run, outcomes: Iterable[str]) -> Iterable[str]:
    """Every name that the run has series of, each benchmark before its variants."""
    of_results = [name for result in run.results for name in (result.benchmark, result.name)]
    compared = [comparison.benchmark for comparison in run.comparisons]
    return dict.fromkeys([*of_results, *outcomes, *compared])
