"""CPU and memory through psutil."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Resources:
    """CPU in percent of one core since the previous look; memory in bytes; times in seconds."""

    core_percents: Sequence[float]
    process_percent: float
    process_cpu_seconds: float
    resident_bytes: int
    start_timestamp_seconds: float


class Sampler:
    """Looks at this process and the host. The first look has no previous one: psutil gives 0 for it."""

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self.sample()

    def sample(self) -> Resources:
        with self._process.oneshot():
            times = self._process.cpu_times()
            return Resources(
                core_percents=psutil.cpu_percent(percpu=True),
                process_percent=self._process.cpu_percent(),
                process_cpu_seconds=times.user + times.system,
                resident_bytes=self._process.memory_info().rss,
                start_timestamp_seconds=self._process.create_time(),
            )
