"""The payloads of the stream's messages. docs/stream.md shows each with an example.

Memory is in 10^6 bytes, CPU in percent of one core.
"""

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
# silent: no line for a minute; gone: no line for an hour, or the file was removed.
ProgressStatus = Literal["running", "silent", "completed", "failed", "interrupted", "gone"]
UNFINISHED: tuple[ProgressStatus, ...] = ("running", "silent")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run has come. A field that no line has set yet is None.

    `branch` is empty if the run states none.

    `skipped` counts the iterations since the run's previous message that have no message.
    """

    run_id: str
    benchmark: str
    project: str
    environment: str
    branch: str
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


class ScopeNews(msgspec.Struct, frozen=True, kw_only=True):
    """Where results come from; what is unknown is empty."""

    project: str
    environment: str
    machine_class: str
    branch: str


class VerdictNews(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A result compared with its history.

    A `worsening_ratio` of 0.2 is 20 % worse, a negative one better; None with too few runs.
    `triage` is the state of an open regression, or of an expected level, that a person gave;
    absent if nobody has.
    """

    name: str
    state: str
    worsening_ratio: float | None
    triage: str = ""
    triaged_by: str = ""


class RunSummary(ScopeNews, frozen=True, kw_only=True):
    """What identifies the newest run of a benchmark in a scope.

    `base_branch` is the branch whose history it is compared with: its own if that is tracked.
    """

    run_id: str
    benchmark: str
    base_branch: str
    commit_hash: str


class RunNews(RunSummary, frozen=True, kw_only=True):
    """The newest run of a benchmark in a scope. `timestamp` is its document's.

    `commit_url` is where its commit is shown, None if that is not known. `p50_ms` has its execution
    times by variant; `verdicts` is sorted worst first.
    """

    commit_url: str | None = None
    format: str
    timestamp: datetime
    failed: bool
    p50_ms: Mapping[str, float]
    verdicts: Sequence[VerdictNews]


class GateNews(ScopeNews, frozen=True, kw_only=True):
    """The newest gate outcome of a benchmark in a scope. Speedups and thresholds are ratios."""

    benchmark: str
    run_id: str
    timestamp: datetime
    passed: bool
    severity: str | None
    speedup_p50: float
    speedup_p95: float | None
    min_speedup_p50: float
    min_speedup_p95: float | None
    criteria: Mapping[str, bool]


class AlertSummary(ScopeNews, frozen=True, kw_only=True):
    """The newest notification of an alert, with what its labels say of where it comes from."""

    alertname: str
    severity: str
    status: str
    summary: str


class AlertNews(AlertSummary, frozen=True, kw_only=True):
    """The newest notification of an alert. `benchmark` is empty if it concerns none."""

    fingerprint: str
    benchmark: str
    received: datetime


class RejectedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A rejected file in the results folder. `place` is a JSON path."""

    file: str
    reason: str
    json_path: str
    detail: str


class RejectedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The rejected files in the results folder: how many there are, and the newest of them."""

    count: int
    files: Sequence[RejectedFile]


class IngestNews(msgspec.Struct, frozen=True, kw_only=True):
    """Why no results can be ingested; None while ingest works."""

    failure: str | None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages this client has missed for good, and why."""

    dropped: int
    reason: Literal["too_slow", "expired"]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to show at one moment; each list is bounded."""

    running: Sequence[Progress] = ()
    runs: Sequence[RunNews] = ()
    gates: Sequence[GateNews] = ()
    alerts: Sequence[AlertNews] = ()
    rejected: RejectedFiles = RejectedFiles(count=0, files=())
    ingest: IngestNews = IngestNews(failure=None)


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A client's first message. `stream` identifies this process's stream.

    `snapshot` is None for a client that resumes where it left off.
    """

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
