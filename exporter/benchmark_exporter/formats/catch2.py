"""Catch2 2.9 and later (`--reporter xml`): nanoseconds. Its JSON reporter leaves benchmarks out.

Names are the test case, its sections and the benchmark. One that threw has failed, and so has each
benchmark of a test case that has failed: what it measured may be wrong.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import NamedTuple

from benchmark_exporter.formats.fields import keys
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import MOST
from benchmark_exporter.formats.statistics import coefficient_of_variation
from benchmark_exporter.formats.text_results import Printed
from benchmark_exporter.model import Failure, Rejected, Result, Run, Statistics

NAME = "catch2"

_TO_SECONDS = 1e-9
_REMEDY = "give each a name of its own"
BEGINS = re.compile(rb"\A[^ -~]*\s*(?:<\?xml[^>]*>\s*)?<Catch(?:2TestRun)? ")
_ROOT = re.compile(r"<(Catch(?:2TestRun)?)[ >]")
_BENCHMARK, _FAILED, _OUTCOME = "BenchmarkResults", "failed", "OverallResult"
_NAMED = ("TestCase", "Section")
_MOST_NESTED = 200
_JSON = "Catch2's JSON reporter leaves benchmarks out; its option --reporter xml writes them"


class _Benchmark(NamedTuple):
    name: str
    element: ET.Element
    error: str


def matches(document: object) -> bool:
    if isinstance(document, Printed):
        return _ROOT.search(document.text) is not None
    metadata = document.get("metadata") if isinstance(document, dict) else None
    return "catch2-version" in keys(metadata)


def parse(raw: object, origin: Origin) -> Run:
    if not isinstance(raw, Printed):
        raise Rejected("unknown_format", _JSON)
    found = [each for tree in _trees(raw.text) for each in _benchmarks(tree)]
    stated = [each.name for each in found]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results, failures = list[Result](), list[Failure]()
    for name, each in zip(names, found, strict=True):
        result = None if each.error else _result(name, each.element)
        if result is None:
            failures.append(Failure(name, each.error or "it has no mean"))
        else:
            results.append(result)
    return run_of(NAME, origin, results, failures, notes=note_of_numbered(stated, names, _REMEDY))


def _trees(text: str) -> Iterator[ET.Element]:
    """The document of each executable, without what is around them.

    Raises:
        Rejected: one is not XML, it ends early, or it declares entities, which may expand to any
            size.
    """
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise Rejected("malformed_json", "Catch2 writes no declarations of XML")
    end = 0
    while found := _ROOT.search(text, end):
        close = f"</{found[1]}>"
        end = text.find(close, found.start()) + len(close)
        if end < len(close):
            raise Rejected("truncated", "the file ends before its XML does")
        try:
            yield ET.fromstring(text[found.start() : end])  # noqa: S314  # no declarations
        except (ET.ParseError, ValueError) as error:
            raise Rejected("malformed_json", f"not XML: {error}") from error


def _benchmarks(root: ET.Element) -> Iterator[_Benchmark]:
    """Each benchmark with its name, and why it has failed if it has."""
    ahead: list[tuple[ET.Element, tuple[str, ...], str]] = [(root, (), "")]
    while ahead:
        element, path, error = ahead.pop()
        if element.tag in _NAMED:
            path = (*path, (element.get("name") or "").strip())
            outcome = element.find(_OUTCOME)
            if outcome is not None and outcome.get("success") == "false":
                error = "its test case has failed"
        elif element.tag == _BENCHMARK:
            failed = element.find(_FAILED)
            if failed is not None:
                error = failed.get("message") or "it failed"
            name = "/".join((*path, (element.get("name") or "").strip()))
            yield _Benchmark(name or NAME, element, error)
            continue
        if len(path) > _MOST_NESTED:
            raise Rejected("malformed_json", "nested too deeply")
        ahead += [(child, path, error) for child in reversed(element)]


def _result(name: str, element: ET.Element) -> Result | None:
    mean = _number(element, "mean")
    if mean is None:
        return None
    deviation = _number(element, "standardDeviation")
    count = element.get("samples", "")
    return Result(
        name,
        "",
        Statistics(mean=mean, stddev=deviation),
        int(count) if count.isascii() and count.isdecimal() and len(count) < 10 else None,
        coefficient_of_variation(deviation, mean),
    )


def _number(element: ET.Element, tag: str) -> float | None:
    """Seconds; None for what is not a number that a benchmark has."""
    child = element.find(tag)
    try:
        value = float(child.get("value", "")) if child is not None else MOST * 2
    except ValueError:
        return None
    return value * _TO_SECONDS if 0 <= value <= MOST else None
