"""Past runs in words: the lines and the JSON behind `benchmark-exporter history`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

import msgspec

from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.state import NewestGateOutcome
from benchmark_exporter.model import Result, Verdict
from benchmark_exporter.wording import with_unit

HEADINGS = (
    "RUN",
    "TIME (UTC)",
    "PROJECT",
    "BENCHMARK",
    "ENVIRONMENT",
    "COMMIT",
    "P50",
    "GATE",
    "VERDICT",
)
COMMIT_CHARACTERS = 12
_AGO = re.compile(r"(\d+)([mhdw])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def moment(text: str, now_seconds: float) -> float:
    """The time (seconds since 1970) that `7d` (ago), `2026-11-01` or `2026-11-01T12:00+09:00` means; UTC where no zone is stated.

    Raises:
        ValueError: it is none of these.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now_seconds - (int(ago[1]) * _UNITS[ago[2]]).total_seconds()
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is not a time like 7d, 12h, 2026-11-01 or 2026-11-01T12:00+09:00"
        ) from error
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()


def table(runs: Iterable[RecordedRun]) -> Iterator[str]:
    """A line for each result and failure, in columns."""
    rows = [HEADINGS, *chain.from_iterable(map(_rows, runs))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def to_json(runs: Iterable[RecordedRun]) -> str:
    """An array of runs with all that the ledger keeps of them."""
    documents = msgspec.to_builtins(list(runs))
    for result in chain.from_iterable(document["results"] for document in documents):
        del result["samples"]  # the ledger keeps none, so it would always be empty
    return msgspec.json.format(msgspec.json.encode(documents), indent=2).decode()


def _rows(run: RecordedRun) -> Iterator[Sequence[str]]:
    time = datetime.fromtimestamp(run.timestamp_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    gates = {gate_outcome.benchmark: _gate(gate_outcome) for gate_outcome in run.gate_outcomes}
    values = [
        (
            result.name,
            _value(result),
            gates.get(result.benchmark, "-"),
            _verdict(run.verdicts.get(result.name)),
        )
        for result in run.results
    ]
    values += [(failure.benchmark, "-", "-", f"error: {failure.error}") for failure in run.failures]
    for name, *of_name in values:
        cells = (
            str(run.row),
            time,
            run.project,
            name,
            run.environment,
            run.commit_hash[:COMMIT_CHARACTERS] or "-",
            *of_name,
        )
        yield tuple(map(_printable, cells))


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
    """Beside the result's history."""
    if verdict is None:
        return "-"
    state, ratio = verdict.state.replace("_", " "), verdict.worsening_ratio
    return state if not ratio else f"{state}, {abs(ratio):.1%} {'worse' if ratio > 0 else 'better'}"


def _printable(text: str) -> str:
    """Names come from documents: none may break a line or speak to the terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
