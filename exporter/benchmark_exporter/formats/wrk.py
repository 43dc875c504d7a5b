"""wrk and wrk2: what they print. The benchmark is the URL.

Percentiles are there with `--latency`; wrk2's allow for requests that waited. A value in a unit of
one letter is followed by a blank. Some builds of wrk2 print the 99th percentile as the third
column of their table, in place of the maximum.

A file may hold the reports of several runs, of which those of one URL are numbered.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from benchmark_exporter.formats.load_reports import benchmark_of, per_second, report
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import MOST
from benchmark_exporter.formats.text_results import Printed
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Rejected, Result, Run, Statistics

NAME = "wrk"
GROWS = True  # reports may be appended

_REMEDY = "write each into a file with a sidecar that has its benchmark"

_TARGET = re.compile(
    r"^Running (\S+) test @ (\S+)(?:\n +\d+ threads? and |\n?\Z)", re.MULTILINE
)  # autocannon prints no threads
_VALUE = r"(-?[\d.]+(?:e[+-]?\d+)?)(us|ms|s|m|h)"
_LATENCY = re.compile(rf"^ +Latency +{_VALUE} +{_VALUE} +{_VALUE} ", re.MULTILINE)
_COLUMNS = re.compile(r"^ +Thread Stats +Avg +Stdev +(Max|99%) ", re.MULTILINE)
_PERCENTILE = re.compile(rf"^ *(50|95|99|100)(?:\.0+)?% +{_VALUE} *$", re.MULTILINE)
# In wrk2's detailed spectrum, in milliseconds.
_SPECTRUM_P95 = re.compile(r"^ +([\d.]+) +0\.950000 +\d+ ", re.MULTILINE)
_REQUESTS = re.compile(r"^Requests/sec: +([\d.]+)$", re.MULTILINE)
_TRANSFER = re.compile(r"^Transfer/sec: +([\d.]+)([KMGT]?)B *$", re.MULTILINE)
_COUNT = re.compile(r"^ +(\d+) requests in ([\d.]+)(us|ms|s|m|h),", re.MULTILINE)
_ERRORS = re.compile(
    r"^ +Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$", re.MULTILINE
)
_STATUS = re.compile(r"^ +Non-2xx or 3xx responses: (\d+)$", re.MULTILINE)
_KINDS = ("not connected", "read errors", "write errors", "timeouts")


def matches(document: object) -> bool:
    return isinstance(document, Printed) and _TARGET.search(document.text) is not None


def parse(raw: object, origin: Origin) -> Run:
    text = raw.text if isinstance(raw, Printed) else ""
    starts = [found.start() for found in _TARGET.finditer(text)]
    ends = [*starts[1:], len(text)]
    reports = [_report(text[start:end]) for start, end in zip(starts, ends, strict=True)]
    stated = [benchmark_of(origin, each.target) for each in reports]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    runs = [
        report(
            NAME,
            name,
            origin,
            each.results(name),
            each.failed,
            answered=each.request_count,
            duration_seconds=each.seconds,
        )
        for name, each in zip(names, reports, strict=True)
    ]
    if len(runs) == 1:
        return runs[0]
    durations = [run.suite_duration_seconds for run in runs]
    return run_of(
        NAME,
        origin,
        [result for run in runs for result in run.results],
        [failure for run in runs for failure in run.failures],
        duration_seconds=sum(each for each in durations if each is not None) or None,
        notes=note_of_numbered(stated, names, _REMEDY),
    )


class _Report(NamedTuple):
    """What one run of wrk has printed; a rate is per second."""

    target: str
    latency: Statistics
    request_count: int | None
    requests: float
    transferred_bytes: float
    seconds: float | None
    failed: Mapping[str, float]

    def results(self, name: str) -> list[Result]:
        """The results of the benchmark of a name."""
        latency = Result(name, "", self.latency, self.request_count)
        return [
            *([] if self.latency == Statistics() else [latency]),
            per_second(name, "requests", Statistics(mean=self.requests)),
            per_second(name, "throughput", Statistics(mean=self.transferred_bytes)),
        ]


def _report(text: str) -> _Report:
    """A report.

    Raises:
        Rejected: it ends early, or has a number that a result cannot have.
    """
    target, requests, transfer = (
        pattern.search(text) for pattern in (_TARGET, _REQUESTS, _TRANSFER)
    )
    if target is None or requests is None or transfer is None:  # the last line is the transfer's
        raise Rejected("truncated", "wrk has not printed its bytes per second yet")
    count = _COUNT.search(text)
    size = quantity(f"{transfer[2]}iB" if transfer[2] else "B").factor
    failed: dict[str, float] = {}
    if errors := _ERRORS.search(text):
        failed = dict(zip(_KINDS, map(_number, errors.groups()), strict=True))
    if status := _STATUS.search(text):
        failed["responses of other status than 2xx or 3xx"] = _number(status[1])
    return _Report(
        target[2],
        _latency(text),
        int(count[1][:15]) if count else None,
        _number(requests[1]),
        _number(transfer[1]) * size,
        _seconds(count[2], count[3]) if count else None,
        failed,
    )


def _latency(text: str) -> Statistics:
    percentiles = {
        rank: _seconds(value, unit) for rank, value, unit in reversed(_PERCENTILE.findall(text))
    }
    mean, deviation, most = None, None, percentiles.get("100")
    if found := _LATENCY.search(text):
        parts = found.groups()
        mean, deviation, third = (_seconds(*parts[at : at + 2]) for at in (0, 2, 4))
        columns = _COLUMNS.search(text)
        if columns is None or columns[1] == "Max":
            most = third
        else:
            percentiles.setdefault("99", third)
    if spectrum := _SPECTRUM_P95.search(text):
        percentiles.setdefault("95", _seconds(spectrum[1], "ms"))
    return Statistics(
        p50=percentiles.get("50"),
        p95=percentiles.get("95"),
        p99=percentiles.get("99"),
        mean=mean,
        max=most,
        stddev=deviation,
    )


def _seconds(value: str, unit: str) -> float:
    return _number(value) * quantity({"m": "min"}.get(unit, unit)).factor


def _number(text: str) -> float:
    """A number that was printed; neither wrk nor wrk2 knows more than its digits.

    Raises:
        Rejected: it is not a number that a result can have.
    """
    try:
        number = float(text)
    except ValueError:
        number = MOST * 2
    if not 0 <= number <= MOST:
        raise Rejected("invalid_value", f"{text[:40]!r} is not a number a result can have")
    return number
