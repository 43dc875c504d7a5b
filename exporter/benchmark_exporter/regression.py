"""Whether a run is a regression: by the gate that it has to keep, and beside what it was before. Pure: what to judge by is handed in.

docs/detection.md says why it judges so, how well that works and how to set the limits.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from benchmark_exporter.model import (
    Comparison,
    Gate,
    GateOutcome,
    Result,
    Severity,
    Verdict,
    VerdictState,
)

# Bounded above, since YAML has a word for infinity.
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]

# The median absolute deviation times this estimates a normal distribution's standard deviation
# (Rousseeuw and Croux 1993, Alternatives to the Median Absolute Deviation, J. Am. Stat. Assoc. 88, 1273).
_DEVIATIONS_PER_MAD = 1.4826
# The share of a normal distribution's information that it takes in, and so its degrees of freedom for each of theirs (same paper).
_MAD_EFFICIENCY = 0.37
# The standard error of a median beside that of a mean, for a normal distribution and many samples.
_MEDIAN_TO_MEAN_ERROR = math.sqrt(math.pi / 2)


class Policy(msgspec.Struct, frozen=True):
    """What judging a comparison goes by.

    The gates of documents that carry none, by environment and for all others; the speedup p50 under which a regression is critical.
    """

    default_gate: Gate
    critical_speedup_p50_ratio: float
    gates: Mapping[str, Gate] = msgspec.field(default_factory=dict)


def check_gate(comparison: Comparison, policy: Policy, environment: str) -> GateOutcome:
    """The verdict on a comparison: its gate's criteria, the tool's own verdict before ours, and the severity.

    A gate passes when every limit that it has is kept; a value at the limit keeps it, as perf_guard has it.
    """
    gate = comparison.gate or policy.gates.get(environment, policy.default_gate)
    criteria = {"p50": comparison.speedup_p50_ratio >= gate.min_speedup_p50_ratio}
    if gate.min_speedup_p95_ratio is not None and comparison.speedup_p95_ratio is not None:
        criteria["p95"] = comparison.speedup_p95_ratio >= gate.min_speedup_p95_ratio
    if gate.max_p95_seconds is not None:
        criteria["absolute"] = comparison.fast_p95_seconds <= gate.max_p95_seconds
    passed = all(criteria.values()) if gate.passed is None else gate.passed
    severity: Severity | None = None
    if comparison.speedup_p50_ratio < policy.critical_speedup_p50_ratio:
        severity = "critical"
    elif not passed:
        severity = "warning"
    return GateOutcome(comparison.benchmark, gate, criteria, passed, severity)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a result is judged by its history; config.yaml says what each limit means."""

    tolerance_ratio: Positive = 0.10
    window_runs: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 50
    least_runs: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 8
    noise_factor: Positive = 2.2
    worst_run_factor: Positive = 1.25
    outlier_share: Annotated[float, msgspec.Meta(ge=0, lt=0.5)] = 0.06
    agreement_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.4
    critical_worsening_ratio: Positive = 2.0
    critical_noise_factor: Annotated[float, msgspec.Meta(ge=1, le=1e9)] = 3.0
    shift_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    shift_least_results: Annotated[int, msgspec.Meta(ge=2, le=10**6)] = 4

    def __post_init__(self) -> None:
        """Raises ValueError for a window that is too short; msgspec makes it a ValidationError."""
        if self.least_runs > self.window_runs:
            raise ValueError(
                f"least_runs ({self.least_runs}) must not exceed window_runs ({self.window_runs})"
            )


class History(msgspec.Struct, frozen=True):
    """What judging the next run needs to know of the earlier ones of its series: one result of one environment and machine class.

    `window` has the typical values of its last runs, newest last, without those of a regression. `unconfirmed` is the value of a warning,
    in doubt until one of the next two runs confirms it or both pass. Then it was noise, and joins the window: were it left out, a benchmark
    with two modes could never be seen to have them. A new level is accepted by starting anew, with the pinned run's value as the window.
    """

    window: tuple[float, ...] = ()
    previous: VerdictState | None = None
    unconfirmed: float | None = None

    def after(self, verdict: Verdict, limits: Limits) -> "History":
        """The history that the run after the judged one has."""
        if verdict.state == "critical":
            return History(self.window, "critical")
        in_doubt = () if self.unconfirmed is None else (self.unconfirmed,)
        if verdict.state == "warning":
            return History(
                (*self.window, *in_doubt)[-limits.window_runs :], "warning", verdict.value
            )
        if self.previous == "warning":
            return History(
                (*self.window, verdict.value)[-limits.window_runs :],
                verdict.state,
                self.unconfirmed,
            )
        return History(
            (*self.window, *in_doubt, verdict.value)[-limits.window_runs :], verdict.state
        )


def typical(result: Result) -> float | None:
    """The value that stands for a result, in its unit: p50, else mean, else the only one; None where there is none or no finite one."""
    statistics = result.statistics
    value = statistics.p50 if statistics.p50 is not None else statistics.mean
    if value is None:
        only = [
            each
            for each in (statistics.min, statistics.max, statistics.p95, statistics.p99)
            if each is not None
        ]
        value = only[0] if len(only) == 1 else None
    return value if value is not None and math.isfinite(value) else None


