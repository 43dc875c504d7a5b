"""Memory and CPU of this process."""

import os
import re
import resource
import sys
import time
from dataclasses import dataclass

import psutil

_STATM, _STATUS = "/proc/self/statm", "/proc/self/status"
_HIGH_WATER = re.compile(rb"^VmHWM:\s*(\d+) kB", re.MULTILINE)
_PAGE_BYTES = resource.getpagesize()
# getrusage counts in kB on Linux, in bytes on macOS.
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory in bytes; CPU in percent of one core since the previous measurement."""

    resident_bytes: int
    peak_bytes: int
    cpu_percent: float


class ProcessUsage:
    """Measures this process from now on.

    The system knows the peak since the process started. If that has risen since the first
    measurement, it is exactly the peak since then; otherwise the peak is the highest value seen.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        # Kept open, it is read twenty times as fast as psutil, which opens it each time, with CPU
        # caches that the benchmark has emptied.
        self._statm = (
            os.open(_STATM, os.O_RDONLY | os.O_CLOEXEC) if sys.platform == "linux" else None
        )
        self._status = _status_if_needed()
        self._earlier_peak_bytes = self._system_peak_bytes()
        self._peak_bytes = 0
        self._wall_ns = time.perf_counter_ns()
        self._cpu_ns = time.process_time_ns()

    def measure(self) -> Usage:
        """The usage now."""
        wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        percent = 100 * (cpu_ns - self._cpu_ns) / max(wall_ns - self._wall_ns, 1)
        self._wall_ns, self._cpu_ns = wall_ns, cpu_ns
        resident_bytes = self._resident_bytes()
        peak_bytes = self._system_peak_bytes()
        self._peak_bytes = max(
            self._peak_bytes,
            resident_bytes,
            peak_bytes if peak_bytes > self._earlier_peak_bytes else 0,
        )
        return Usage(resident_bytes, self._peak_bytes, percent)

    def close(self) -> None:
        """Closes what it reads from."""
        for descriptor in (self._statm, self._status):
            if descriptor is not None:
                os.close(descriptor)
        self._statm = self._status = None

    def _system_peak_bytes(self) -> int:
        return peak_resident_bytes() if self._status is None else _high_water_bytes(self._status)

    def _resident_bytes(self) -> int:
        if self._statm is None:
            return int(self._process.memory_info().rss)
        return int(os.pread(self._statm, 100, 0).split()[1]) * _PAGE_BYTES


def peak_resident_bytes() -> int:
    """The most resident memory that this process has had since it started."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES


def _status_if_needed() -> int | None:
    """Where to read the peak if getrusage's is that of a larger process which started this one.

    Linux hands it down to what a process executes.
    """
    if sys.platform != "linux":
        return None
    handed_down_bytes = peak_resident_bytes()
    status = os.open(_STATUS, os.O_RDONLY | os.O_CLOEXEC)
    if 0 < _high_water_bytes(status) < handed_down_bytes:
        return status
    os.close(status)
    return None


def _high_water_bytes(status: int) -> int:
    found = _HIGH_WATER.search(os.pread(status, 8192, 0))
    return int(found[1]) * 1024 if found else 0
