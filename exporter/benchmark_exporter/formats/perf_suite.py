"""perf_suite 0.3: one benchmark, the project itself, compiled compared with fallback, in ms."""

from typing import Literal

import msgspec

from benchmark_exporter.formats.fields import (
    Count,
    Name,
    NonNegative,
    Positive,
    Text,
    Timestamp,
    keys,
    to_seconds,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import Comparison, Gate, Machine, Result, Run, Statistics

NAME = "perf_suite"


class RunPart(msgspec.Struct, frozen=True):
    run_id: Name
    timestamp: Timestamp
    project: Name
    profile: Text | None = None
    git_sha: Text | None = None


class EnvPart(msgspec.Struct, frozen=True):
    os: Text = ""
    architecture: Text = ""
    cpus: Count | None = None


class VariantPart(msgspec.Struct, frozen=True):
    p50_ms: NonNegative
    p95_ms: NonNegative


class MetricsPart(msgspec.Struct, frozen=True):
    compiled: VariantPart
    fallback: VariantPart
    speedup_p50: NonNegative
    speedup_p95: NonNegative
    absolute_p95_ms: NonNegative
    cv: NonNegative | None = None
    n_samples: Count | None = None


class GatePart(msgspec.Struct, frozen=True):
    p50x: Positive
    p95x: Positive
    absolute_ms: Positive
    verdict: Literal["PASS", "FAIL", "PENDING"] = "PENDING"


class PerfSuiteDocument(msgspec.Struct, frozen=True):
    run: RunPart
    metrics: MetricsPart
    env: EnvPart = EnvPart()
    gate: GatePart | None = None


def matches(document: object) -> bool:
    return (
        isinstance(document, dict)
        and "run" in document
        and "compiled" in keys(document.get("metrics"))
    )


def parse(document: object, _: Origin) -> Run:
    return to_run(msgspec.convert(document, PerfSuiteDocument), NAME)


def to_run(document: PerfSuiteDocument, format_name: str) -> Run:
    """The run in a document of perf_suite's shape, whichever tool wrote it.

    cv is the compiled variant's.
    """
    run, metrics, gate, env = document.run, document.metrics, document.gate, document.env
    return Run(
        format=format_name,
        run_id=run.run_id,
        timestamp_seconds=to_seconds(run.timestamp, json_path="$.run.timestamp"),
        project=run.project,
        environment=run.profile or None,
        commit_hash=run.git_sha or "",
        machine=Machine(env.os, env.architecture, cpu_count=env.cpus),
        results=(
            Result(
                run.project,
                "compiled",
                _statistics(metrics.compiled),
                metrics.n_samples,
                metrics.cv,
            ),
            Result(run.project, "fallback", _statistics(metrics.fallback), metrics.n_samples),
        ),
        comparisons=(
            Comparison(
                run.project,
                metrics.speedup_p50,
                metrics.speedup_p95,
                metrics.absolute_p95_ms / 1e3,
                None if gate is None else _gate(gate),
            ),
        ),
    )


def _statistics(variant: VariantPart) -> Statistics:
    return Statistics(p50=variant.p50_ms / 1e3, p95=variant.p95_ms / 1e3)


def _gate(gate: GatePart) -> Gate:
    return Gate(
        gate.p50x,
        gate.p95x,
        gate.absolute_ms / 1e3,
        None if gate.verdict == "PENDING" else gate.verdict == "PASS",
    )
