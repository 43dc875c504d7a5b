"""pytest-benchmark, in seconds; `stats.data` are the rounds, unless they were not saved."""

from datetime import UTC

import msgspec

from benchmark_exporter.formats.fields import (
    Count,
    Name,
    NonNegative,
    Text,
    as_commit,
    keys,
    read_moment,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import coefficient_of_variation, from_samples
from benchmark_exporter.model import Machine, Result, Run, Statistics

NAME = "pytest_benchmark"
# Tests may put NaN into `extra_info`; among the statistics their type rejects it.
READS_NAN = True

# What it writes outside a repository, and for a detached HEAD. The commit is then `unversioned` or
# `unknown`.
_NO_BRANCH = ("(unknown)", "(detached head)")


class StatsPart(msgspec.Struct, frozen=True):
    min: NonNegative
    max: NonNegative
    mean: NonNegative
    median: NonNegative
    stddev: NonNegative
    rounds: Count
    data: list[NonNegative] = []


class BenchmarkPart(msgspec.Struct, frozen=True):
    fullname: Name
    stats: StatsPart


class CommitPart(msgspec.Struct, frozen=True):
    id: Text | None = None
    branch: Text | None = None
    project: Text | None = None


class CpuPart(msgspec.Struct, frozen=True):
    brand_raw: Text = ""
    count: Count | None = None


class MachinePart(msgspec.Struct, frozen=True):
    system: Text = ""
    machine: Text = ""
    cpu: CpuPart = CpuPart()


class PytestBenchmarkDocument(msgspec.Struct, frozen=True):
    benchmarks: list[BenchmarkPart]
    datetime: Text
    machine_info: MachinePart
    commit_info: CommitPart = CommitPart()


def matches(document: object) -> bool:
    return {"benchmarks", "machine_info", "datetime"} <= keys(document)


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(raw, PytestBenchmarkDocument)
    moment = read_moment(document.datetime, json_path="$.datetime")
    # Versions that write no zone take the time from utcnow().
    seconds = origin.to_seconds(
        moment if moment.tzinfo else moment.replace(tzinfo=UTC), json_path="$.datetime"
    )
    results = tuple(_result(part) for part in document.benchmarks)
    commit, machine = document.commit_info, document.machine_info
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        project=commit.project or None,
        commit_hash=as_commit(commit.id or ""),
        branch="" if commit.branch in _NO_BRANCH else commit.branch or "",
        machine=Machine(machine.system, machine.machine, machine.cpu.brand_raw, machine.cpu.count),
    )


def _result(part: BenchmarkPart) -> Result:
    stats = part.stats
    if stats.data:
        return from_samples(part.fullname, "", stats.data)
    statistics = Statistics(
        p50=stats.median, mean=stats.mean, min=stats.min, max=stats.max, stddev=stats.stddev
    )
    return Result(
        part.fullname,
        "",
        statistics,
        stats.rounds,
        coefficient_of_variation(stats.stddev, stats.mean),
    )
