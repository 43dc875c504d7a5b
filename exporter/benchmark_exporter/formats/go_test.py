"""`go test -bench`: its text, or the events of `-json` that hold it.

A line is a sample: the mean of its iterations. A name is the package and the benchmark as Go
prints it, with its number of processors (`-8`), which tells runs of `-cpu 1,8` apart. Lines of
`key: value` and of units are those of Go's benchmark data format, which benchstat reads as well.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from benchmark_exporter.formats.dates import moment_of
from benchmark_exporter.formats.fields import as_commit, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import MOST, convert
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.text_results import Printed
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Better, Failure, Machine, Rejected, Result, Run

NAME = "go_test"
GROWS = True  # its output may be followed while it measures
BEGINS = re.compile(rb'\A[^ -~]*\s*(?:(?:goos|goarch|pkg): |\{"(?:Time|Action)":)')

_LINE = re.compile(r"^(Benchmark\S*)[ \t]+(\d+)((?:[ \t]+\S+[ \t]+\S+)+)[ \t]*$", re.MULTILINE)
_KEY = re.compile(r"^([a-z][\w-]*):[ \t]*(.*?)[ \t]*$")
_FAILED = re.compile(r"^\s*--- FAIL: (\S+)")
_PACKAGE_FAILED = re.compile(r"^FAIL\t(\S+)(?:\s+(.*))?$")
_UNIT = re.compile(r"^Unit (\S+)((?: [\w-]+=\S+)+)\s*$")
_PROCESSORS = re.compile(r"-\d+$")
_BEGINNING = re.compile(
    r"^(?:Benchmark\S*[ \t]+\d+[ \t]+[-+.\deE]+[ \t]+\S+|--- FAIL: Benchmark|FAIL\t\S+)",
    re.MULTILINE,
)
# The lines with which a package ends.
_ENDED = re.compile(r"^(?:PASS|FAIL|ok  \t|\?   \t|--- FAIL|exit status )", re.MULTILINE)
_BEGUN = re.compile(r"^goos: ", re.MULTILINE)
_NONE_YET = "go test has not printed a benchmark yet"
_TIME = "ns/op"
# Of a unit such as `p99-ns` or `live-B`, the end is the unit.
_SUFFIX = re.compile(r".*[-_](ns|sec|B|bytes)(/.*)?")
_ERROR_LINES = 3
_LAST = ("pass", "fail", "skip")  # actions that end a package


class Event(msgspec.Struct, frozen=True, rename="pascal"):
    """An event of `-json`; an `Output` may be a part of a line."""

    action: str = ""
    package: str = ""
    output: str = ""
    time: str = ""


class _Printed(NamedTuple):
    """What a text holds: samples by benchmark and unit, failures, keys, directions of units."""

    samples: dict[tuple[str, str], list[float]]
    failures: dict[str, str]
    keys: dict[str, str]
    better: dict[str, Better]


def matches(document: object) -> bool:
    if isinstance(document, Printed):
        text = document.text
        return _BEGINNING.search(text) is not None or (
            _BEGUN.search(text) is not None and _ENDED.search(text) is None
        )
    if isinstance(document, dict):
        document = [document]
    return isinstance(document, list) and objects_with(("Action", "Package"), document)


def parse(raw: object, origin: Origin) -> Run:
    found = _Printed({}, {}, {}, {})
    notes: Sequence[str] = ()
    seconds = None
    if isinstance(raw, Printed):
        _read(raw.text, "", found)
    else:
        events, notes = convert(raw if isinstance(raw, list) else [raw], list[Event])
        for package, text in _texts(events).items():
            _read(text, package, found)
        moment = next((moment_of(event.time) for event in events if event.time), None)
        if moment is not None and moment.tzinfo is not None:
            seconds = origin.to_seconds(moment, json_path="$[0].Time")
    if not found.samples and not found.failures and not _has_ended(raw):
        raise Rejected("truncated", _NONE_YET)
    keys = found.keys
    machine = Machine(keys.get("goos", ""), keys.get("goarch", ""), keys.get("cpu", ""))
    return run_of(
        NAME,
        origin,
        _results(found),
        [Failure(name, error) for name, error in _failed(found)],
        seconds=seconds,
        commit=as_commit(keys.get("commit", "")),
        branch=keys.get("branch", ""),
        machine=machine if machine != Machine() else None,
        notes=notes,
    )


def _has_ended(raw: object) -> bool:
    """Whether a package has, of what has been printed."""
    if isinstance(raw, Printed):
        return _ENDED.search(raw.text) is not None
    events = raw if isinstance(raw, list) else [raw]
    return any(
        isinstance(each, dict) and each.get("Action") in _LAST and "Test" not in each
        for each in events
    )


def _texts(events: Sequence[Event]) -> Mapping[str, str]:
    """What each package printed, whose lines may be split and mixed with others'."""
    parts: dict[str, list[str]] = {}
    for event in events:
        if event.action == "output":
            parts.setdefault(event.package, []).append(event.output)
    return {package: "".join(outputs) for package, outputs in parts.items()}


