"""CPU and memory of the exporter and its host, read through psutil."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Resources:
    """CPU in percent of one core since the previous sample; memory in bytes; times in seconds."""

    core_percents: Sequence[float]
    process_percent: float
    process_cpu_seconds: float
    resident_bytes: int
    start_timestamp_seconds: float


class Sampler:
    """Samples this process and its host.

    psutil reports a CPU use of 0 the first time, since it has nothing to compare with; the
    constructor takes that first sample.
    """

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self.sample()

    def sample(self) -> Resources:
        """What is used now, and since the previous sample."""
        with self._process.oneshot():
            times = self._process.cpu_times()
            return Resources(
                core_percents=psutil.cpu_percent(percpu=True),
                process_percent=self._process.cpu_percent(),
                process_cpu_seconds=times.user + times.system,
                resident_bytes=self._process.memory_info().rss,
                start_timestamp_seconds=self._process.create_time(),
            )
