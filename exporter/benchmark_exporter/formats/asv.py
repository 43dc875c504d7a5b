"""asv: results of a commit on a machine, in either version of its files.

The time is the commit's, by which asv orders its graphs. asv reads and writes its file again when
it measures more benchmarks of the commit. `null` is a benchmark that failed, and NaN one that was
skipped. Units follow from the kind of benchmark; of what a `track_` one counts, `benchmarks.json`
in the folder above states it.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeGuard

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import LongName, as_commit, keys
from benchmark_exporter.formats.made import not_a_run, run_of
from benchmark_exporter.formats.naming import NAMES_SHOWN
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import MOST
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Baseline, Failure, Machine, Result, Run, Statistics

NAME = "asv"
GROWS = True

LATEST_MILLISECONDS = 253_402_300_799_000
_BENCHMARKS = "../benchmarks.json"
# What asv takes the kind of a benchmark from: the beginning of its function's name.
_UNITS = {"time": "seconds", "timeraw": "seconds", "mem": "bytes", "peakmem": "bytes"}
_MACHINE_KEYS = {"machine", "os", "arch", "cpu", "num_cpu", "ram", "version"}
# More combinations of parameters than a benchmark has.
_MAX_COMBINATIONS = 100_000


class AsvDocument(msgspec.Struct, frozen=True):
    """`result_columns` is from version 2 on; before it, a result has its own keys.

    Where NaN is in the document, it is a string.
    """

    results: dict[LongName, object]
    commit_hash: str | None = None
    date: object = None
    env_name: str = ""
    params: dict[str, object] = {}
    result_columns: list[str] = []


TYPE_WITH_WORDS = AsvDocument  # NaN is not null


class _Cases(msgspec.Struct, frozen=True):
    """The results of a benchmark, and the values of each parameter as Python writes them.

    `stats_repeat` has how many samples each result is the median of.
    """

    result: Sequence[object] | None = None
    params: Sequence[Sequence[object]] = ()
    samples: Sequence[object] | None = None
    stats_repeat: Sequence[object] | None = None


class BenchmarkPart(msgspec.Struct, frozen=True):
    """A benchmark in `benchmarks.json`."""

    unit: str = ""


def matches(document: object) -> bool:
    """Results, or what is kept with them: `benchmarks.json` and `machine.json`."""
    found = keys(document)
    return (
        {"results", "params", "commit_hash"} <= found
        or _is_machine(document)
        or _is_benchmarks(document)
    )


def parse(raw: object, origin: Origin) -> Run | Baseline:
    if isinstance(raw, dict) and "results" not in raw:
        return not_a_run(NAME, "machine" if _is_machine(raw) else "benchmarks")
    document = raw if isinstance(raw, AsvDocument) else msgspec.convert(raw, AsvDocument)
    results, failures, notes = list[Result](), list[Failure](), list[str]()
    seconds = _seconds(document.date)
    if seconds is None and document.date is not None:
        notes.append("$.date is not a time in milliseconds, and left out")
    units = _Units(origin)
    for name, row in document.results.items():
        cases = _cases(row, document.result_columns)
        if flaw := _flaw(cases):
            notes.append(f"{name} is left out: {flaw}")
            continue
        values = itertools.repeat(None) if cases.result is None else cases.result
        for index, (case, value) in enumerate(zip(_names(name, cases), values, strict=False)):
            if value is None:
                failures.append(Failure(case, "it has no result: it failed, or took too long"))
            elif _is_number(value):
                results.append(_result(case, value, cases, index, units.of(name)))
    commit = document.commit_hash or ""
    return run_of(
        NAME,
        origin,
        results,
        failures,
        seconds=seconds,
        environment=document.env_name[:1024] or None,
        commit=as_commit(commit),
        machine=_machine(document.params),
        notes=notes[:NAMES_SHOWN],
    )


def _seconds(milliseconds: object) -> float | None:
    """Since 1970; None for what is not a time up to the year 9999."""
    if not _is_number(milliseconds) or not 0 <= milliseconds <= LATEST_MILLISECONDS:
        return None
    return milliseconds / 1e3


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number that a result can have: true and NaN are not."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) <= MOST
    )


def _cases(row: object, columns: Sequence[str]) -> _Cases:
    """Of either version; a single number is that of a benchmark without parameters."""
    if isinstance(row, dict):
        result = row.get("result")
        is_one = result is not None and not isinstance(result, list)
        return msgspec.convert(row | {"result": [result]} if is_one else row, _Cases)
    if isinstance(row, list) and columns:
        return msgspec.convert(dict(zip(columns, row, strict=False)) | {"": None}, _Cases)
    return _Cases(result=None if row is None else [row])


def _flaw(cases: _Cases) -> str | None:
    """What is wrong with the parameters of a benchmark; None if they fit its results."""
    count = math.prod(map(len, cases.params))
    if count > _MAX_COMBINATIONS:
        return f"it has {count} combinations of parameters"
    if cases.params and cases.result is not None and len(cases.result) != count:
        return f"it has {len(cases.result)} results of {count} combinations of parameters"
    return None


def _names(name: str, cases: _Cases) -> Iterator[str]:
    """The benchmark with each combination of its parameters, in asv's order."""
    if not cases.params:
        count = 1 if cases.result is None else len(cases.result)
        return iter([name] if count == 1 else [f"{name}[{index}]" for index in range(count)])
    return (f"{name}({','.join(map(str, values))})" for values in itertools.product(*cases.params))


