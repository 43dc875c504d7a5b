"""CPU and memory of a process and its descendants, including those that have ended."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """Resident memory in bytes, shared pages count in each process; CPU seconds since the start."""

    resident_bytes: int
    cpu_seconds: float


class ProcessTree:
    """The process with this id and its descendants.

    A process that ends is waited for by its parent, whose own figures then include its CPU time, so
    nothing is lost between two measurements. A process that leaves the tree (a daemon) is followed
    if it was seen in it once.
    """

    def __init__(self, process_id: int) -> None:
        self._root = psutil.Process(process_id)
        self._known = {self._root}
        self._cpu_seconds = 0.0

    def measure(self) -> TreeUsage:
        """The usage now; CPU time never falls.

        Raises:
            psutil.NoSuchProcess: the root process has ended and was waited for.
        """
        self._known.update(self._root.children(recursive=True))
        resident_bytes, cpu_seconds = 0, 0.0
        for process in tuple(self._known):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    resident_bytes += process.memory_info().rss
            except psutil.Error:
                self._known.discard(process)
                continue
            cpu_seconds += times.user + times.system + times.children_user + times.children_system
        self._cpu_seconds = max(self._cpu_seconds, cpu_seconds)
        return TreeUsage(resident_bytes, self._cpu_seconds)
