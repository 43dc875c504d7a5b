"""The state of the ledger: all that a scrape shows. `state_reading` reads it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from benchmark_exporter.counters import COUNTERS, HISTOGRAMS, of_subjects
from benchmark_exporter.counters import REGRESSIONS_BY_COMMIT as BY_COMMIT
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.ledger.shift_state import AcceptedShift, NewestShift
from benchmark_exporter.ledger.subject_place import SubjectPlace
from benchmark_exporter.ledger.triage_rows import NewestTriage
from benchmark_exporter.model import (
    Result,
    Scope,
    Severity,
    SubjectKind,
    Verdict,
)

# Counters and histograms whose labels begin with those of a subject. Others are read whole.
SUBJECT_COUNTERS = of_subjects(COUNTERS)
SUBJECT_HISTOGRAMS = of_subjects(HISTOGRAMS)
REGRESSIONS_BY_COMMIT = BY_COMMIT.name

# How many of the newest a scrape shows or takes into account.
COMMITS_SHOWN = 5
SUITE_DURATIONS = 100
FAILURE_RATIO_RUNS, FAILURE_RATIO_LEAST_RUNS = 20, 5

Labels = tuple[str, ...]


class Subject(NamedTuple):
    """What a group of series belongs to.

    The name of a benchmark or result in a scope; or a project's pipeline by branch and trigger.
    What a kind does not have is empty.
    """

    kind: SubjectKind
    project: str
    name: str
    environment: str
    machine_class: str
    branch: str
    trigger: str

    @classmethod
    def benchmark(cls, scope: Scope, name: str) -> "Subject":
        """The subject of a benchmark or result."""
        project, environment, machine_class, branch = scope.key
        # Its own constructor would take three times as long.
        of = ("benchmark", project, name, environment, machine_class, branch, "")
        return tuple.__new__(cls, of)

    @classmethod
    def pipeline(cls, project: str, pipeline: str, branch: str, trigger: str) -> "Subject":
        """The subject of a pipeline's branch and trigger."""
        return cls("pipeline", project, pipeline, "", "", branch, trigger)

    @property
    def total_labels(self) -> Labels:
        """What the labels of its running totals begin with, as `counters` declares them."""
        if self.kind == "pipeline":
            return self.project, self.name
        return self.project, self.environment, self.machine_class, self.branch, self.name


class SubjectSelection(msgspec.Struct, frozen=True):
    """The subjects that a state has, in their order, and the place of each.

    `counts` says how many of each kind could be shown if there were room for all.
    `first_seen_seconds` is when the one that has waited longest had its last run, in seconds since
    1970; infinity if there is none.
    """

    subjects: Sequence[Subject]
    counts: Mapping[SubjectKind, int]
    first_seen_seconds: float
    places: Sequence[SubjectPlace] = ()


class RunningTotal(msgspec.Struct, frozen=True):
    """A running total, and when its series was born (seconds since 1970)."""

    labels: Labels
    value: int
    born_seconds: float


class Histogram(msgspec.Struct, frozen=True):
    """Observations per bucket, not cumulated, the last beyond every bound; and their sum."""

    labels: Labels
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    born_seconds: float


class NewestResult(msgspec.Struct, frozen=True):
    """Without its samples, which are in the histograms only."""

    scope: Scope
    result: Result


class NewestRun(msgspec.Struct, frozen=True):
    """The newest run of a benchmark."""

    scope: Scope
    benchmark: str
    run_id: str
    commit_hash: str
    format: str
    timestamp_seconds: float
    failed: bool


class NewestGateOutcome(msgspec.Struct, frozen=True):
    """A benchmark's speedups in a run, the limits that its gate set, and the gate's outcome."""

    benchmark: str
    speedup_p50_ratio: float
    speedup_p95_ratio: float | None
    min_speedup_p50_ratio: float
    min_speedup_p95_ratio: float | None
    max_p95_seconds: float | None
    criteria: Mapping[str, bool]
    passed: bool
    severity: Severity | None


class NewestGate(msgspec.Struct, frozen=True):
    """The outcome of a benchmark's newest gate, and the run that it is of."""

    scope: Scope
    run_id: str
    timestamp_seconds: float
    outcome: NewestGateOutcome


