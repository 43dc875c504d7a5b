"""tinybench: its tasks with their results, or the table that it makes of them.

`JSON.stringify(bench.tasks.map(({name, result}) => ({name, result})))` and
`JSON.stringify(bench.table())`. Results are milliseconds, the table nanoseconds; from 3.0 on, a
result has its latency in an object of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from benchmark_exporter.formats.fields import LongName, NonNegative, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import MOST, convert
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.model import Failure, Result, Run, Statistics

NAME = "tinybench"

_REMEDY = "give each a name of its own"
_TASK_NAMES = ("Task name", "Task Name")
# The columns of the table in its versions, by the statistic.
_COLUMNS = {
    "mean": ("Latency avg (ns)", "Latency average (ns)", "Average Time (ns)"),
    "p50": ("Latency med (ns)", "Latency median (ns)"),
}
# `233.74 ± 57.84%`, of which only the value is read.
_CELL = re.compile(r"\s*(\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)(?:\s|$)")


class LatencyPart(msgspec.Struct, frozen=True, rename="camel"):
    samples: list[NonNegative] | None = None
    samples_count: int | None = None
    mean: NonNegative | None = None
    min: NonNegative | None = None
    max: NonNegative | None = None
    sd: NonNegative | None = None
    p50: NonNegative | None = None
    p99: NonNegative | None = None


class ResultPart(LatencyPart, frozen=True, rename="camel"):
    """`latency` is from 3.0 on; before it, the result is the latency."""

    latency: LatencyPart | None = None
    state: str = "completed"
    error: object = None


class TaskPart(msgspec.Struct, frozen=True):
    name: LongName
    result: ResultPart | None = None


def matches(document: object) -> bool:
    return isinstance(document, list) and (
        objects_with(("name", "result"), document)
        or any(objects_with((name,), document) for name in _TASK_NAMES)
    )


def parse(raw: object, origin: Origin) -> Run:
    notes: Sequence[str] = ()
    if objects_with(("name", "result"), raw):
        tasks, notes = convert(raw, list[TaskPart])
        stated = [task.name for task in tasks]
        found = [list(_of_task(task)) for task in tasks]
        errors: list[object] = [task.result and task.result.error for task in tasks]
    else:
        rows = msgspec.convert(raw, list[dict[str, object]])
        stated = [_task_name(row) for row in rows]
        found = [list(_of_row(row)) for row in rows]
        errors = [row.get("Error") for row in rows]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    named = list(zip(names, found, errors, strict=True))
    return run_of(
        NAME,
        origin,
        [
            msgspec.structs.replace(each, benchmark=name)
            for name, parts, _ in named
            for each in parts
        ],
        [Failure(name, _failure(error)) for name, parts, error in named if not parts],
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )


def _failure(error: object) -> str:
    """What went wrong; JSON has nothing of an Error, so that it is an empty object in a result."""
    message = error.get("message") if isinstance(error, dict) else error
    return message[:200] if isinstance(message, str) and message else "it has no result: it failed"


def _of_task(task: TaskPart) -> Iterator[Result]:
    result = task.result
    if result is None or result.state in ("errored", "aborted") or result.error is not None:
        return
    found = result.latency or result
    if found.samples:
        yield from_samples("", "", [value * 1e-3 for value in found.samples])
        return
    values = (found.p50, None, found.p99, found.mean, found.min, found.max, found.sd)
    statistics = Statistics(*(None if value is None else value * 1e-3 for value in values))
    if statistics.mean is not None or statistics.p50 is not None:
        count = found.samples_count
        yield Result("", "", statistics, count if count and 0 < count <= MOST else None)


def _of_row(row: Mapping[str, object]) -> Iterator[Result]:
    values = {
        statistic: value * 1e-9
        for statistic, columns in _COLUMNS.items()
        for column in columns
        if (value := _cell(row.get(column))) is not None
    }
    if values:
        count = _cell(row.get("Samples"))
        yield Result("", "", Statistics(**values), int(count) if count else None)


def _task_name(row: Mapping[str, object]) -> str:
    name = next((row[key] for key in _TASK_NAMES if key in row), None)
    return str(name) if name not in (None, "") else NAME


def _cell(value: object) -> float | None:
    found = _CELL.match(value) if isinstance(value, str) and len(value) < 100 else None
    number = float(found[1].replace(",", "")) if found else value
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return float(number) if is_number and 0 <= number <= MOST else None  # type: ignore[arg-type, operator]  # it is a number
