"""What is true of the process now and is not in the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.stream.hub import StreamFigures
from benchmark_exporter.stream.live_lines import LineRejection
from benchmark_exporter.stream.process_usage import ProcessUsage

# When each Prometheus that scrapes a part did so last, in seconds since 1970.
LastScrapes = Mapping[Part, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Live:
    """How ingest is doing, who scrapes, and where people reach the exporter.

    `measuring_files` are those of the pending ones whose tools may still be measuring.
    `searches_due` is how many series wait for a search for change points. `exporter_url` is None
    where that address is unknown.
    """

    pending_files: int
    scan_duration_seconds: float
    is_ingest_failing: bool = False
    scrapes: LastScrapes = field(default_factory=dict)
    searches_due: int = 0
    measuring_files: int = 0
    exporter_url: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigStatus:
    """Whether config.yaml was accepted when it was last read, and when it last was accepted."""

    successful: bool
    success_timestamp_seconds: float


@dataclass(frozen=True, slots=True)
class LiveProgress:
    """What benchmarks report while they run, and what the stream sent of it.

    `running` has the number of runs by project. `rejected_lines` counts since the start of the
    process.
    """

    running: Mapping[str, int]
    usages: Sequence[ProcessUsage]
    rejected_lines: Mapping[LineRejection, int]
    stream: StreamFigures
