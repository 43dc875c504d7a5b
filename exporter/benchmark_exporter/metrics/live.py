"""What is true of the process now and is not in the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark_exporter.stream.hub import StreamFigures
from benchmark_exporter.stream.live_lines import LineRejection
from benchmark_exporter.stream.process_usage import ProcessUsage


@dataclass(frozen=True, slots=True)
class Live:
    """How ingest is doing; `searches_due` is how many series wait for a search for changes."""

    pending_files: int
    scan_duration_seconds: float
    is_ingest_failing: bool = False
    searches_due: int = 0


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
