"""criterion: its folders, or what `cargo criterion --message-format=json` prints.

Of a folder, `estimates.json` is the document. `benchmark.json` names it, or else the folders do;
`sample.json` has the samples, before 0.3.3 as two arrays. Both are written with it. Values are
nanoseconds per iteration.
"""

from collections.abc import Iterator, Sequence

import msgspec

from benchmark_exporter.formats.fields import LongName, NonNegative, Number, Positive, keys
from benchmark_exporter.formats.made import not_a_run, run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import coefficient_of_variation, from_samples
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Baseline, Rejected, Result, Run, Statistics

NAME = "criterion"
GROWS = True  # cargo-criterion's messages may be followed while it measures

_TO_SECONDS = 1e-9
_FOLDER = "criterion"
_REMEDY = "give each a name of its own"
_LINES = ("benchmark-complete", "group-complete")
_FIRST_LINES = 100  # one of which is one of these
# The files next to the estimates: the benchmark's name, its samples, and their outliers' limits.
_OTHERS = ({"group_id", "full_id"}, {"iters", "times"})


class EstimatePart(msgspec.Struct, frozen=True):
    point_estimate: Number


class EstimatesDocument(msgspec.Struct, frozen=True):
    """Before 0.3 these keys were written in camel case: `MedianAbsDev`."""

    mean: EstimatePart | None = None
    median: EstimatePart | None = None
    std_dev: EstimatePart | None = None


class BenchmarkFile(msgspec.Struct, frozen=True):
    full_id: LongName


class SampleFile(msgspec.Struct, frozen=True):
    """Nanoseconds that so many iterations took together."""

    iters: list[Positive]
    times: list[NonNegative]


_ArraysFile = tuple[list[Positive], list[NonNegative]]


class Estimate(msgspec.Struct, frozen=True):
    estimate: Number | None = None
    unit: str = "ns"


class Message(msgspec.Struct, frozen=True):
    """A line that cargo-criterion printed. `measured_values` are of `iteration_count` each."""

    reason: str
    id: LongName = "criterion"
    iteration_count: list[NonNegative] = []
    measured_values: list[Number] = []
    unit: str = "ns"
    typical: Estimate | None = None
    mean: Estimate | None = None
    median: Estimate | None = None


def matches(document: object) -> bool:
    """Any of the files in criterion's folders, or lines of cargo-criterion."""
    if isinstance(document, list):
        if not document:
            return False
        first = document[0]
        if isinstance(first, dict) and "reason" in first:
            return any(
                isinstance(each, dict) and each.get("reason") in _LINES
                for each in document[:_FIRST_LINES]
            )
        return _is_of_floats(document, 4) or (
            len(document) == 2
            and _is_of_floats(document[0])
            and _is_of_floats(document[1], len(document[0]))
        )
    if not isinstance(document, dict):
        return False
    return (
        "point_estimate" in keys(document.get("median", document.get("Median")))
        or any(names <= keys(document) for names in _OTHERS)
        or document.get("reason") in _LINES
    )


def _is_of_floats(value: object, length: int | None = None) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and len(value) == (length or len(value))
        and all(isinstance(each, float) for each in value)
    )


def parse(raw: object, origin: Origin) -> Run | Baseline:
    if isinstance(raw, list) and isinstance(raw[0], dict):
        return _of_messages(raw, origin)
    if isinstance(raw, dict) and "reason" in raw:
        return _of_messages([raw], origin)
    if isinstance(raw, list) or not {"std_dev", "StdDev"} & keys(raw):
        return not_a_run(NAME, _of_folders(origin.path) or NAME)
    names = {"Mean": "mean", "Median": "median", "StdDev": "std_dev"}
    entries = raw.items() if isinstance(raw, dict) else ()
    document, notes = convert(
        {names.get(key, key): value for key, value in entries}, EstimatesDocument
    )
    name, is_final = _name(origin)
    run = run_of(NAME, origin, [_of_estimates(name, document, origin)], notes=notes)
    if is_final:
        return run
    unnamed = Rejected("truncated", "criterion has not written benchmark.json yet")
    unnamed.settled = run
    raise unnamed


def _of_estimates(name: str, document: EstimatesDocument, origin: Origin) -> Result:
    if samples := _samples(origin.beside("sample.json")):
        return from_samples(name, "", samples)
    mean, median, deviation = (
        None if part is None else part.point_estimate * _TO_SECONDS
        for part in (document.mean, document.median, document.std_dev)
    )
    if mean is None and median is None:
        raise Rejected("invalid_value", "there is neither a mean nor a median")
    statistics = Statistics(p50=median, mean=mean, stddev=deviation)
    return Result(name, "", statistics, cv_ratio=coefficient_of_variation(deviation, mean))


def _name(origin: Origin) -> tuple[str, bool]:
    """The name, and whether it is final: criterion writes `benchmark.json` last."""
    if origin.sidecar.benchmark:
        return origin.sidecar.benchmark, True
    benchmark = origin.beside("benchmark.json")
    if benchmark is not None:
        try:
            return msgspec.json.decode(benchmark, type=BenchmarkFile).full_id, True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    if name := _of_folders(origin.path):
        return name, benchmark is not None
    raise Rejected(
        "invalid_value",
        "nothing names this benchmark; keep it in criterion's folders, or use cargo criterion "
        "--message-format=json, or a sidecar with its benchmark",
    )


def _of_folders(path: str) -> str:
    """The name that the folders give: `fib/20` for `target/criterion/fib/20/new/estimates.json`."""
    folders = path.split("/")[:-2]
    if _FOLDER in folders:
        folders = folders[folders.index(_FOLDER) + 1 :]
    return "/".join(folders)


def _samples(data: bytes | None) -> Sequence[float]:
    """The seconds of an iteration in each sample; none if the file is not one of samples."""
    try:
        found = msgspec.json.decode(data or b"", type=SampleFile | _ArraysFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    iters, times = (found.iters, found.times) if isinstance(found, SampleFile) else found
    pairs = zip(times, iters, strict=False)
    return [time / count * _TO_SECONDS for time, count in pairs]


def _of_messages(raw: Sequence[object], origin: Origin) -> Run:
    messages, notes = convert(raw, list[Message])
    parts = [each for each in messages if each.reason == "benchmark-complete"]
    stated = [part.id for part in parts]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results = [
        result
        for name, part in zip(names, parts, strict=True)
        for result in _of_message(name, part)
    ]
    return run_of(NAME, origin, results, notes=(*notes, *note_of_numbered(stated, names, _REMEDY)))


def _of_message(name: str, part: Message) -> Iterator[Result]:
    measured = quantity(part.unit)
    unit, better = measured.unit, measured.better
    pairs = zip(part.measured_values, part.iteration_count, strict=False)
    samples = [value / count * measured.factor for value, count in pairs if count]
    if samples:
        yield from_samples(name, "", samples, unit=unit, better=better)
        return
    median, mean = (
        None
        if each is None or each.estimate is None
        else each.estimate * quantity(each.unit).factor
        for each in (part.median, part.mean or (None if part.median else part.typical))
    )
    if median is not None or mean is not None:
        yield Result(name, "", Statistics(p50=median, mean=mean), unit=unit, better=better)
