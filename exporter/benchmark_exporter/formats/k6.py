"""k6: `--summary-export`, the data of `handleSummary`, and `--new-machine-readable-summary`.

Names are k6's metrics.

A threshold that was crossed is a failure of its metric, and a check or a request that failed is one
as well, unless a threshold allows for it. Where checks or requests have failed, nothing else is
read: what fails is often fast. In `--summary-export` true stands for a threshold that was crossed.
"""

import re
from collections.abc import Iterator, Mapping

from benchmark_exporter.formats.fields import objects_with
from benchmark_exporter.formats.k6_machine_readable import is_machine_readable, of_machine_readable
from benchmark_exporter.formats.k6_parts import CheckPart, GroupPart, K6Document, MetricPart
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_unread
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.units import Quantity
from benchmark_exporter.model import Failure, Rejected, Result, Run, Statistics

NAME = "k6"

_TIME = Quantity("seconds", 1e-3, "lower")
_PER_SECOND = Quantity("per_second", 1.0, None)
_COUNTED = Quantity("per_second", 1.0, "higher")
_DROPPED = Quantity("per_second", 1.0, "lower")
_UNKNOWN = Quantity("", 1.0, None)
# How a test was set up, which is not a result.
_SETTINGS = {"vus", "vus_max"}
_CHECKS, _FAILED_REQUESTS = "checks", "http_req_failed"
_COUNTERS = {"http_reqs": _COUNTED, "iterations": _COUNTED, "dropped_iterations": _DROPPED}
_RATES = {
    _CHECKS: Quantity("ratio", 1.0, "higher"),
    _FAILED_REQUESTS: Quantity("ratio", 1.0, "lower"),
}
# How k6's own trends of times begin; `--summary-export` does not say what a trend contains.
_TIMES = (
    *("http_req_", "iteration_duration", "group_duration", "ws_connecting", "ws_session_duration"),
    *("ws_ping", "grpc_req_duration", "browser_http_req_duration", "browser_web_vital_"),
)
_STATISTIC = re.compile(r"\s*([a-z]+(?:\([\d.]+\))?)")  # with which a threshold begins
_LAYOUT_SHIFT = "browser_web_vital_cls"  # the one of these that is not a time


def matches(document: object) -> bool:
    """Also what `--out json` writes, to say that it is not read."""
    if isinstance(document, list):
        return objects_with(("type", "data", "metric"), document)
    if not isinstance(document, dict):
        return False
    if is_machine_readable(document):
        return True
    if not isinstance(document.get("metrics"), dict):
        return False
    return (
        objects_with(("groups", "checks"), [document.get("root_group")])
        or objects_with(("type", "contains", "values"), document["metrics"])
        or {"iterations", "iteration_duration"} <= document["metrics"].keys()
    )


def parse(raw: object, origin: Origin) -> Run:
    if isinstance(raw, list):
        raise Rejected(
            "unknown_format",
            "k6's single measurements (--out json) are not read; its options --summary-export=FILE "
            "and handleSummary write results",
        )
    seconds: float | None = None
    undated: tuple[str, ...] = ()
    if isinstance(raw, dict) and is_machine_readable(raw):
        document, generated, notes = of_machine_readable(raw)
        if generated:
            seconds, undated = origin.moment(generated, "metadata.generated_at")
    else:
        document, notes = convert(_with_values(raw), K6Document)
    metrics = document.metrics
    failures = {
        name: f"crossed: {', '.join(_crossed(metric))}"
        for name, metric in metrics.items()
        if metric.crossed
    }
    failed = dict(_failed(metrics, document.root_group))
    results = [
        result
        for name, metric in metrics.items()
        if not failed and name not in failures and name not in _SETTINGS
        for result in _results(name, metric)
    ]
    if not failed:
        measured = {each.benchmark for each in results} | failures.keys() | _SETTINGS
        notes = (*notes, *note_of_unread([name for name in metrics if name not in measured]))
    duration_ms = document.state.duration_ms
    return run_of(
        NAME,
        origin,
        results,
        [Failure(name, error) for name, error in (failed | failures).items()],
        seconds=seconds,
        duration_seconds=None if duration_ms is None else duration_ms / 1e3,
        notes=(*notes, *undated),
    )