def judge_result(
    result: Result, history: History, pinned: float | None, limits: Limits
) -> Verdict | None:
    """What a result means beside its series' history; None where it has no value, or nobody says which is better.

    `pinned` is the typical value of the pinned baseline, in the result's unit. A worsening is a hit when it exceeds the tolerance and the
    noise. The first hit is a warning. It is critical when one of the two runs before was a hit of about the same size, so that neither an
    outlier nor a run that happens to pass decides alone; when the run before was critical; or at once beyond the critical limits.
    """
    value = typical(result)
    if value is None or result.better is None:
        return None
    sign = 1.0 if result.better == "lower" else -1.0
    ordered = sorted(history.window)
    enough = len(ordered) >= limits.least_runs
    rolling = _median(ordered) if ordered else None
    references = [] if rolling is None else [_by_rolling(result, sign, rolling, ordered, limits)]
    if pinned is not None:
        noise = references[0].noise * math.sqrt(2) if references else 0.0
        references.append(_reference(pinned, sign, noise, limits))
    judging = min(references, key=lambda reference: sign * reference.limit, default=None)
    if judging is None or not math.isfinite(judging.limit):
        return Verdict(
            "insufficient_data", value, None, pinned, None, None, None, None, len(ordered), False
        )
    worsening = sign * (value - judging.value)
    hit = worsening > judging.margin
    state: VerdictState = "ok"
    if not enough:
        state = "insufficient_data"
    elif hit:
        before = (
            None if history.unconfirmed is None else sign * (history.unconfirmed - judging.value)
        )
        confirmed = before is not None and min(before, worsening) >= limits.agreement_share * max(
            before, worsening
        )
        at_once = worsening > _critical_margin(judging, sign, limits)
        state = "critical" if confirmed or at_once or history.previous == "critical" else "warning"
    elif worsening < -judging.margin:
        state = "improved"
    known = enough or pinned is not None
    return Verdict(
        state=state,
        value=value,
        rolling=rolling if enough else None,
        pinned=pinned,
        reference=judging.value if known else None,
        limit=judging.limit if enough else None,
        worsening_ratio=_share(worsening, judging.value) if known else None,
        noise_ratio=_share(judging.noise, judging.value) if enough else None,
        run_count=len(ordered),
        suppressed=worsening > judging.tolerance and not (hit and enough),
    )


class _Reference(msgspec.Struct, frozen=True):
    """A value that another is judged by, and what it is judged by beside it, in its unit."""

    value: float
    noise: float  # of the difference of the two
    tolerance: float
    margin: float  # a worsening by more than this is a hit
    limit: float  # and so is a value that is worse


def _reference(value: float, sign: float, noise: float, limits: Limits) -> _Reference:
    """`sign` is 1 where lower is better, -1 where higher is."""
    tolerance = limits.tolerance_ratio * abs(value)
    margin = max(tolerance, noise)
    return _Reference(value, noise, tolerance, margin, value + sign * margin)


def _critical_margin(reference: _Reference, sign: float, limits: Limits) -> float:
    """A worsening by more than this is critical at once; none is where there is no share to take of a reference of 0."""
    ratio = limits.critical_worsening_ratio
    share = ratio if sign > 0 else ratio / (1 + ratio)  # a time that doubled is a rate that halved
    return (
        max(share * abs(reference.value), limits.critical_noise_factor * reference.noise)
        if reference.value
        else math.inf
    )


def _by_rolling(
    result: Result, sign: float, rolling: float, ordered: Sequence[float], limits: Limits
) -> _Reference:
    """The median of the window, whose values are `ordered`, and how far from it a run may be by chance.

    Of two bounds the wider. One is that of a normal distribution: Student's t in Cornish and Fisher's expansion (Abramowitz and
    Stegun 1964, 26.7.5), so that few runs give a wide one, with the error of the median itself. The other takes the distribution as it
    is, two modes or skewed: by a factor beyond the worst run of the window but for its outliers.
    """
    count = len(ordered)
    deviation = max(
        _DEVIATIONS_PER_MAD * _median_deviation(ordered, rolling), _standard_error(result, rolling)
    )
    factor, freedom = limits.noise_factor, _MAD_EFFICIENCY * max(count - 1, 1)
    factor += (factor**3 + factor) / (4 * freedom)
    normal = factor * deviation * math.hypot(1.0, _MEDIAN_TO_MEAN_ERROR / math.sqrt(count))
    outliers = math.floor(limits.outlier_share * count)
    usual_worst = (
        ordered[count - 1 - outliers] - rolling if sign > 0 else rolling - ordered[outliers]
    )
    return _reference(rolling, sign, max(normal, limits.worst_run_factor * usual_worst), limits)


def _median(ordered: Sequence[float]) -> float:
    """Of values in order; `statistics.median` would put them in order once more."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _median_deviation(ordered: Sequence[float], middle: float) -> float:
    """The median distance from the median of values in order."""
    half = len(ordered) // 2
    return _median(
        sorted(
            [middle - each for each in ordered[:half]] + [each - middle for each in ordered[half:]]
        )
    )


def _standard_error(result: Result, reference: float) -> float:
    """How far a run's own median may be from that of endless samples, in the result's unit; 0 where the document does not say.

    Of the reference's cv and not the value's, so that a worse value has no wider limit.
    """
    count, cv_ratio = result.sample_count, result.cv_ratio
    if count is None or count < 2 or cv_ratio is None or not math.isfinite(cv_ratio):
        return 0.0
    return _MEDIAN_TO_MEAN_ERROR * abs(cv_ratio * reference) / math.sqrt(count)


def _share(part: float, whole: float) -> float | None:
    """None where the whole is 0, or so near to it that the quotient overflows."""
    ratio = part / abs(whole) if whole else math.nan
    return ratio if math.isfinite(ratio) else None


def is_environment_shift(verdicts: Sequence[Verdict], limits: Limits) -> bool:
    """Whether so many of a run's results moved the same way at once that the machine has changed rather than the code."""
    judged = [verdict.state for verdict in verdicts if verdict.state != "insufficient_data"]
    if len(judged) < limits.shift_least_results:
        return False
    worse = sum(state in ("warning", "critical") for state in judged)
    better = judged.count("improved")
    return max(worse, better) >= limits.shift_share * len(judged)
