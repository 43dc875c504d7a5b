"""Bencher Metric Format: benchmarks, their measures, and a value of each.

Its second version has the parameters of a benchmark as well; they are part of its name. Units
follow from the measures that Bencher defines, or from how the name of a measure ends (`p99-ns`,
`throughput_ops_ms`); of others, lower is better only of what is a size or a cost by its name.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import LongName, Number, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_unread
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Result, Run, Statistics

NAME = "bencher"

# Of Bencher's measures, by their slugs. The latency is the benchmark itself.
_LATENCY = "latency"
_UNITS = {
    _LATENCY: "ns",
    "throughput": "ops/s",
    "build-time": "s",
    "file-size": "B",
    "memory": "B",
    "allocated": "B",
}
_COSTS = re.compile(r".*\b(?:instructions|cycles|misses|blocks|branches|faults|allocations)")
_SIZES = re.compile(r".*\bbytes")
# What a project's own measure is in, by the end of its slug: `latency-p99-ns`, `peak-rss-mib`.
_TIME = "ns|us|µs|μs|ms|[num]?secs?|(?:nano|micro|milli)?seconds?"
_WHAT = (
    "ops|operations|requests|reqs|queries|items|events|messages|transactions|rows|records"
    "|iterations|frames|tokens|bytes"
)
_RATE = re.compile(rf"(?:.*-)?(?P<what>{_WHAT})-(?:per-)?(?P<time>s|{_TIME})")
_PER_SECOND = re.compile(r"(?:.*-)?(?P<unit>[rqt]ps|iops)")
_OF_RATES = re.compile(r".*\b(?:throughput|rate|speed|bandwidth|per)\b")
_DURATION = re.compile(rf"(?:.*-)?(?P<unit>{_TIME})")
_DURATION_S = re.compile(r"(?:.*-)?(?:time|latency|duration|elapsed|wall|cpu)-s")
_SIZE = re.compile(r"(?:.*-)?(?P<power>[kmg])(?P<binary>i?)b")
_ENDS = {"p50": "p50", "median": "p50", "p95": "p95", "p99": "p99", "min": "min", "max": "max"}

Metric = dict[str, Number | None]
Measures = dict[LongName, Metric]


class CasePart(msgspec.Struct, frozen=True):
    """A benchmark with some parameters."""

    measures: Measures
    parameters: dict[str, str | float | bool | None] = {}


def matches(document: object) -> bool:
    """The last of all formats: only the shape of the document tells."""
    if not isinstance(document, dict) or not document:
        return False
    first = next(iter(document.values()))
    if isinstance(first, list):
        return objects_with(("measures",), first) and isinstance(first[0]["measures"], dict)
    return objects_with(("value",), first) and isinstance(first, dict)


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, dict[LongName, Measures | list[CasePart]])
    found: dict[tuple[str, str], list[Metric]] = {}
    for name, part in document.items():
        cases = part if isinstance(part, list) else [CasePart(part)]
        for case in cases:
            for measure, metric in case.measures.items():
                key = f"{name}{_parameters(case.parameters)}", measure
                found.setdefault(key, []).append(metric)
    results = [
        result
        for (name, measure), metrics in found.items()
        for result in _result(name, measure, metrics, origin)
    ]
    measured = {(each.benchmark, each.variant) for each in results}
    unread = [
        f"{name}/{measure}" for name, measure in found if (name, _variant(measure)) not in measured
    ]
    return run_of(NAME, origin, results, notes=(*notes, *note_of_unread(unread)))


def _variant(measure: str) -> str:
    return "" if measure == _LATENCY else measure


def _parameters(values: Mapping[str, object]) -> str:
    """The parameters in the order of their names; 16, 16.0 and 1.6e1 are the same number."""
    if not values:
        return ""
    pairs = (f"{name}={_shown(value)}" for name, value in sorted(values.items()))
    return f"({','.join(pairs)})"


def _shown(value: object) -> str:
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:.17g}"
    return value if isinstance(value, str) else json.dumps(value)


def _result(name: str, measure: str, metrics: Sequence[Metric], origin: Origin) -> Iterator[Result]:
    """Of the same measure again, each value is a sample."""
    measured = _quantity(measure)
    if measured.better is None and origin.sidecar.better is not None:
        measured = replace(measured, better=origin.sidecar.better)
    variant = _variant(measure)
    values = [
        value * measured.factor for each in metrics if (value := each.get("value")) is not None
    ]
    if len(values) > 1:
        yield from_samples(name, variant, values, unit=measured.unit, better=measured.better)
        return
    ends = {
        field: value * measured.factor
        for key, field in _ENDS.items()
        if (value := metrics[0].get(key)) is not None
    }
    if values or ends:
        statistics = Statistics(mean=values[0] if values else None, **ends)
        yield Result(name, variant, statistics, unit=measured.unit, better=measured.better)


def _quantity(measure: str) -> Quantity:
    slug = re.sub(r"[\s_/()\[\]-]+", "-", measure.lower()).strip("-")
    if slug in _UNITS:
        return quantity(_UNITS[slug])
    if (unit := _unit_at_end(slug)) is not None:
        return quantity(unit)
    if _SIZES.fullmatch(slug):
        return quantity("B")
    return Quantity(measure[:100], 1.0, "lower" if _COSTS.fullmatch(slug) else None)


def _unit_at_end(slug: str) -> str | None:
    """The unit that a measure's name ends with; None if it ends otherwise, or could mean two."""
    if (rate := _RATE.fullmatch(slug)) is not None:
        return f"{rate['what']}/{rate['time']}"
    if (rate := _PER_SECOND.fullmatch(slug)) is not None:
        return rate["unit"]
    if _OF_RATES.match(slug):
        return None
    if (duration := _DURATION.fullmatch(slug)) is not None:
        return duration["unit"]
    if _DURATION_S.fullmatch(slug):
        return "s"
    if (size := _SIZE.fullmatch(slug)) is not None:
        return f"{size['power'].upper()}{size['binary']}B"
    return None
