"""What flows through the exporter. All frozen; a field's name ends in its unit."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

Severity = Literal["critical", "warning"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning")

Better = Literal["lower", "higher"]
# What a series may belong to: a benchmark name in an environment, or a branch and trigger of a pipeline.
SubjectKind = Literal["benchmark", "pipeline"]
BASE_UNITS = ("seconds", "bytes", "per_second", "ratio")

VerdictState = Literal["ok", "improved", "warning", "critical", "insufficient_data"]
VERDICT_STATES: tuple[VerdictState, ...] = (
    "ok",
    "improved",
    "warning",
    "critical",
    "insufficient_data",
)
REGRESSED: tuple[VerdictState, ...] = ("warning", "critical")

MAX_REJECTION_CHARACTERS = 300

RejectionReason = Literal[
    "malformed_json",
    "truncated",
    "not_utf8",
    "not_finite",
    "invalid_value",
    "unknown_format",
    "late_sidecar",
    "too_large",
    "not_a_file",
    "link_outside",
    "unreadable",
    "internal_error",
]


class Rejected(Exception):
    """A document that cannot be ingested: why, where in it, and what was wrong there."""

    def __init__(self, reason: RejectionReason, detail: str, *, json_path: str = "$") -> None:
        self.reason: RejectionReason = reason
        self.json_path = _printable(json_path)
        self.detail = _printable(detail)
        super().__init__(f"{reason} at {self.json_path}: {self.detail}")


def _printable(text: str) -> str:
    """Short enough for a log line, and without what UTF-8 has no bytes for: both may come from the document."""
    short = text if len(text) <= MAX_REJECTION_CHARACTERS else f"{text[:MAX_REJECTION_CHARACTERS]}…"
    return short.encode("utf-8", "backslashreplace").decode()


class Statistics(msgspec.Struct, frozen=True):
    """Statistics of one quantity, in the unit of the result that they are of; None where nobody states them."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    mean: float | None = None
    min: float | None = None
    max: float | None = None
    stddev: float | None = None


class Result(msgspec.Struct, frozen=True):
    """One quantity that a benchmark measured: execution times of a variant (say `compiled` or `fallback`) unless the unit says otherwise.

    `unit` is one of BASE_UNITS, or a tool's own word for what is none of them. `better` is None where nobody says which it is.
    `samples` are in order; where there are some, the statistics are theirs.
    """

    benchmark: str
    variant: str
    statistics: Statistics
    sample_count: int | None = None
    cv_ratio: float | None = None
    unit: str = "seconds"
    better: Better | None = "lower"
    samples: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """What tells the quantity from all others of its environment."""
        return f"{self.benchmark}/{self.variant}" if self.variant else self.benchmark

    @property
    def is_execution_time(self) -> bool:
        return is_execution_time(self.unit, self.better)


def is_execution_time(unit: str, better: Better | None) -> bool:
    """Whether a quantity is a time, and not one that had better be long."""
    return unit == "seconds" and better != "higher"


class Failure(msgspec.Struct, frozen=True):
    """A benchmark that was run and gave an error in place of a measurement."""

    benchmark: str
    error: str


def measurements_digest(results: Sequence[Result], failures: Sequence[Failure]) -> bytes:
    """What tells a run's measurements from others."""
    return hashlib.sha256(msgspec.json.encode((results, failures))).digest()


class Gate(msgspec.Struct, frozen=True):
    """Limits that a comparison has to keep, and the tool's own verdict where it gave one."""

    min_speedup_p50_ratio: float
    min_speedup_p95_ratio: float | None
    max_p95_seconds: float | None
    passed: bool | None = None


class Comparison(msgspec.Struct, frozen=True):
    """How much faster the fast variant of a benchmark is than its reference; gate None where the document has no limits."""

    benchmark: str
    speedup_p50_ratio: float
    speedup_p95_ratio: float | None
    fast_p95_seconds: float
    gate: Gate | None


# What tools call the same architecture.
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


