"""What the messages of the stream carry. docs/stream.md shows each with an example; memory is in 10^6 bytes, CPU in percent of one core."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

MessageType = Literal["hello", "progress", "run", "gate", "alert", "rejected", "ingest", "gap"]
MESSAGE_TYPES: tuple[MessageType, ...] = (
    "hello",
    "progress",
    "run",
    "gate",
    "alert",
    "rejected",
    "ingest",
    "gap",
)
# silent: no line for a minute; gone: none for an hour, or the file was removed.
ProgressStatus = Literal["running", "silent", "completed", "failed", "interrupted", "gone"]
UNFINISHED: tuple[ProgressStatus, ...] = ("running", "silent")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is. What no line has said yet is None.

    `skipped` are iterations since the run's message before that have none of their own.
    """

    run_id: str
    benchmark: str
    project: str
    environment: str
    process: str
    phase: str | None = None
    started: datetime | None = None
    iteration: int | None = None
    iterations: int | None = None
    execution_time_ms: float | None = None
    memory_mb: float | None = None
    peak_memory_mb: float | None = None
    cpu_percent: float | None = None
    status: ProgressStatus = "running"
    skipped: int = 0
    error: str | None = None


class VerdictNews(msgspec.Struct, frozen=True, kw_only=True):
    """A result beside its own history; worsening_ratio 0.2 is 20 % worse, negative is better, None where too few runs tell."""

    name: str
    state: str
    worsening_ratio: float | None


class RunNews(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run of a benchmark in an environment. `timestamp` is its document's.

    `p50_ms` are its execution times by variant; of the judgements the worst come first.
    """

    run_id: str
    benchmark: str
    project: str
    environment: str
    commit_hash: str
    format: str
    timestamp: datetime
    failed: bool
    p50_ms: Mapping[str, float]
    verdicts: Sequence[VerdictNews]


class GateNews(msgspec.Struct, frozen=True, kw_only=True):
    """The newest verdict on a benchmark. Speedups are ratios, and so are the thresholds that they were held to."""

    benchmark: str
    project: str
    run_id: str
    timestamp: datetime
    passed: bool
    severity: str | None
    speedup_p50: float
    speedup_p95: float | None
    min_speedup_p50: float
    min_speedup_p95: float | None
    criteria: Mapping[str, bool]


class AlertNews(msgspec.Struct, frozen=True, kw_only=True):
    """The newest word on an alert. `benchmark` is empty where it is of none."""

    fingerprint: str
    alertname: str
    benchmark: str
    severity: str
    status: str
    summary: str
    received: datetime


class RejectedFileNews(msgspec.Struct, frozen=True, kw_only=True):
    """A rejected file that is in the results folder."""

    file: str
    reason: str
    place: str
    detail: str


class RejectedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The rejected files in the results folder now: how many, and the newest of them."""

    count: int
    files: Sequence[RejectedFileNews]


class IngestNews(msgspec.Struct, frozen=True, kw_only=True):
    """Why no result can be taken in; null while all is well."""

    failure: str | None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that this client has not been sent and will not be: how many, and why."""

    dropped: int
    reason: Literal["too_slow", "expired"]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shown at one moment; each list is bounded."""

    running: Sequence[Progress] = ()
    runs: Sequence[RunNews] = ()
    gates: Sequence[GateNews] = ()
    alerts: Sequence[AlertNews] = ()
    rejected: RejectedFiles = RejectedFiles(count=0, files=())
    ingest: IngestNews = IngestNews(failure=None)


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A client's first message. `stream` names this process's stream; `snapshot` is absent where the client goes on where it was."""

    stream: str
    version: str
    results_dir: str
    resumed: bool
    snapshot: Snapshot | None = None


Metrics = Progress | RunNews | GateNews | AlertNews | RejectedFiles | IngestNews | Gap | Hello
METRICS: Mapping[MessageType, type[Metrics]] = {
    "hello": Hello,
    "progress": Progress,
    "run": RunNews,
    "gate": GateNews,
    "alert": AlertNews,
    "rejected": RejectedFiles,
    "ingest": IngestNews,
    "gap": Gap,
}
