"""The rows of the ledger's tables, without the columns of a key unless these are shown too."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from benchmark_exporter.ledger.state import NewestGateOutcome
from benchmark_exporter.model import Result, Scope, Severity, Verdict, VerdictState

Signature = tuple[int, int, int]  # inode, size in bytes, ctime in ns


class SeriesKey(NamedTuple):
    """The results of one scope, name and unit: comparable ones."""

    project: str
    environment: str
    machine_class: str
    branch: str
    name: str
    unit: str

    @classmethod
    def of(cls, scope: Scope, result: Result) -> "SeriesKey":
        """The series that a result in a scope is of."""
        return cls(*scope.key, result.name, result.unit)


class Series(msgspec.Struct, frozen=True):
    """What a series' next run is judged by; values are in its unit.

    `state` is the judge's SeriesState as JSON; None until `Verdicts.state` has made it of what
    schema 2 kept: `window`, the last runs' values without those of a regression, and `previous`,
    the last verdict. Both are empty afterwards. `pinned` is the value of the pinned baseline,
    `passed_commit` the commit of the last run that was not a regression, `rank_seconds` that of the
    newest run.
    """

    state: str | None = None
    window: tuple[float, ...] = ()
    previous: VerdictState | None = None
    pinned: float | None = None
    passed_commit: str = ""
    rank_seconds: float = -math.inf


class Pin(msgspec.Struct, frozen=True):
    """Who pinned a run as what, when (seconds since 1970) and why."""

    version: str
    who: str
    at_seconds: float
    reason: str


class FileRow(msgspec.Struct, frozen=True):
    """A file as it was last read.

    digest is empty if it could not be read, reason None if it was not rejected.
    """

    inode: int
    size_bytes: int
    ctime_ns: int
    digest: bytes
    reason: str | None
    json_path: str | None
    detail: str | None
    at_seconds: float

    @property
    def signature(self) -> Signature:
        """What changes with the file."""
        return self.inode, self.size_bytes, self.ctime_ns


class RejectionRow(msgspec.Struct, frozen=True):
    at_seconds: float
    path: str
    reason: str
    json_path: str
    detail: str


class DocumentRow(msgspec.Struct, frozen=True):
    """`digest` is of the document and its sidecar, `file_digest` of its file's bytes alone."""

    digest: bytes
    file_digest: bytes
    format: str
    at_seconds: float


class MeasurementRow(msgspec.Struct, frozen=True):
    digest: bytes
    at_seconds: float


class RunRow(msgspec.Struct, frozen=True):
    """The row's id is given by SQLite.

    `branch` is what the run's document states. `line` is the tracked branch whose series the run is
    compared with: `tracked` says whether it belongs to it, or only has it as its base. `ahead` says
    that the run was dated in the future.
    """

    project: str
    run_id: str
    measurements: bytes
    format: str
    environment: str
    machine: str
    commit_hash: str
    branch: str
    timestamp_seconds: float
    suite_duration_seconds: float | None
    ingested_seconds: float
    line: str
    tracked: bool
    ahead: bool


class FailureRow(msgspec.Struct, frozen=True):
    error: str


class GateOutcomeRow(msgspec.Struct, frozen=True):
    """`decided` if the tool gave the outcome, not our limits.

    `counted` is the severity that was counted as a regression, if any.
    """

    outcome: NewestGateOutcome
    decided: bool
    counted: Severity | None


class VerdictRow(msgspec.Struct, frozen=True):
    """`passed_commit` is the commit of the last run before this one that was not a regression."""

    verdict: Verdict
    passed_commit: str


class BaselineRow(msgspec.Struct, frozen=True):
    """`value` is the typical one, in the series' unit."""

    run: int
    run_id: str
    commit_hash: str
    value: float
    p50: float | None
    p95: float | None
    pin: Pin


class ShiftRow(msgspec.Struct, frozen=True):
    """Whether the newest run was an environment shift.

    `runs` are those in a row that were, as long as the shift does not last.
    """

    rank_seconds: float
    shifted: bool
    runs: tuple[int, ...]


class DriftRow(msgspec.Struct, frozen=True):
    """A drift of a series.

    `since_seconds` is when the run was made that showed it first; for the others see `judge.Drift`.
    """

    since_seconds: float
    compared_seconds: float
    ratios: Mapping[str, float]


class DriftChecksRow(msgspec.Struct, frozen=True):
    """The newest run when all series were last checked for drifts; 0: never."""

    last_run: int


class PipelineRunRow(msgspec.Struct, frozen=True):
    project: str
    pipeline: str
    run_id: str
    timestamp_seconds: float
    branch: str
    trigger: str
    passed: bool
    duration_seconds: float | None
    rank_seconds: float
    ingested_seconds: float


class CounterRow(msgspec.Struct, frozen=True):
    value: int
    born_seconds: float


class CommitRegressionsRow(msgspec.Struct, frozen=True):
    value: int
    born_seconds: float
    rank_seconds: float


class HistogramRow(msgspec.Struct, frozen=True):
    """Observations a bucket, not cumulated, the last beyond every bound; and their sum."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    born_seconds: float


class TotalsRow(msgspec.Struct, frozen=True):
    commits: int
    last_ingest_seconds: float


class SuiteDurationsRow(msgspec.Struct, frozen=True):
    count: int
    sum_seconds: float


class BranchRow(msgspec.Struct, frozen=True):
    """How many runs stated the branch."""

    runs: int


class SubjectRow(msgspec.Struct, frozen=True):
    """`prefix` begins the labels of each of its series, `position` orders subjects by arrival."""

    prefix: str
    position: int
    seen_seconds: float


class ReturnedRow(msgspec.Struct, frozen=True):
    """A counter or, with bounds and counts, a histogram as it was when its subject returned."""

    at_seconds: float
    bounds: tuple[float, ...] | None
    counts: tuple[int, ...] | None
    total: float