def _samples(cases: _Cases, index: int) -> list[float]:
    samples = cases.samples[index] if cases.samples and index < len(cases.samples) else None
    if not isinstance(samples, list):
        return []
    return [float(each) for each in samples if _is_number(each)]


def _result(name: str, value: float, cases: _Cases, index: int, measured: Quantity) -> Result:
    """asv's result is the median of its samples, which are in the file if it was asked for them."""
    unit, better = measured.unit, measured.better
    if samples := _samples(cases, index):
        scaled = [each * measured.factor for each in samples]
        return from_samples(name, "", scaled, unit=unit, better=better)
    value = value * measured.factor
    counts = cases.stats_repeat
    count = counts[index] if counts and index < len(counts) else None
    if not isinstance(count, int) or count < 1:
        return Result(name, "", Statistics(mean=value), unit=unit, better=better)
    return Result(name, "", Statistics(p50=value), count, unit=unit, better=better)


class _Units:
    """The units of a document's benchmarks; `benchmarks.json` is read where it is needed."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._stated: Mapping[str, str] | None = None

    def of(self, name: str) -> Quantity:
        function = name.rpartition(".")[2]
        unit = _UNITS.get(function.partition("_")[0].lower())
        if unit is None:
            if self._stated is None:
                self._stated = _stated_units(self._origin.beside(_BENCHMARKS) or b"")
            unit = self._stated.get(name, "")
        measured = quantity(unit)
        better = measured.better or self._origin.sidecar.better
        return measured if better == measured.better else replace(measured, better=better)


@lru_cache(maxsize=2)
def _stated_units(data: bytes) -> Mapping[str, str]:
    """The units in a `benchmarks.json`, by benchmark; each file of a folder has the same."""
    try:
        parts = msgspec.json.decode(data, type=dict[str, BenchmarkPart | int])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {name: part.unit for name, part in parts.items() if isinstance(part, BenchmarkPart)}


def _machine(params: Mapping[str, object]) -> Machine | None:
    """Without a version of the system, which changes with each update.

    The machine's name is its class only where nothing else is known: asv's default is the host's.
    """

    def text(key: str) -> str:
        value = params.get(key)
        return value[:1024] if isinstance(value, str) else ""

    os, count = (text("os").split() or [""])[0], text("num_cpu")
    if not (os or text("arch") or text("cpu")):
        return Machine(profile=text("machine")) if text("machine") else None
    cpus = int(count) if count.isascii() and count.isdecimal() and len(count) < 10 else None
    return Machine(os, text("arch"), text("cpu"), cpus)


def _is_machine(document: object) -> bool:
    found = keys(document)
    return {"machine", "version"} <= found and found <= _MACHINE_KEYS


def _is_benchmarks(document: object) -> bool:
    if not isinstance(document, dict) or "version" not in document:
        return False
    first = next(iter(document.values()))
    return {"code", "name", "type", "unit"} <= keys(first)
