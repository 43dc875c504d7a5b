"""What result files measured, one value for each result."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.formats import Origin, parse
from benchmark_exporter.model import Better, Rejected, Run
from benchmark_exporter.wording import reason_of


class CompareError(Exception):
    """The comparison cannot be made; the message says of which side, and why."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is compared: a result's name and unit, and which direction is better."""

    name: str
    unit: str
    better: Better | None


def read_results(folder: Path) -> Iterator[tuple[Quantity, float]]:
    """What the documents in a folder measured, in the order of their names.

    Raises:
        CompareError: a document is rejected, or two of them have the same result.
    """
    seen: dict[Quantity, Path] = {}
    for file in sorted(_documents(folder)):
        for quantity, value in _values(file, _read(file)):
            if quantity in seen:
                raise CompareError(
                    f"{file.name} and {seen[quantity].name} both have the result {quantity.name}"
                )
            seen[quantity] = file
            yield quantity, value


def read_runs(folder: Path) -> Sequence[Mapping[Quantity, float]]:
    """The runs of a folder in the order in which they were made: each document is one.

    Raises:
        CompareError: there is none, or a document is rejected.
    """
    read = [(file, _read(file)) for file in _documents(folder)]
    runs = [(run.timestamp_seconds, str(file), run) for file, run in read if run is not None]
    if not runs:
        raise CompareError(f"{folder} has no result file")
    return [
        dict(_values(Path(file), run)) for _, file, run in sorted(runs, key=lambda run: run[:2])
    ]


def _documents(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*.json") if not file.name.startswith("."))


def _read(file: Path) -> Run | None:
    """The run of a document; None for a pipeline's or a baseline."""
    try:
        document = parse(file.read_bytes(), Origin(written_seconds=file.stat().st_mtime))
    except (OSError, Rejected) as error:
        raise CompareError(f"{file}: {reason_of(error)}") from error
    return document if isinstance(document, Run) else None


def _values(file: Path, run: Run | None) -> Iterator[tuple[Quantity, float]]:
    if run is None:
        return
    if run.failures:
        failure = run.failures[0]
        raise CompareError(f"{file.name}: {failure.benchmark} failed: {failure.error}")
    for result in run.results:
        statistics = result.statistics
        value = statistics.p50 if statistics.p50 is not None else statistics.mean
        if value is not None and 0 < value < math.inf:
            yield Quantity(result.name, result.unit, result.better), value
