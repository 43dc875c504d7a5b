"""A process that dies at a chosen step."""

import os
import signal
from collections.abc import Callable

from tests.support.documents import bench_guard, changed, golden, perf_suite, pipeline
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
    """Scans, or acts, in a child process that dies as arranged; whether it did, so that the last step can be told."""
    wired.ledger.close()
    child = os.fork()
    if child == 0:
        # Nothing may return from here into the test session's copy.
        try:
            again = Wired.__new__(Wired)
            again.__dict__.update(wired.__dict__)
            again.restart()
            arrange(again)
            act(again)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    wired.restart()
    return os.WIFSIGNALED(status)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
