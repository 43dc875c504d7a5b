"""What flows through the exporter. All frozen; a field's name ends in its unit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning")

MAX_REJECTION_CHARACTERS = 300

RejectionReason = Literal[
    "malformed_json",
    "truncated",
    "not_utf8",
    "not_finite",
    "invalid_value",
    "unknown_format",
    "too_large",
    "not_a_file",
    "link_outside",
    "unreadable",
    "internal_error",
]


class Rejected(Exception):
    """A document that cannot be ingested: why, where in it, and what was wrong there."""

    def __init__(self, reason: RejectionReason, detail: str, *, place: str = "$") -> None:
        self.reason: RejectionReason = reason
        self.place = _printable(place)
        self.detail = _printable(detail)
        super().__init__(f"{reason} at {self.place}: {self.detail}")


def _printable(text: str) -> str:
    """Short enough for a log line, and without what UTF-8 has no bytes for: both may come from the document."""
    short = text if len(text) <= MAX_REJECTION_CHARACTERS else f"{text[:MAX_REJECTION_CHARACTERS]}…"
    return short.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of one variant's execution times, in seconds; None where the document has none."""

    p50_seconds: float
    p95_seconds: float
    p99_seconds: float | None = None
    mean_seconds: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    stddev_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Execution times of one variant (say `compiled` or `fallback`) of a benchmark."""

    benchmark: str
    variant: str
    statistics: Statistics
    sample_count: int | None = None
    cv_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """Limits that a comparison has to keep, and the tool's own verdict where it gave one."""

    min_speedup_p50_ratio: float
    min_speedup_p95_ratio: float | None
    max_p95_seconds: float | None
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much faster the fast variant of a benchmark is than its reference; gate None where the document has no limits."""

    benchmark: str
    speedup_p50_ratio: float
    speedup_p95_ratio: float | None
    fast_p95_seconds: float
    gate: Gate | None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a suite, as its document tells it. project and environment are None where it names none."""

    format: str
    run_id: str
    timestamp_seconds: float
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    project: str | None = None
    environment: str | None = None
    commit_hash: str = ""
    suite_duration_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """One run of a CI pipeline."""

    format: str
    pipeline: str
    branch: str
    trigger: str
    run_id: str
    passed: bool
    timestamp_seconds: float
    duration_seconds: float | None = None


Document = Run | PipelineRun


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert as Alertmanager delivered it. The fingerprint tells it from others, whatever its status."""

    fingerprint: str
    alertname: str
    benchmark: str
    severity: str
    status: str
    summary: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison means: each criterion of its gate, the whole, and how bad it is (None: no regression)."""

    benchmark: str
    gate: Gate
    criteria: Mapping[str, bool]
    passed: bool
    severity: Severity | None