class Machine(msgspec.Struct, frozen=True):
    """What a run was made on, as far as its document says; empty or None where it does not. A host's name is no part of it.

    `profile` is what tells machines apart that are otherwise alike, say a power plan or the kind of a virtual machine.
    """

    os: str = ""
    architecture: str = ""
    cpu_model: str = ""
    cpu_count: int | None = None
    profile: str = ""

    @property
    def class_name(self) -> str:
        """Short and the same for machines whose results can be compared: `linux x86_64 amd epyc 2 cpus`; empty where nothing is known.

        Of an operating system its name counts, not its version, which changes with every update.
        """
        return _class_name(self)


@lru_cache
def _class_name(machine: Machine) -> str:
    os = machine.os.lower().split("-", 1)[0]
    architecture = machine.architecture.lower()
    cpus = "" if machine.cpu_count is None else f"{machine.cpu_count} cpus"
    words = (
        os,
        _ARCHITECTURES.get(architecture, architecture),
        machine.cpu_model.lower(),
        cpus,
        machine.profile.lower(),
    )
    return " ".join(" ".join(words).split())


class Run(msgspec.Struct, frozen=True):
    """One run of a suite, as its document tells it. project and environment are None where it names none."""

    format: str
    run_id: str
    timestamp_seconds: float
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    project: str | None = None
    environment: str | None = None
    commit_hash: str = ""
    branch: str = ""
    suite_duration_seconds: float | None = None
    failures: tuple[Failure, ...] = ()
    machine: Machine | None = None

    @property
    def machine_class(self) -> str:
        """See Machine.class_name; empty where the document does not tell what it was made on."""
        return "" if self.machine is None else self.machine.class_name

    @property
    def outcomes(self) -> Mapping[str, bool]:
        """Every benchmark of the run, and whether it failed."""
        measured: dict[str, bool] = dict.fromkeys(
            [result.benchmark for result in self.results], False
        )
        return measured | dict.fromkeys([failure.benchmark for failure in self.failures], True)


class PipelineRun(msgspec.Struct, frozen=True):
    """One run of a CI pipeline."""

    format: str
    pipeline: str
    branch: str
    trigger: str
    run_id: str
    passed: bool
    timestamp_seconds: float
    duration_seconds: float | None = None


class Baseline(msgspec.Struct, frozen=True):
    """What a tool keeps of an earlier run to compare the next one with: no run, and known for what it is."""

    format: str
    benchmarks: tuple[str, ...]


Document = Run | PipelineRun | Baseline


class Notification(msgspec.Struct, frozen=True):
    """An alert as Alertmanager delivered it. The fingerprint tells it from others, whatever its status."""

    fingerprint: str
    alertname: str
    benchmark: str
    severity: str
    status: str
    summary: str


class GateOutcome(msgspec.Struct, frozen=True):
    """What a comparison means: each criterion of its gate, the whole, and how bad it is (None: no regression)."""

    benchmark: str
    gate: Gate
    criteria: Mapping[str, bool]
    passed: bool
    severity: Severity | None


class Verdict(msgspec.Struct, frozen=True):
    """What a result's typical value means beside what it was before; values in the result's unit.

    Of two references, the rolling and the pinned one, the stricter judges: `limit` and both ratios are by it.
    """

    state: VerdictState
    value: float  # of this run: p50, else mean, else the only value
    rolling: float | None  # median of the window; None: too few runs
    pinned: float | None  # value of the pinned baseline, if one is set
    reference: float | None  # the one of these two that judged it; None: no judgement yet
    limit: float | None  # a value worse than it is a hit; None: too few runs
    worsening_ratio: (
        float | None
    )  # 0.2: 20 % worse than the reference, negative: better; None: no reference, or one of 0
    noise_ratio: (
        float | None
    )  # the noise that it had to exceed, as a share of the reference; None: too few runs, or a reference of 0
    run_count: int  # runs in the window
    suppressed: bool  # worse than the tolerance, but within the noise or judged by too few runs
