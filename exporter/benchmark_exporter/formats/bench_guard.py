"""bench_guard, perf_suite's predecessor: several benchmarks, fast against slow; microseconds, and a time like "… 22:23:39 JST"."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec

from benchmark_exporter.formats.fields import Count, Name, NonNegative, Positive
from benchmark_exporter.model import Comparison, Gate, Rejected, Result, Run, Statistics

NAME = "bench_guard"

_ZONES = {"JST": timezone(timedelta(hours=9)), "UTC": UTC}


class ConfigPart(msgspec.Struct, frozen=True):
    min_ratio: Positive
    max_p95_us: Positive
    n: Count | None = None


class VariantPart(msgspec.Struct, frozen=True):
    p50_us: NonNegative
    p95_us: Positive
    p99_us: NonNegative
    min_us: NonNegative
    max_us: NonNegative
    mean_us: Positive
    std_us: NonNegative


class BenchmarkPart(msgspec.Struct, frozen=True):
    fast: VariantPart
    slow: VariantPart
    ratio: NonNegative


class TwoTierPart(msgspec.Struct, frozen=True):
    min_ratio_p50: Positive
    min_ratio_p95: Positive


class BenchGuardDocument(msgspec.Struct, frozen=True):
    timestamp: str
    config: ConfigPart
    benchmarks: dict[Name, BenchmarkPart]
    passed: bool
    two_tier_gating: TwoTierPart | None = None


def matches(document: dict[str, object]) -> bool:
    return {"config", "benchmarks", "passed"} <= document.keys() and isinstance(document["benchmarks"], dict)


def parse(raw: dict[str, object]) -> Run:
    document = msgspec.convert(raw, BenchGuardDocument)
    time = _time(document.timestamp)
    return Run(
        format=NAME,
        run_id=time.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"),
        timestamp_seconds=time.timestamp(),
        results=tuple(
            Result(name, variant, _statistics(times), document.config.n, times.std_us / times.mean_us)
            for name, part in document.benchmarks.items()
            for variant, times in (("fast", part.fast), ("slow", part.slow))
        ),
        comparisons=tuple(_comparison(name, part, document) for name, part in document.benchmarks.items()),
    )


def _comparison(name: str, part: BenchmarkPart, document: BenchGuardDocument) -> Comparison:
    tiers = document.two_tier_gating
    gate = Gate(
        min_speedup_p50_ratio=tiers.min_ratio_p50 if tiers else document.config.min_ratio,
        min_speedup_p95_ratio=tiers.min_ratio_p95 if tiers else None,
        max_p95_seconds=document.config.max_p95_us / 1e6,
        # `passed` is of the whole document: when false it does not say which benchmark failed, so each is judged by the limits.
        passed=True if document.passed else None,
    )
    return Comparison(name, part.ratio, part.slow.p95_us / part.fast.p95_us, part.fast.p95_us / 1e6, gate)


def _statistics(times: VariantPart) -> Statistics:
    return Statistics(
        p50_seconds=times.p50_us / 1e6,
        p95_seconds=times.p95_us / 1e6,
        p99_seconds=times.p99_us / 1e6,
        mean_seconds=times.mean_us / 1e6,
        min_seconds=times.min_us / 1e6,
        max_seconds=times.max_us / 1e6,
        stddev_seconds=times.std_us / 1e6,
    )


def _time(text: str) -> datetime:
    moment, _, zone = text.rpartition(" ")
    try:
        return datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_ZONES[zone])
    except (KeyError, ValueError) as error:
        raise Rejected(
            "invalid_value", f"{text!r} is not like '2026-11-23 22:23:39 JST' (zones: {', '.join(_ZONES)})", place="$.timestamp"
        ) from error
