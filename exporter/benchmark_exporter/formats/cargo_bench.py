"""What `cargo bench` prints: lines of libtest and bencher, or criterion's estimates.

libtest's value is the median, and criterion's its best estimate, between two limits.
"""

import re
from collections.abc import Iterator

from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import MOST
from benchmark_exporter.formats.text_results import Printed, with_hint
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Failure, Rejected, Result, Run, Statistics

NAME = "cargo_bench"
GROWS = True  # its output may be followed while it measures
BEGINS = re.compile(rb"^(?:running \d+ tests?\r?$|Benchmarking \S)", re.MULTILINE)

_REMEDY = "write the output of each executable into a file of its own"
_NUMBER = r"([\d,]+(?:\.\d+)?)"
_LIBTEST = re.compile(
    rf"^test (?P<name>\S.*?) +\.\.\. bench: +{_NUMBER} (\S+) \(\+/- [\d,.]+\)(?: = \S+ MB/s)?\s*$"
)
_LIBTEST_FAILED = re.compile(r"^test (?P<name>\S.*?) +\.\.\. FAILED\s*$")
_ESTIMATE = re.compile(
    rf"^(?P<name>\S.*?)? +time: +\[{_NUMBER} (\S+) {_NUMBER} (\S+) {_NUMBER} (\S+)\]"
)
_BEGUN = re.compile(r"^Benchmarking (?P<name>\S.*?)(?:: (?P<stage>\S.*))?$")
_PANICKED = re.compile(r"^thread '.*' (?:\(\d+\) )?panicked at (?P<why>.*)$")
_ANSI = re.compile(r"\x1b\[[\d;]*m")
_BEGINNING = re.compile(
    rf"^test \S.* \.\.\. bench: +{_NUMBER} \S+ \(|^(?:\S.*)? +time: +\[{_NUMBER} \S+ {_NUMBER} "
    r"|^test result: .* measured",
    re.MULTILINE,
)
# What libtest and criterion print before a benchmark has been measured, and libtest at its end.
_STARTED = re.compile(r"^(?:running \d+ tests?$|Benchmarking \S)", re.MULTILINE)
_ENDED = re.compile(r"^test result: ", re.MULTILINE)
# What gungraun and iai print, which cargo bench runs too.
_INSTRUCTIONS = re.compile(r"^ +Instructions: +\d", re.MULTILINE)
# Longer lines are of no benchmark, and cost time.
_MAX_LINE = 4096


def matches(document: object) -> bool:
    return isinstance(document, Printed) and (
        any(_BEGINNING.match(line) for line in _lines(document.text))
        or _STARTED.search(document.text) is not None
    )


def parse(raw: object, origin: Origin) -> Run:
    found: list[tuple[str, float, Quantity]] = []
    failed: dict[str, str] = {}
    begun = name = ""
    for line in _lines(raw.text if isinstance(raw, Printed) else ""):
        if match := _LIBTEST.match(line):
            found.append((match["name"], *_value(match[2], match[3])))
        elif match := _LIBTEST_FAILED.match(line):
            failed[match["name"]] = "it failed"
        elif match := _ESTIMATE.match(line):
            found.append((match["name"] or name or begun or NAME, *_value(match[4], match[5])))
            begun = name = ""
        elif match := _BEGUN.match(line):
            begun = match["name"]
        elif (match := _PANICKED.match(line)) and begun:
            failed[begun] = f"it panicked at {match['why'][:200]}"
        elif line[:1].strip():
            name = line.strip()  # a long one is on a line of its own, before its estimates
    if not found and not failed and isinstance(raw, Printed):
        if _INSTRUCTIONS.search(raw.text):
            raise with_hint(raw.rejected, raw.text.encode())
        if not _ENDED.search(raw.text):
            raise Rejected("truncated", "cargo bench has not printed a benchmark yet")
    stated = [each for each, _, _ in found]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    values = [(value, measured) for _, value, measured in found]
    return run_of(
        NAME,
        origin,
        _results(names, values, failed),
        [Failure(*each) for each in failed.items()],
        notes=note_of_numbered(stated, names, _REMEDY),
    )


def _lines(text: str) -> Iterator[str]:
    """The lines of a text without colours."""
    for line in text.splitlines():
        if len(line) <= _MAX_LINE:
            yield _ANSI.sub("", line) if "\x1b" in line else line


def _results(
    names: list[str], values: list[tuple[float, Quantity]], failed: dict[str, str]
) -> Iterator[Result]:
    for name, (value, measured) in zip(names, values, strict=True):
        if name not in failed and value <= MOST:
            median = Statistics(p50=value)
            yield Result(name, "", median, unit=measured.unit, better=measured.better)


def _value(digits: str, unit: str) -> tuple[float, Quantity]:
    """The value in the base unit of its unit: `ns/iter`, or what a runner of one's own prints."""
    measured = quantity(unit)
    return float(digits.replace(",", "")[:300]) * measured.factor, measured