def _with_values(raw: object) -> object:
    """The document with each metric's values in an object of their own."""
    metrics = raw["metrics"] if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(metrics, dict):
        return raw
    return raw | {
        "metrics": {
            name: {
                "values": {key: value for key, value in part.items() if key != "thresholds"},
                "thresholds": part.get("thresholds", {}),
            }
            if isinstance(part, dict) and "values" not in part
            else part
            for name, part in metrics.items()
        }
    }


def _crossed(metric: MetricPart) -> Iterator[str]:
    """The thresholds that were crossed, with what the value was where the summary has it."""
    for threshold in metric.crossed:
        found = _STATISTIC.match(threshold)
        statistic = found[1] if found else ""
        names = ("rate", "value") if statistic == "rate" else (statistic,)
        value = metric.value(*names)
        yield threshold if value is None else f"{threshold} ({statistic} was {value:.6g})"


def _failed(metrics: Mapping[str, MetricPart], root: GroupPart) -> Iterator[tuple[str, str]]:
    """Checks and requests that failed, unless there is a threshold for how many may."""
    checks = metrics.get(_CHECKS)
    if checks is None or not checks.thresholds or checks.crossed:
        named = False
        for check in _checks(root):
            if check.fails:
                named, count = True, check.passes + check.fails
                path = check.path.strip(":") or check.name
                yield f"{_CHECKS}/{path}", f"{check.fails:.0f} of {count:.0f} failed"
        fails = checks and checks.value("fails")
        if fails and not named:
            yield _CHECKS, f"{fails:.0f} failed"
    requests = metrics.get(_FAILED_REQUESTS)
    if requests is not None and (not requests.thresholds or requests.crossed):
        # A rate counts what is true as passed: here, that is each request that failed.
        rate = requests.value("rate", "value")
        if rate:
            yield _FAILED_REQUESTS, f"{rate:.3%} of the requests failed"


def _checks(root: GroupPart) -> Iterator[CheckPart]:
    groups = [root]
    while groups:
        group = groups.pop()
        yield from group.checks.values() if isinstance(group.checks, dict) else group.checks
        inner = group.groups
        groups += reversed(list(inner.values() if isinstance(inner, dict) else inner))


def _results(name: str, metric: MetricPart) -> Iterator[Result]:
    base, kind = name.partition("{")[0], metric.kind
    if kind == "counter":
        measured = _COUNTERS.get(base, _PER_SECOND)
        statistics = Statistics(mean=metric.value("rate"))
    elif kind == "rate":
        measured = _RATES.get(base, Quantity("ratio", 1.0, None))
        statistics = Statistics(mean=metric.value("rate", "value"))
    elif kind == "gauge":
        measured, statistics = _UNKNOWN, Statistics(mean=metric.value("value"))
    else:
        is_own = base.startswith(_TIMES) and base != _LAYOUT_SHIFT
        is_time = metric.contains == "time" or (is_own and not metric.contains)
        measured = _TIME if is_time else _UNKNOWN
        statistics = _of_trend(metric, measured.factor)
    if statistics != Statistics():
        count = metric.value("count") if kind == "trend" else None
        yield Result(
            name,
            "",
            statistics,
            None if count is None or count < 0 else int(count),
            unit=measured.unit,
            better=measured.better,
        )


def _of_trend(metric: MetricPart, factor: float) -> Statistics:
    def scaled(*names: str) -> float | None:
        value = metric.value(*names)
        return None if value is None else value * factor

    return Statistics(
        p50=scaled("med", "p(50)", "p50"),
        p95=scaled("p(95)", "p95"),
        p99=scaled("p(99)", "p99"),
        mean=scaled("avg"),
        min=scaled("min"),
        max=scaled("max"),
    )
