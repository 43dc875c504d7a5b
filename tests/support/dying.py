"""A process that dies at a chosen step."""

import os
import signal
from collections.abc import Callable

from tests.support.documents import bench_guard, changed, golden, perf_suite, pipeline
from tests.support.ledger_files import watched
from tests.support.wired import Wired

FILES = {
    "1.json": perf_suite(speedup=12.0),
    "2.json": perf_suite(speedup=12.0, verdict="FAIL"),
    "3.json": perf_suite(speedup=12.0),
    "4.json": bench_guard({"parsing": 4.0, "caching": 20.0}, passed=False),
    "5.json": pipeline(status="fail"),
    "6.json": changed(perf_suite(), "metrics.cv", -1),
    "7.json": perf_suite(p50_ms=0.07),
    "8.json": golden("hyperfine_2/1-run"),
}


def die_in(
    wired: Wired,
    arrange: Callable[[Wired], None],
    act: Callable[[Wired], None] = lambda wired: wired.ingest.scan(),
) -> bool:
    """Scans, or acts, in a child process that is arranged to die; returns whether it died.

    If it did not, the steps to die at are exhausted.
    """
    wired.ledger.close()
    child = os.fork()
    if child == 0:
        # Nothing may return from here into the child's copy of the test session.
        try:
            again = Wired.__new__(Wired)
            again.__dict__.update(wired.__dict__)
            arrange(again)
            again.restart()
            act(again)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    wired.restart()
    return os.WIFSIGNALED(status)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_call(number: int) -> Callable[..., None]:
    """A function that kills the process when it is called for the given time."""
    left = number

    def count_down(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            die()

    return count_down


def before_each_statement(wired: Wired, act: Callable[[str], None]) -> None:
    """Calls a function with each SQL statement of the ledger that is opened next."""
    wired.connect = watched(act)
