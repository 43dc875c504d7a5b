"""Runs of tools that state neither a project nor a gate, as most formats make them."""

from collections.abc import Iterable

from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import Baseline, Failure, Machine, Result, Run


def run_of(
    name: str,
    origin: Origin,
    results: Iterable[Result],
    failures: Iterable[Failure] = (),
    *,
    seconds: float | None = None,
    duration_seconds: float | None = None,
    environment: str | None = None,
    commit: str = "",
    branch: str = "",
    machine: Machine | None = None,
    notes: Iterable[str] = (),
) -> Run:
    """The run of a document; `seconds` is when it was, None if the document does not state it."""
    found, failed = tuple(results), tuple(failures)
    when = origin.seconds() if seconds is None else seconds
    return Run(
        format=name,
        run_id=origin.run_id(when, found, failed),
        timestamp_seconds=when,
        results=found,
        comparisons=(),
        environment=environment,
        commit_hash=commit,
        branch=branch,
        suite_duration_seconds=duration_seconds,
        failures=failed,
        machine=machine,
        notes=tuple(notes),
    )


def not_a_run(name: str, *benchmarks: str) -> Baseline:
    """A file that the tool keeps next to its results, such as a list of its benchmarks."""
    return Baseline(name, benchmarks)
