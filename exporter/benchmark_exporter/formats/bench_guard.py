"""bench_guard, perf_suite's predecessor: several benchmarks, fast compared with slow.

Values are in microseconds; the time is like "2026-11-23 22:23:39 JST".
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import (
    ZONES,
    Name,
    NonNegative,
    Positive,
    Text,
    keys,
    to_seconds,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import Comparison, Gate, Rejected, Result, Run, Statistics

NAME = "bench_guard"


class ConfigPart(msgspec.Struct, frozen=True):
    min_ratio: Positive
    max_p95_us: Positive


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
    timestamp: Text
    config: ConfigPart
    benchmarks: Annotated[dict[Name, BenchmarkPart], msgspec.Meta(min_length=1)]
    passed: bool
    two_tier_gating: TwoTierPart | None = None


def matches(document: object) -> bool:
    return {"config", "benchmarks", "passed"} <= keys(document)


def parse(raw: object, _: Origin) -> Run:
    document = msgspec.convert(raw, BenchGuardDocument)
    seconds = to_seconds(_time(document.timestamp), json_path="$.timestamp")
    return Run(
        format=NAME,
        run_id=datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ"),
        timestamp_seconds=seconds,
        results=tuple(
            # No sample count: bench_guard takes a tenth, a fifth or a twentieth of its `config.n`
            # and does not record which.
            Result(name, variant, _statistics(times), cv_ratio=times.std_us / times.mean_us)
            for name, part in document.benchmarks.items()
            for variant, times in (("fast", part.fast), ("slow", part.slow))
        ),
        comparisons=tuple(_comparison(name, document) for name in document.benchmarks),
    )


def _comparison(name: str, document: BenchGuardDocument) -> Comparison:
    part, tiers = document.benchmarks[name], document.two_tier_gating
    gate = Gate(
        min_speedup_p50_ratio=tiers.min_ratio_p50 if tiers else document.config.min_ratio,
        min_speedup_p95_ratio=tiers.min_ratio_p95 if tiers else None,
        max_p95_seconds=document.config.max_p95_us / 1e6,
        passed=_passed(name, document),
    )
    return Comparison(
        name, part.ratio, part.slow.p95_us / part.fast.p95_us, part.fast.p95_us / 1e6, gate
    )


def _passed(name: str, document: BenchGuardDocument) -> bool:
    """The outcome of one benchmark's gate; the document's `passed` covers all of them.

    bench_guard applies min_ratio and max_p95_us; its tiers play no part.
    """
    if document.passed:
        return True
    config = document.config
    passed = {
        name: part.ratio >= config.min_ratio and part.fast.p95_us <= config.max_p95_us
        for name, part in document.benchmarks.items()
    }
    # If this rule finds no culprit, the document failed by another rule, and no benchmark can be
    # reported as passed.
    return passed[name] and not all(passed.values())


def _statistics(times: VariantPart) -> Statistics:
    return Statistics(
        p50=times.p50_us / 1e6,
        p95=times.p95_us / 1e6,
        p99=times.p99_us / 1e6,
        mean=times.mean_us / 1e6,
        min=times.min_us / 1e6,
        max=times.max_us / 1e6,
        stddev=times.std_us / 1e6,
    )


def _time(text: str) -> datetime:
    moment, _, zone = text.rpartition(" ")
    try:
        return datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONES[zone])
    except (KeyError, ValueError) as error:
        raise Rejected(
            "invalid_value",
            f"{text!r} is not a time like '2026-11-23 22:23:39 JST' (zones: {', '.join(ZONES)})",
            json_path="$.timestamp",
        ) from error
