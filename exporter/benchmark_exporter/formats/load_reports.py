"""What the reports of HTTP load generators have in common.

Where requests failed, or none was answered, the report is a failure and nothing else is read of it:
what fails is often fast, and tools print a latency of 0 for no answer.
"""

from collections.abc import Iterable, Mapping

from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import Better, Failure, Result, Run, Statistics

MAX_KINDS_SHOWN = 5


def report(
    name: str,
    benchmark: str,
    origin: Origin,
    results: Iterable[Result],
    failed: Mapping[str, float],
    *,
    answered: float | None,
    seconds: float | None = None,
    duration_seconds: float | None = None,
    notes: Iterable[str] = (),
) -> Run:
    """The run of a report; `failed` has how many requests failed, by the kind of failure.

    `answered` is how many requests had an answer, None if the report does not say.
    """
    kinds = [f"{count:.0f} {kind}" for kind, count in failed.items() if count]
    errors: list[str] = []
    if kinds:
        errors = [f"requests failed: {', '.join(kinds[:MAX_KINDS_SHOWN])}"]
    elif answered == 0:
        errors = ["no request was answered"]
    return run_of(
        name,
        origin,
        () if errors else results,
        [Failure(benchmark, error) for error in errors],
        seconds=seconds,
        duration_seconds=duration_seconds,
        notes=notes,
    )


def benchmark_of(origin: Origin, stated: str) -> str:
    """What the sidecar calls the target, or else the report."""
    return origin.sidecar.benchmark or stated


def per_second(benchmark: str, variant: str, statistics: Statistics) -> Result:
    better: Better = "higher"
    return Result(benchmark, variant, statistics, unit="per_second", better=better)
