"""Memory and CPU of the processes that live files report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark_exporter.stream.live_lines import Iteration, Sample
from benchmark_exporter.stream.messages import Progress

# How long a process is shown after its last line, so that the slow scrape sees its final values.
SHOWN_SECONDS = 300.0
MAX_PROCESSES, MAX_PHASES, MAX_CORES = 20, 8, 64
CURRENT, DEFAULT_PHASE = "current", "measure"


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """What a process of a project uses.

    Memory is in 10^6 bytes by phase, CPU in percent of one core by core. Phase `current` is the
    memory in use now, any other phase its peak; core `all` is their sum.
    """

    process: str
    memory_mb: Mapping[str, float]
    cpu_percent: Mapping[str, float]
    project: str = ""


@dataclass(slots=True)
class _Usage:
    memory_mb: dict[str, float] = field(default_factory=dict)
    cpu_percent: dict[str, float] = field(default_factory=dict)
    heard_seconds: float = 0.0


class UsageTable:
    """The usage of the processes heard from last, at most MAX_PROCESSES of them."""

    def __init__(self) -> None:
        self._usages: dict[tuple[str, str], _Usage] = {}

    def note(self, progress: Progress, line: Iteration | Sample, now_seconds: float) -> None:
        """Records a line, given the progress of its run after it."""
        key = progress.project, progress.process
        usage = self._usages.pop(key, None) or _Usage()
        self._usages[key] = usage  # the one heard from last comes last
        if len(self._usages) > MAX_PROCESSES:
            del self._usages[next(iter(self._usages))]
        usage.heard_seconds = now_seconds
        if line.memory_mb is not None:
            usage.memory_mb[CURRENT] = line.memory_mb
            phase = progress.phase or DEFAULT_PHASE
            if phase in usage.memory_mb or len(usage.memory_mb) <= MAX_PHASES:
                usage.memory_mb[phase] = max(usage.memory_mb.get(phase, 0.0), line.memory_mb)
        if line.cpu_percent is not None:
            usage.cpu_percent["all"] = line.cpu_percent
        if isinstance(line, Sample) and line.cores is not None:
            cores = {
                core: percent
                for core, percent in list(line.cores.items())[:MAX_CORES]
                if core.isdecimal()
            }
            usage.cpu_percent = {"all": usage.cpu_percent.get("all", sum(cores.values())), **cores}

    def expire(self, now_seconds: float) -> None:
        """Drops processes that have been silent for SHOWN_SECONDS."""
        silent = [
            key
            for key, usage in self._usages.items()
            if now_seconds - usage.heard_seconds > SHOWN_SECONDS
        ]
        for key in silent:
            del self._usages[key]

    def snapshot(self) -> Sequence[ProcessUsage]:
        """The usage of each process, which later lines do not change."""
        return [
            ProcessUsage(process, dict(usage.memory_mb), dict(usage.cpu_percent), project)
            for (project, process), usage in self._usages.items()
        ]
