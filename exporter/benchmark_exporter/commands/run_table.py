"""Recorded runs for people and programs: the table and the JSON of `history`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain

import msgspec

from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.state import NewestGateOutcome
from benchmark_exporter.model import Result, Verdict
from benchmark_exporter.wording import change, detectable, printable, with_unit

HEADINGS = (
    "RUN",
    "TIME (UTC)",
    "PROJECT",
    "BENCHMARK",
    "BRANCH",
    "ENVIRONMENT",
    "MACHINE CLASS",
    "COMMIT",
    "P50",
    "GATE",
    "VERDICT",
    "DETECTABLE",
)
COMMIT_CHARACTERS = 12

Row = Sequence[str]


def table(rows: Iterable[Row], headings: Row = HEADINGS) -> Iterator[str]:
    """The lines of rows in columns, with headings.

    The machine class is left out where all rows have the same, and what is detectable where none
    says it.
    """
    all_rows: list[Row] = [headings, *rows]
    if not any(row[-1] for row in all_rows[1:]):
        all_rows = [row[:-1] for row in all_rows]
    column = headings.index("MACHINE CLASS")
    if len({row[column] for row in all_rows[1:]}) < 2:
        all_rows = [(*row[:column], *row[column + 1 :]) for row in all_rows]
    widths = [max(map(len, column)) for column in zip(*all_rows, strict=True)]
    for row in all_rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def to_json(runs: Iterable[RecordedRun]) -> str:
    """An array of runs with everything that the ledger keeps of them.

    `branch` is what the run stated, `base_branch` the tracked one whose history it is compared
    with, and belongs to if it is `tracked`.
    """
    documents = msgspec.to_builtins(list(runs))
    for document in documents:
        document["base_branch"] = document.pop("line")
    for result in chain.from_iterable(document["results"] for document in documents):
        del result["samples"]  # the ledger keeps none, so it would always be empty
    return msgspec.json.format(msgspec.json.encode(documents), indent=2).decode()


def rows_of(run: RecordedRun) -> Iterator[Row]:
    """A row for each result and failure of a run."""
    gates = {gate_outcome.benchmark: _gate(gate_outcome) for gate_outcome in run.gate_outcomes}
    for result in run.results:
        yield _result_row(run, result, gates.get(result.benchmark, "-"))
    yield from _failure_rows(run)


def failed_rows_of(run: RecordedRun) -> Iterator[Row]:
    """A row for each failure of a run, and for each result whose gate was not passed."""
    for gate_outcome in run.gate_outcomes:
        if gate_outcome.passed:
            continue
        results = [each for each in run.results if each.benchmark == gate_outcome.benchmark]
        for result in results:
            yield _result_row(run, result, _gate(gate_outcome))
        if not results:
            yield _row(run, gate_outcome.benchmark, "-", _gate(gate_outcome), "-")
    yield from _failure_rows(run)


def _result_row(run: RecordedRun, result: Result, gate: str) -> Row:
    verdict = run.verdicts.get(result.name)
    seen = _detectable(verdict, result)
    return _row(run, result.name, _value(result), gate, _verdict(verdict), seen)


def _failure_rows(run: RecordedRun) -> Iterator[Row]:
    for failure in run.failures:
        yield _row(run, failure.benchmark, "-", "-", f"error: {failure.error}")


def _row(
    run: RecordedRun, name: str, value: str, gate: str, verdict: str, detectable: str = ""
) -> Row:
    at = datetime.fromtimestamp(run.timestamp_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    commit = run.commit_hash[:COMMIT_CHARACTERS] or "-"
    cells = (
        *(str(run.row), at, run.project, name, _branch(run), run.environment),
        *(run.machine_class or "-", commit, value, gate, verdict, detectable),
    )
    return tuple(map(printable, cells))


def _branch(run: RecordedRun) -> str:
    """The run's branch; one that is not tracked with the branch it is compared with."""
    return run.line if run.tracked else f"{run.branch} (against {run.line})"


def _value(result: Result) -> str:
    if result.statistics.p50 is not None:
        return with_unit(result.statistics.p50, result.unit)
    if result.statistics.mean is not None:
        return f"{with_unit(result.statistics.mean, result.unit)} (mean)"
    return "-"


def _gate(gate_outcome: NewestGateOutcome) -> str:
    if gate_outcome.severity is not None:
        return f"{gate_outcome.severity} regression"
    return "passed" if gate_outcome.passed else "failed"


def _verdict(verdict: Verdict | None) -> str:
    """What the history says of a result, and by which limits if not by the default ones."""
    if verdict is None:
        return "-"
    state, changed = verdict.state.replace("_", " "), change(verdict.worsening_ratio)
    parts = [state]
    if verdict.uncapped is not None:
        parts = [f"{state} (capped, else {verdict.uncapped})"]
    if verdict.worsening_ratio and changed:
        parts.append(changed)
    if verdict.limits:
        parts.append(f"by {verdict.limits}")
    return ", ".join(parts)


def _detectable(verdict: Verdict | None, result: Result) -> str:
    """The smallest change that the result's noise lets be reported; empty where unknown."""
    if verdict is None:
        return ""
    return detectable(
        verdict.detectable_ratio,
        verdict.quiet_ratio,
        verdict.reachable_ratio,
        verdict.reachable_samples,
        result.sample_count,
    )
