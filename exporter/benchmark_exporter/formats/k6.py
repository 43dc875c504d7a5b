"""k6: `--summary-export`, the data of `handleSummary`, and `--new-machine-readable-summary`.

Names are k6's metrics.

A threshold that was crossed is a failure of its metric, and a check or a request that failed is one
as well, unless a threshold allows for it. Where checks or requests have failed, nothing else is
read: what fails is often fast. In `--summary-export` true stands for a threshold that was crossed.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import LongName, NonNegative, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import MOST, convert
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
_LAYOUT_SHIFT = "browser_web_vital_cls"  # the one of these that is not a time


class ThresholdPart(msgspec.Struct, frozen=True):
    ok: bool


class CheckPart(msgspec.Struct, frozen=True):
    name: LongName
    path: str = ""
    passes: NonNegative = 0
    fails: NonNegative = 0


class GroupPart(msgspec.Struct, frozen=True):
    """In `--summary-export`, objects by name take the place of the arrays."""

    groups: "list[GroupPart] | dict[str, GroupPart]" = []
    checks: list[CheckPart] | dict[str, CheckPart] = []


class StatePart(msgspec.Struct, frozen=True, rename={"duration_ms": "testRunDurationMs"}):
    duration_ms: NonNegative | None = None


class MetricPart(msgspec.Struct, frozen=True):
    """A metric of `handleSummary`; in `--summary-export` its values are its keys."""

    type: str = ""
    contains: str = ""
    values: dict[str, object] = {}
    thresholds: dict[str, ThresholdPart | bool] = {}

    @property
    def kind(self) -> str:
        if self.type:
            return self.type
        if "passes" in self.values:
            return "rate"
        if "count" in self.values and "rate" in self.values:
            return "counter"
        return "gauge" if "value" in self.values else "trend"

    @property
    def crossed(self) -> Sequence[str]:
        """The thresholds that were crossed."""
        return [
            threshold
            for threshold, outcome in self.thresholds.items()
            if (outcome is True or (isinstance(outcome, ThresholdPart) and not outcome.ok))
        ]

    def value(self, *names: str) -> float | None:
        """The first of these values that is there and plausible."""
        found = next((self.values[name] for name in names if name in self.values), None)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return float(found) if is_number and abs(found) <= MOST else None  # type: ignore[arg-type]  # it is a number


class K6Document(msgspec.Struct, frozen=True):
    metrics: dict[LongName, MetricPart]
    root_group: GroupPart = GroupPart()
    state: StatePart = StatePart()


class NamedMetricPart(MetricPart, frozen=True, kw_only=True):
    name: LongName


class ChecksPart(msgspec.Struct, frozen=True):
    results: list[CheckPart] = []


class ResultsPart(msgspec.Struct, frozen=True):
    metrics: list[NamedMetricPart]
    checks: ChecksPart = ChecksPart()


class ConfigPart(msgspec.Struct, frozen=True):
    duration: NonNegative = 0.0


class MetadataPart(msgspec.Struct, frozen=True, rename="camel"):
    generated_at: str = ""


class MachineReadableDocument(msgspec.Struct, frozen=True):
    """The duration is in seconds; a counter has no rate, and thresholds are not there."""

    results: ResultsPart
    config: ConfigPart = ConfigPart()
    metadata: MetadataPart = MetadataPart()


def matches(document: object) -> bool:
    """Also what `--out json` writes, to say that it is not read."""
    if isinstance(document, list):
        return objects_with(("type", "data", "metric"), document)
    if not isinstance(document, dict):
        return False
    if _is_machine_readable(document):
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
    if isinstance(raw, dict) and _is_machine_readable(raw):
        stated, notes = convert(raw, MachineReadableDocument)
        document = _of_machine_readable(stated)
        if generated := stated.metadata.generated_at:
            seconds, undated = origin.moment(generated, "metadata.generatedAt")
    else:
        document, notes = convert(_with_values(raw), K6Document)
    metrics = document.metrics
    failures = {
        name: f"crossed: {', '.join(metric.crossed)}"
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


def _is_machine_readable(document: dict[str, object]) -> bool:
    return objects_with(("k6Version",), [document.get("metadata")]) and "results" in document


def _of_machine_readable(stated: MachineReadableDocument) -> K6Document:
    seconds = stated.config.duration
    return K6Document(
        {
            part.name: replace(part, values=part.values | {"rate": count / seconds})
            if part.type == "counter" and seconds and (count := part.value("count")) is not None
            else part
            for part in stated.results.metrics
        },
        GroupPart(checks=stated.results.checks.results),
        StatePart(seconds * 1e3),
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
        p50=scaled("med", "p(50)"),
        p95=scaled("p(95)"),
        p99=scaled("p(99)"),
        mean=scaled("avg"),
        min=scaled("min"),
        max=scaled("max"),
    )