class NewestBaseline(msgspec.Struct, frozen=True):
    """What is pinned for a judged series.

    `value` is the typical one, in the series' unit. Speedups are how many times better its newest
    run is than that; None if unknown.
    """

    value: float
    version: str
    run_id: str
    commit_hash: str
    pinned_seconds: float
    speedup_p50_ratio: float | None
    speedup_p95_ratio: float | None


class NewestDrift(msgspec.Struct, frozen=True):
    """That a result gradually became worse.

    `ratios` say by how much, by the span of days that was compared; 0.1 is 10 %. `since_seconds` is
    when the run was made that showed it first.
    """

    since_seconds: float
    ratios: Mapping[str, float]


class NewestVerdict(msgspec.Struct, frozen=True):
    """The newest verdict on a result.

    `passed_commit` is the commit of the last run before this one that was not a regression.
    `shifted` says that it moved with an environment shift. `run` is the row of the run. `drift` is
    None for a result that does not drift, `triage` for one without an open regression.
    """

    scope: Scope
    benchmark: str
    name: str
    commit_hash: str
    passed_commit: str
    unit: str
    verdict: Verdict
    shifted: bool = False
    run: int = 0
    baseline: NewestBaseline | None = None
    drift: NewestDrift | None = None
    triage: NewestTriage | None = None


class PendingReport(msgspec.Struct, frozen=True):
    """A confirmed regression that is not reported to each Prometheus yet.

    `regression` is the verdict of the newest run that confirmed it. `alarm`, `merged` and the times
    are as in `report_rows`; `ended_commit` is None unless a run has ended it.
    """

    regression: NewestVerdict
    alarm: int
    merged: int
    confirmed_seconds: float
    ended_commit: str | None
    ended_seconds: float | None


class NewestPipeline(msgspec.Struct, frozen=True):
    """The newest run of a pipeline's branch and trigger."""

    project: str
    pipeline: str
    branch: str
    trigger: str
    passed: bool
    duration_seconds: float | None


class SuiteDurations(msgspec.Struct, frozen=True):
    """The wall times of a project's suites: the newest ones, and the totals of all."""

    project: str
    newest_seconds: Sequence[float]
    count: int
    sum_seconds: float


class FallbackBranch(msgspec.Struct, frozen=True):
    """A branch that is tracked because its project has no run of a tracked branch."""

    project: str
    branch: str


class RejectedFile(msgspec.Struct, frozen=True):
    """A rejected file that is in the folder now."""

    path: str
    reason: str
    json_path: str
    detail: str
    at_seconds: float


class State(msgspec.Struct, frozen=True):
    """All that a scrape shows of the selected subjects, as one commit left it.

    `regressions_by_commit` has the newest commits only. `returned_counters` and
    `returned_histograms` are what counters and histograms were, by name and labels, when their
    subjects came back after more than the age at which they are no longer shown; `born_seconds`
    says when that was. `pipeline_failure_ratios` are by project and pipeline. `reports` are the
    confirmed regressions that are not reported yet, whether they last or have passed. `changes` has
    the newest change point of each series, and the one that its open regression began with.
    """

    commits: int
    selection: SubjectSelection
    counters: Mapping[str, Sequence[RunningTotal]]
    regressions_by_commit: Sequence[RunningTotal]
    histograms: Mapping[str, Sequence[Histogram]]
    returned_counters: Mapping[tuple[str, Labels], RunningTotal]
    returned_histograms: Mapping[tuple[str, Labels], Histogram]
    results: Sequence[NewestResult]
    runs: Sequence[NewestRun]
    gates: Sequence[NewestGate]
    verdicts: Sequence[NewestVerdict]
    changes: Sequence[ChangePoint]
    shifts: Sequence[NewestShift]
    accepted_shifts: Sequence[AcceptedShift]
    pipelines: Sequence[NewestPipeline]
    pipeline_failure_ratios: Mapping[tuple[str, str], float]
    suite_durations: Sequence[SuiteDurations]
    fallback_branches: Sequence[FallbackBranch]
    rejected_files: Sequence[RejectedFile]
    notifications: Sequence[ReceivedNotification]
    last_ingest_seconds: float
    reports: Sequence[PendingReport] = ()
