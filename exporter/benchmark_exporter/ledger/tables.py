"""The ledger's tables by their columns. To add a column, name it in a migration and in `rows`."""

from benchmark_exporter.ledger.change_points import ChangePoint, CollectedRow, DueRow
from benchmark_exporter.ledger.columns import Table
from benchmark_exporter.ledger.drift_rows import DriftChecksRow, DriftRow
from benchmark_exporter.ledger.newest_rows import (
    NewestGateOutcomeRow,
    NewestPipelineRunRow,
    NewestResultRow,
    NewestRunRow,
    NewestShiftRow,
    NewestVerdictRow,
    RunShiftRow,
)
from benchmark_exporter.ledger.notification_rows import ReceivedSeries
from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.ledger.report_rows import HoldRow, ReportRow, ScraperRow
from benchmark_exporter.ledger.rows import (
    BaselineRow,
    BranchRow,
    CarriedAliasRow,
    CheckpointRow,
    CommitRegressionsRow,
    CounterRow,
    DocumentRow,
    ExecutableRow,
    FailureRow,
    FileRow,
    FormerNameRow,
    GateOutcomeRow,
    HistogramRow,
    MeasurementRow,
    PipelineRunRow,
    RejectionRow,
    ReturnedRow,
    RunRow,
    Series,
    SeriesKey,
    SettledRow,
    SubjectRow,
    SuiteDurationsRow,
    TotalsRow,
    VerdictRow,
)
from benchmark_exporter.ledger.state import (
    FallbackBranch,
    Subject,
)
from benchmark_exporter.ledger.triage_rows import TriageEntry
from benchmark_exporter.model import Result, Scope
from benchmark_exporter.triage.rule import TriageRow

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
SETTLED = Table("settled", _SERIES, SettledRow)
CHECKPOINTS = Table("checkpoints", _OF_RUN, CheckpointRow)
SHIFTS = Table("shifts", _SCOPE, NewestShiftRow)
DRIFTS = Table("drifts", _SERIES, DriftRow)
DRIFT_CHECKS = Table("drift_checks", (), DriftChecksRow, one_row=True)
RUN_SHIFTS = Table("run_shifts", ("run",), RunShiftRow)
NEWEST_VERDICTS = Table("newest_verdicts", (*_SCOPE, "name"), NewestVerdictRow)
NEWEST_RESULTS = Table("newest_results", (*_SCOPE, "name"), NewestResultRow)
NEWEST_RUNS = Table("newest_runs", (*_SCOPE, "benchmark"), NewestRunRow)
NEWEST_GATE_OUTCOMES = Table("newest_gate_outcomes", (*_SCOPE, "benchmark"), NewestGateOutcomeRow)
PIPELINE_RUNS = Table("pipeline_runs", (), PipelineRunRow)
NEWEST_PIPELINE_RUNS = Table(
    "newest_pipeline_runs", ("project", "pipeline", "branch", "trigger"), NewestPipelineRunRow
)
REGRESSION_REPORTS = Table("regression_reports", (*_SCOPE, "name"), ReportRow)
SCRAPERS = Table("scrapers", ("address",), ScraperRow)
HOLDS = Table("holds", ("part",), HoldRow)
COUNTERS = Table("counters", _LABELLED, CounterRow)
COMMIT_REGRESSIONS = Table(
    "commit_regressions", (*_SCOPE, "benchmark", "severity", "commit_hash"), CommitRegressionsRow
)
HISTOGRAMS = Table("histograms", _LABELLED, HistogramRow)
NOTIFICATIONS = Table("notifications", ("fingerprint",), ReceivedNotification)
NOTIFICATION_SERIES = Table("notification_series", ("labels",), ReceivedSeries)
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
EXECUTABLES = Table("executables", ("project", "benchmark"), ExecutableRow)
FORMER_NAMES = Table("former_names", ("project", "benchmark"), FormerNameRow)
CARRIED_ALIASES = Table("carried_aliases", ("project", "old", "new"), CarriedAliasRow)
CHANGE_POINTS = Table("change_points", (*_SERIES, "run"), ChangePoint)
CHANGE_SEARCHES_DUE = Table("change_searches_due", _SERIES, DueRow)
CHANGE_SEARCH = Table("change_search", (), CollectedRow, one_row=True)
TRIAGE = Table("triage", (*_SCOPE, "name"), TriageRow)
TRIAGE_HISTORY = Table("triage_history", (), TriageEntry)
TABLES = (
    *(TOTALS, FILES, REJECTIONS, DOCUMENTS, MEASUREMENTS, RUNS, RESULTS, FAILURES, GATE_OUTCOMES),
    *(VERDICTS, SERIES, SETTLED, CHECKPOINTS, BASELINES, SHIFTS, RUN_SHIFTS),
    *(NEWEST_VERDICTS, NEWEST_RESULTS, NEWEST_RUNS),
    *(NEWEST_GATE_OUTCOMES, PIPELINE_RUNS, NEWEST_PIPELINE_RUNS, COUNTERS, COMMIT_REGRESSIONS),
    *(HISTOGRAMS, NOTIFICATIONS, NOTIFICATION_SERIES, SUBJECTS),
    *(RETURNED, SUITE_DURATIONS, BRANCHES, FALLBACK_BRANCHES),
    *(EXECUTABLES, FORMER_NAMES, CARRIED_ALIASES),
    *(REGRESSION_REPORTS, SCRAPERS, HOLDS),
    *(DRIFTS, DRIFT_CHECKS),
    *(CHANGE_POINTS, CHANGE_SEARCHES_DUE, CHANGE_SEARCH),
    *(TRIAGE, TRIAGE_HISTORY),
)
