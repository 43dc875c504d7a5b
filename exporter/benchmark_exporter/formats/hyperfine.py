"""hyperfine: seconds, a sample a run of the command. It writes neither time nor commit; a side file can."""

from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import Name, NonNegative, keys, objects_with
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.model import Result, Run, Statistics

NAME = "hyperfine"


class CommandPart(msgspec.Struct, frozen=True):
    command: Name
    mean: NonNegative
    median: NonNegative
    min: NonNegative
    max: NonNegative
    stddev: NonNegative | None = None
    times: list[NonNegative] | None = None
    memory_usage_byte: list[NonNegative] | None = None


class HyperfineDocument(msgspec.Struct, frozen=True):
    results: Annotated[list[CommandPart], msgspec.Meta(min_length=1)]


def matches(document: object) -> bool:
    return keys(document) == {"results"} and isinstance(document, dict) and objects_with(("command", "mean"), document["results"])


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(raw, HyperfineDocument)
    seconds = origin.seconds()
    results = tuple(result for part in document.results for result in _results(part))
    return Run(format=NAME, run_id=origin.run_id(seconds, results), timestamp_seconds=seconds, results=results, comparisons=())


def _results(part: CommandPart) -> list[Result]:
    if part.times:
        results = [from_samples(part.command, "", part.times)]
    else:
        statistics = Statistics(p50=part.median, mean=part.mean, min=part.min, max=part.max, stddev=part.stddev)
        results = [Result(part.command, "", statistics)]
    if part.memory_usage_byte:
        results.append(from_samples(part.command, "memory", part.memory_usage_byte, unit="bytes"))
    return results
