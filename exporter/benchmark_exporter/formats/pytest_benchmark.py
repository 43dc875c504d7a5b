"""pytest-benchmark, in seconds; `stats.data` are the rounds, unless they were not saved."""

from collections.abc import Sequence
from datetime import UTC

import msgspec

from benchmark_exporter.formats.fields import Count, LongName, NonNegative, as_commit, keys
from benchmark_exporter.formats.naming import note_of_numbered, note_of_pooled, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.several_documents import joined_by
from benchmark_exporter.formats.statistics import coefficient_of_variation, from_samples
from benchmark_exporter.model import Machine, Result, Run, Statistics

NAME = "pytest_benchmark"
_REMEDY = "give each test an id of its own"
# What it writes outside a repository, and for a detached HEAD. The commit is then `unversioned` or
# `unknown`.
_NO_BRANCH = ("(unknown)", "(detached head)")


class StatsPart(msgspec.Struct, frozen=True):
    min: NonNegative | None = None
    max: NonNegative | None = None
    mean: NonNegative | None = None
    median: NonNegative | None = None
    stddev: NonNegative | None = None
    rounds: Count | None = None
    data: list[NonNegative] | None = None

    @property
    def samples(self) -> Sequence[float]:
        """The rounds' times; none if some are missing, since the statistics are those of all."""
        data = self.data or []
        return data if self.rounds is None or len(data) >= self.rounds else []


class BenchmarkPart(msgspec.Struct, frozen=True):
    fullname: LongName
    stats: StatsPart


class CommitPart(msgspec.Struct, frozen=True):
    id: str | None = None
    branch: str | None = None
    project: str | None = None


class CpuPart(msgspec.Struct, frozen=True):
    """py-cpuinfo before 6.0 calls the model `brand`."""

    brand_raw: str | None = None
    brand: str | None = None
    count: Count | None = None


class MachinePart(msgspec.Struct, frozen=True):
    system: str = ""
    machine: str = ""
    cpu: CpuPart = CpuPart()


class PytestBenchmarkDocument(msgspec.Struct, frozen=True):
    benchmarks: list[BenchmarkPart]
    datetime: str = ""
    machine_info: MachinePart = MachinePart()
    commit_info: CommitPart = CommitPart()


def matches(document: object) -> bool:
    return {"benchmarks", "machine_info", "datetime"} <= keys(document)


def join(documents: Sequence[object]) -> object:
    """Several documents as one."""
    return joined_by("benchmarks", documents)


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, PytestBenchmarkDocument, least=0)
    # Versions that write no zone take the time from utcnow().
    seconds, undated = origin.moment(document.datetime, "datetime", UTC)
    parts, repeated = _distinct(document.benchmarks)
    results = tuple(result for name, part in parts if (result := _result(name, part.stats)))
    commit, machine = document.commit_info, document.machine_info
    cpu_model = machine.cpu.brand_raw or machine.cpu.brand or ""
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        project=commit.project or None,
        commit_hash=as_commit(commit.id or ""),
        branch="" if commit.branch in _NO_BRANCH else commit.branch or "",
        machine=Machine(machine.system, machine.machine, cpu_model, machine.cpu.count),
        notes=(*notes, *undated, *repeated),
    )


def _distinct(
    parts: Sequence[BenchmarkPart],
) -> tuple[Sequence[tuple[str, BenchmarkPart]], Sequence[str]]:
    """Each benchmark with a name of its own, and notes: the same test again adds its rounds.

    Without the rounds themselves, statistics cannot be pooled, and each has a number.
    """
    stated = [part.fullname for part in parts]
    if len(set(stated)) == len(stated):
        return list(zip(stated, parts, strict=True)), ()
    groups: dict[tuple[str, int | None], list[BenchmarkPart]] = {}
    for index, part in enumerate(parts):
        groups.setdefault((part.fullname, None if part.stats.samples else index), []).append(part)
    pooled = [_pooled(group) for group in groups.values()]
    names = [name for name, _ in groups]
    distinct = numbered(names)
    again = [name for (name, _), group in groups.items() for _ in group if len(group) > 1]
    return list(zip(distinct, pooled, strict=True)), [
        *note_of_pooled(again),
        *note_of_numbered(names, distinct, _REMEDY),
    ]


def _pooled(parts: Sequence[BenchmarkPart]) -> BenchmarkPart:
    if len(parts) == 1:
        return parts[0]
    data = [value for part in parts for value in part.stats.samples]
    return BenchmarkPart(parts[0].fullname, StatsPart(rounds=len(data), data=data))


def _result(name: str, stats: StatsPart) -> Result | None:
    """None without any figure of where the times are."""
    if samples := stats.samples:
        return from_samples(name, "", samples)
    if stats.median is None and stats.mean is None:
        return None
    statistics = Statistics(
        p50=stats.median, mean=stats.mean, min=stats.min, max=stats.max, stddev=stats.stddev
    )
    deviation = coefficient_of_variation(stats.stddev, stats.mean)
    return Result(name, "", statistics, stats.rounds, deviation)