def _read(text: str, package: str, found: _Printed) -> None:
    begun = set[str]()  # benchmarks of the package that have results or have failed
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if match := _LINE.match(line):
            name = _name(package, match[1])
            begun.add(name)
            fields = match[3].split()
            for value, unit in zip(fields[::2], fields[1::2], strict=False):
                _add(found, name, unit, value)
        elif match := _FAILED.match(line):
            if match[1].startswith("Benchmark"):
                name = _name(package, match[1])
                begun.add(name)
                found.failures[name] = _error(lines, index)
        elif match := _PACKAGE_FAILED.match(line):
            if not any(name in found.failures for name in begun):
                found.failures[match[1]] = f"the package failed: {match[2] or 'no reason is given'}"
            begun.clear()
        elif match := _UNIT.match(line):
            directions = dict(each.split("=", 1) for each in match[2].split())
            if (better := directions.get("better")) in ("lower", "higher"):
                found.better[match[1]] = "lower" if better == "lower" else "higher"
        elif match := _KEY.match(line):
            found.keys[match[1]] = match[2][:1024]
            if match[1] == "pkg":
                package = match[2]
                begun.clear()


def _name(package: str, benchmark: str) -> str:
    return f"{package}.{benchmark}" if package else benchmark


def _add(found: _Printed, name: str, unit: str, value: str) -> None:
    try:
        number = float(value)
    except ValueError:
        return
    if abs(number) <= MOST:  # not NaN either
        found.samples.setdefault((name, unit), []).append(number)


def _error(lines: Sequence[str], at: int) -> str:
    """What the benchmark logged, indented: after the line that says it failed, or before it.

    With `-json`, Go prints it before, as it is logged.
    """
    after = itertools.takewhile(_is_indented, lines[at + 1 : at + 1 + _ERROR_LINES])
    logged = [line.strip() for line in after]
    if not logged:
        start = at
        while start and _is_indented(lines[start - 1]):
            start -= 1
        if not (start and lines[start - 1].startswith("--- ")):  # it is of that one
            logged = [line.strip() for line in lines[max(start, at - _ERROR_LINES) : at]]
    return "; ".join(logged) or "it failed"


def _is_indented(line: str) -> bool:
    return line[:1].isspace()


def _failed(found: _Printed) -> Iterator[tuple[str, str]]:
    """The failures, with the number of processors that Go leaves out of some of their names."""
    ends = {match[0] for name, _ in found.samples if (match := _PROCESSORS.search(name))}
    is_common = len(ends) == 1 and all(_PROCESSORS.search(name) for name, _ in found.samples)
    end = ends.pop() if is_common else ""
    for name, error in found.failures.items():
        is_benchmark = name.rpartition(".")[2].startswith("Benchmark")
        yield (f"{name.removesuffix(end)}{end}" if is_benchmark else name), error


def _results(found: _Printed) -> Iterator[Result]:
    failed = {name for name, _ in _failed(found)}
    for (name, unit), values in found.samples.items():
        if name in failed:
            continue
        measured = _quantity(unit)
        yield from_samples(
            name,
            "" if unit == _TIME else unit,
            [value * measured.factor for value in values],
            unit=measured.unit,
            better=found.better.get(unit, measured.better),
        )


def _quantity(unit: str) -> Quantity:
    measured = quantity(unit)
    if measured.better is None and (suffix := _SUFFIX.fullmatch(unit)):
        return quantity(suffix[1] + (suffix[2] or ""))
    return measured
