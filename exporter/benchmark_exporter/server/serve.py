"""Runs the exporter: one asyncio process with worker threads.

Ledger and file work has a thread of its own, so that no scrape waits for a disk.
"""

import asyncio
import gc
import logging
import signal
import sys

from benchmark_exporter.server.memory import give_memory_back
from benchmark_exporter.server.parts import Server
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

# Python's default is 700. Only requests make cycles, few of them, which may wait this long.
GC_ALLOCATIONS = 50_000
# How long the ledger's thread may keep the event loop waiting for the interpreter, each time that
# this sends a piece of an answer; Python's default is 5 ms.
SWITCH_SECONDS = 0.001


async def serve(settings: ServeSettings) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        LedgerError: the ledger cannot be opened. If its disk is full, this is retried instead.
        OSError: the address cannot be listened on.
    """
    give_memory_back()
    sys.setswitchinterval(SWITCH_SECONDS)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with Worker("ledger") as ledger, Worker("uploads") as uploads, Worker("live") as live:
        server = Server(settings, ledger, uploads, live)
        loop.add_signal_handler(signal.SIGHUP, server.reload.ask)
        _collect_cycles_seldom()
        try:
            await server.run_until(stop)
        finally:
            await server.close()
    log.info("stopped")


def _collect_cycles_seldom() -> None:
    """A batch of files makes no cycles, but so many objects that searching them took 10 % of it."""
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
