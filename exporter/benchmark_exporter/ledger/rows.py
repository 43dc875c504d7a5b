"""The rows of the ledger's tables, without the columns of a key unless these are shown too."""

import math
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
        # As each result of a burst: its own constructor would take three times as long.
        return tuple.__new__(cls, (*scope.key, result.name, result.unit))


class Series(msgspec.Struct, frozen=True):
    """What a series' next run is judged by; values are in its unit.

    `state` is the judge's SeriesState, encoded by `standings`; None until `Verdicts.standing` has
    made it of what schema 2 kept: `window`, the last runs' values without those of a regression,
    and `previous`, the last verdict. Both are empty afterwards. `pinned` is the value of the pinned
    baseline, `passed_commit` the commit of the last run that was not a regression; `rank_seconds`
    and `tie` are those of the newest run. `shifted_runs` are the last runs in a row that moved with
    an environment shift. `limits_digest` is that of the limits that it was last judged by.
    """

    state: bytes | str | None = None
    window: tuple[float, ...] = ()
    previous: VerdictState | None = None
    pinned: float | None = None
    passed_commit: str = ""
    rank_seconds: float = -math.inf
    tie: int = -1
    shifted_runs: int = 0
    limits_digest: int | None = None

    def is_before(self, place: "Place") -> bool:
        """Whether the newest run that was judged comes before a place."""
        return (self.rank_seconds, self.tie) <= place[:2]


class Place(NamedTuple):
    """Where a run stands among those of its scope. Runs of the same rank and tie follow by row."""

    rank_seconds: float
    tie: int
    run: int


class SettledRow(msgspec.Struct, frozen=True):
    """What a series was judged by after its run of a rank and tie; see `standings`.

    Before that, it was compared with `pinned`.
    """

    rank_seconds: float
    tie: int
    state: bytes | str
    passed_commit: str
    shifted_runs: int
    pinned: float | None

    @property
    def place(self) -> Place:
        """The last place that is settled."""
        return Place(self.rank_seconds, self.tie, 2**63 - 1)

    def covers(self, place: Place) -> bool:
        """Whether a place is up to here."""
        return place[:2] <= (self.rank_seconds, self.tie)


class CheckpointRow(msgspec.Struct, frozen=True):
    """What the run after this one is judged by: a Standing, encoded by `standings`."""

    unit: str
    standing: bytes


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
    that the run was dated in the future. `rank_seconds` and `tie` are its place among the runs of
    its scope.
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
    rank_seconds: float
    tie: int


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
    """`passed_commit` is the commit of the last run before this one that was not a regression.

    `shifted` says whether the result moved with an environment shift; None if its run has no say.
    `counted` says that it was counted as a confirmed regression. `standing_digest` is that of what
    the next run is judged by; None if that is not known, see `standings`.
    """

    verdict: Verdict
    passed_commit: str
    shifted: bool | None = None
    counted: bool = False
    standing_digest: int | None = None


class BaselineRow(msgspec.Struct, frozen=True):
    """`value` is the typical one, in the series' unit."""

    run: int
    run_id: str
    commit_hash: str
    value: float
    p50: float | None
    p95: float | None
    pin: Pin


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


class ExecutableRow(msgspec.Struct, frozen=True):
    """The executable that a benchmark's plain name belongs to in its project."""

    executable: str


class FormerNameRow(msgspec.Struct, frozen=True):
    """A benchmark of a format that names it in more detail since."""

    project: str
    benchmark: str


class CarriedAliasRow(msgspec.Struct, frozen=True):
    """A configured alias whose history was carried over; of all projects where `project` is ''."""

    project: str
    old: str
    new: str
