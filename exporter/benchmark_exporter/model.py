"""The values that flow through the exporter. All are frozen; field names end in their unit."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from benchmark_exporter.judge import Better as Better
from benchmark_exporter.judge import Verdict as Verdict
from benchmark_exporter.judge import VerdictState as VerdictState

Severity = Literal["critical", "warning"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning")

# What metric series belong to: a benchmark in a scope, or a pipeline's branch and trigger.
SubjectKind = Literal["benchmark", "pipeline"]
BASE_UNITS = ("seconds", "bytes", "per_second", "ratio")

VERDICT_STATES: tuple[VerdictState, ...] = get_args(VerdictState)
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
    """A document that cannot be ingested: the reason, the JSON path, and what is wrong there.

    `settled` is what it is ingested as if it stays as it is, where another file may still follow.
    """

    settled: "Run | None" = None

    def __init__(self, reason: RejectionReason, detail: str, *, json_path: str = "$") -> None:
        self.reason: RejectionReason = reason
        self.json_path = _printable(json_path)
        self.detail = _printable(detail)
        super().__init__(f"{reason} at {self.json_path}: {self.detail}")


def _printable(text: str) -> str:
    """Cut to fit a log line, and encodable in UTF-8: a document's own text may be neither."""
    short = text
    if len(text) > MAX_REJECTION_CHARACTERS:
        whole, space, _ = text[: MAX_REJECTION_CHARACTERS + 1].rpartition(" ")
        # Between words, unless there is but one, as in a JSON path.
        cut = len(whole) if space and len(whole) > MAX_REJECTION_CHARACTERS // 2 else None
        short = f"{text[: cut or MAX_REJECTION_CHARACTERS]}…"
    return short.encode("utf-8", "backslashreplace").decode()


class Scope(msgspec.Struct, frozen=True):
    """Where results come from that may be compared with each other; `branch` is a tracked one."""

    project: str
    environment: str
    machine_class: str
    branch: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """All four, as table keys and the labels of running totals begin."""
        return self.project, self.environment, self.machine_class, self.branch


class Statistics(msgspec.Struct, frozen=True):
    """Statistics of one quantity, in the unit of its result; None where the document has none."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    mean: float | None = None
    min: float | None = None
    max: float | None = None
    stddev: float | None = None


class Result(msgspec.Struct, frozen=True):
    """One quantity that a run measured.

    That is execution times of a variant, for example `compiled` or `fallback`, unless the unit says
    otherwise. `unit` is one of BASE_UNITS, or else the tool's own word. `better` is None where
    neither the unit nor the document gives a direction. `samples` are in order; if there are any,
    the statistics are computed from them.
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
        """What distinguishes the quantity from all others of its environment."""
        return f"{self.benchmark}/{self.variant}" if self.variant else self.benchmark

    @property
    def is_execution_time(self) -> bool:
        return is_execution_time(self.unit, self.better)


def is_execution_time(unit: str, better: Better | None) -> bool:
    """Whether a quantity is a time, and not one of which more is better."""
    return unit == "seconds" and better != "higher"


class Failure(msgspec.Struct, frozen=True):
    """A benchmark that ended in an error instead of a measurement."""

    benchmark: str
    error: str


def measurements_digest(results: Sequence[Result], failures: Sequence[Failure]) -> bytes:
    """What distinguishes a run's measurements from those of another."""
    return hashlib.sha256(msgspec.json.encode((results, failures))).digest()


class Gate(msgspec.Struct, frozen=True):
    """Limits for a comparison, and the outcome where the tool itself gave one."""

    min_speedup_p50_ratio: float
    min_speedup_p95_ratio: float | None
    max_p95_seconds: float | None
    passed: bool | None = None


class Comparison(msgspec.Struct, frozen=True):
    """How much faster a benchmark's fast variant is than its reference implementation.

    `gate` is None where the document sets no limits.
    """

    benchmark: str
    speedup_p50_ratio: float
    speedup_p95_ratio: float | None
    fast_p95_seconds: float
    gate: Gate | None


# Different names of tools for the same architecture.
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


class Machine(msgspec.Struct, frozen=True):
    """The machine of a run, as far as its document states it; empty or None where it does not.

    The host name is not part of it. `profile` distinguishes machines that are otherwise alike, for
    example by a power plan or the type of a virtual machine.
    """

    os: str = ""
    architecture: str = ""
    cpu_model: str = ""
    cpu_count: int | None = None
    profile: str = ""

    @property
    def class_name(self) -> str:
        """The same text for machines whose results can be compared; empty if nothing is known.

        For example `linux x86_64 amd epyc 2 cpus`. Of the operating system only the name counts,
        because its version changes with every update.
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
    """One execution of a benchmark suite, as its document reports it.

    project and environment are None if not stated; `branch` will be merged into `base_branch`.
    `executable` is the program that measured, where two programs of a project may give benchmarks
    the same name. `former_names` has benchmarks that earlier versions of the exporter named in less
    detail, by their names. `measurements` is the digest of the measurements as the document states
    them, where benchmarks were renamed since. `notes` say what was left out, pooled or renamed.
    """

    format: str
    run_id: str
    timestamp_seconds: float
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    project: str | None = None
    environment: str | None = None
    commit_hash: str = ""
    branch: str = ""
    base_branch: str = ""
    suite_duration_seconds: float | None = None
    failures: tuple[Failure, ...] = ()
    machine: Machine | None = None
    executable: str = ""
    former_names: Mapping[str, str] = {}
    measurements: bytes = b""
    notes: tuple[str, ...] = ()

    @property
    def machine_class(self) -> str:
        """See Machine.class_name; empty if the document does not state the machine."""
        return "" if self.machine is None else self.machine.class_name

    @property
    def outcomes(self) -> Mapping[str, bool]:
        """Every benchmark of the run, and whether it failed."""
        measured = dict.fromkeys([result.benchmark for result in self.results], False)
        return measured | dict.fromkeys([failure.benchmark for failure in self.failures], True)


class PipelineRun(msgspec.Struct, frozen=True):
    """One run of a CI pipeline. project is None if the document states none."""

    format: str
    pipeline: str
    branch: str
    trigger: str
    run_id: str
    passed: bool
    timestamp_seconds: float
    duration_seconds: float | None = None
    project: str | None = None


class Baseline(msgspec.Struct, frozen=True):
    """A tool's own file of an earlier run to compare the next one with. It is not a run."""

    format: str
    benchmarks: tuple[str, ...]


Document = Run | PipelineRun | Baseline


class Notification(msgspec.Struct, frozen=True):
    """An alert as Alertmanager delivered it. The fingerprint identifies it, whatever its status.

    Where it comes from is what its labels state; empty for what they do not. `labels` and
    `annotations` are all of them, or none if they are too long to keep.
    """

    fingerprint: str
    alertname: str
    benchmark: str
    severity: str
    status: str
    summary: str
    project: str = ""
    environment: str = ""
    machine_class: str = ""
    branch: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


class GateOutcome(msgspec.Struct, frozen=True):
    """The outcome of a comparison's gate, overall and for each criterion.

    `severity` is None if it is not a regression.
    """

    benchmark: str
    gate: Gate
    criteria: Mapping[str, bool]
    passed: bool
    severity: Severity | None
