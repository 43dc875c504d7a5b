"""k6's new summary (`--new-machine-readable-summary`), as if it were an earlier one.

The duration is in seconds; a counter has no rate, and thresholds are not there. The keys are
documented as `k6Version` and `p(95)`, but k6 writes `k6_version` and `p95`; both are read.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import LongName, NonNegative, objects_with
from benchmark_exporter.formats.k6_parts import (
    CheckPart,
    GroupPart,
    K6Document,
    MetricPart,
    StatePart,
)
from benchmark_exporter.formats.plausible import convert

# The rate of all checks, which an earlier summary calls `checks`.
_SUCCEEDED, _CHECKS = "checks_succeeded", "checks"


class NamedMetricPart(MetricPart, frozen=True, kw_only=True):
    name: LongName


class ChecksPart(msgspec.Struct, frozen=True):
    metrics: list[NamedMetricPart] = []
    results: list[CheckPart] = []


class ResultsPart(msgspec.Struct, frozen=True):
    metrics: list[NamedMetricPart]
    checks: ChecksPart = ChecksPart()


class ConfigPart(msgspec.Struct, frozen=True):
    duration: NonNegative = 0.0


class MetadataPart(msgspec.Struct, frozen=True, rename={"generated_camel": "generatedAt"}):
    generated_at: str = ""
    generated_camel: str = ""


class MachineReadableDocument(msgspec.Struct, frozen=True):
    results: ResultsPart
    config: ConfigPart = ConfigPart()
    metadata: MetadataPart = MetadataPart()


def is_machine_readable(document: dict[str, object]) -> bool:
    metadata = [document.get("metadata")]
    return "results" in document and (
        objects_with(("k6_version",), metadata) or objects_with(("k6Version",), metadata)
    )


def of_machine_readable(raw: object) -> tuple[K6Document, str, Sequence[str]]:
    """The document, when it was written (empty if it does not say), and notes on its values."""
    stated, notes = convert(raw, MachineReadableDocument)
    seconds = stated.config.duration
    document = K6Document(
        dict(_metrics(stated.results, seconds)),
        GroupPart(checks=stated.results.checks.results),
        StatePart(seconds * 1e3),
    )
    return document, stated.metadata.generated_at or stated.metadata.generated_camel, notes


def _metrics(results: ResultsPart, seconds: float) -> Iterator[tuple[str, MetricPart]]:
    for part in results.metrics:
        count = part.value("count") if part.type == "counter" and seconds else None
        per_second = {} if count is None else {"rate": count / seconds}
        yield part.name, replace(part, values=part.values | per_second)
    for part in results.checks.metrics:
        if part.name == _SUCCEEDED and part.value("total"):
            yield _CHECKS, part
