"""Runs the exporter: one asyncio process with worker threads.

Ledger and file work has a thread of its own, so that no scrape waits for a disk.
"""

import asyncio
import gc
import logging
import signal

from benchmark_exporter.server.memory import give_memory_back
from benchmark_exporter.server.parts import Server
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

# Python's default is 700. Only requests make cycles, few of them, which may wait this long.
GC_ALLOCATIONS = 50_000


async def serve(settings: ServeSettings) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        LedgerError: the ledger cannot be opened. If its disk is full, this is retried instead.
        OSError: the address cannot be listened on.
    """
    give_memory_back()
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
