"""The ledger's tables by their columns. To add a column, name it in a migration and here."""

import math
from typing import NamedTuple

import msgspec

from benchmark_exporter.ledger.columns import Table
from benchmark_exporter.ledger.newest_rows import (
    NewestGateOutcomeRow,
    NewestPipelineRunRow,
    NewestResultRow,
    NewestRunRow,
    NewestVerdictRow,
)
from benchmark_exporter.ledger.state import (
    FallbackBranch,
    NewestGateOutcome,
    ReceivedNotification,
    Subject,
)
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

    `window`, `previous` and `unconfirmed` are those of a History, `pinned` is the value of the
    pinned baseline. `passed_commit` is the commit of the last run that was not a regression,
    `rank_seconds` that of the newest run.
    """

    window: tuple[float, ...] = ()
    previous: VerdictState | None = None
    unconfirmed: float | None = None
    pinned: float | None = None
    passed_commit: str = ""
    rank_seconds: float = -math.inf


class Pin(msgspec.Struct, frozen=True):
    """Who pinned a run as what, when (seconds since 1970) and why."""

    version: str
    who: str
    at_seconds: float
    reason: str


# Rows of a table, without the columns of its key unless these are shown too.


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


_SCOPE = Scope.__struct_fields__
_OF_RUN = ("run", "name")
_OF_GATE = ("run", "benchmark")
_SERIES = SeriesKey._fields
_LABELLED = ("name", "labels")

TOTALS = Table("totals", (), TotalsRow, one_row=True)
FILES = Table("files", ("path",), FileRow)
REJECTIONS = Table("rejections", (), RejectionRow)
DOCUMENTS = Table("documents", ("digest",), DocumentRow)
MEASUREMENTS = Table("measurements", ("digest",), MeasurementRow)
RUNS = Table("runs", (), RunRow)
RESULTS = Table("results", _OF_RUN, Result, without=("samples",))
FAILURES = Table("failures", _OF_GATE, FailureRow)
GATE_OUTCOMES = Table("gate_outcomes", _OF_GATE, GateOutcomeRow)
VERDICTS = Table("verdicts", _OF_RUN, VerdictRow, names={"limit": "limit_value"})
SERIES = Table("series", _SERIES, Series)
BASELINES = Table("baselines", _SERIES, BaselineRow)
SHIFTS = Table("shifts", _SCOPE, ShiftRow)
NEWEST_VERDICTS = Table("newest_verdicts", (*_SCOPE, "name"), NewestVerdictRow)
NEWEST_RESULTS = Table("newest_results", (*_SCOPE, "name"), NewestResultRow)
NEWEST_RUNS = Table("newest_runs", (*_SCOPE, "benchmark"), NewestRunRow)
NEWEST_GATE_OUTCOMES = Table("newest_gate_outcomes", (*_SCOPE, "benchmark"), NewestGateOutcomeRow)
PIPELINE_RUNS = Table("pipeline_runs", (), PipelineRunRow)
NEWEST_PIPELINE_RUNS = Table(
    "newest_pipeline_runs", ("project", "pipeline", "branch", "trigger"), NewestPipelineRunRow
)
COUNTERS = Table("counters", _LABELLED, CounterRow)
COMMIT_REGRESSIONS = Table(
    "commit_regressions", (*_SCOPE, "benchmark", "severity", "commit_hash"), CommitRegressionsRow
)
HISTOGRAMS = Table("histograms", _LABELLED, HistogramRow)
NOTIFICATIONS = Table("notifications", ("fingerprint",), ReceivedNotification)
SUBJECTS = Table("subjects", Subject._fields, SubjectRow)
RETURNED = Table("returned", _LABELLED, ReturnedRow)
SUITE_DURATIONS = Table(
    "suite_durations",
    ("project",),
    SuiteDurationsRow,
    names={"count": "duration_count", "sum_seconds": "duration_sum_seconds"},
)
BRANCHES = Table("branches", ("project", "branch"), BranchRow)
FALLBACK_BRANCHES = Table("fallback_branches", ("project",), FallbackBranch)
TABLES = (
    *(TOTALS, FILES, REJECTIONS, DOCUMENTS, MEASUREMENTS, RUNS, RESULTS, FAILURES, GATE_OUTCOMES),
    *(VERDICTS, SERIES, BASELINES, SHIFTS, NEWEST_VERDICTS, NEWEST_RESULTS, NEWEST_RUNS),
    *(NEWEST_GATE_OUTCOMES, PIPELINE_RUNS, NEWEST_PIPELINE_RUNS, COUNTERS, COMMIT_REGRESSIONS),
    *(HISTOGRAMS, NOTIFICATIONS, SUBJECTS, RETURNED, SUITE_DURATIONS, BRANCHES, FALLBACK_BRANCHES),
)
