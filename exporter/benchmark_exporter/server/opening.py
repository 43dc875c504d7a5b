"""Opens the ledger while the exporter already answers how far this is."""

import asyncio

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.server.ingest_loop import IngestLoop
from benchmark_exporter.server.ingest_state import IngestState


async def is_opened(ingest: IngestLoop, state: IngestState, stop: asyncio.Event) -> bool:
    """Opens the ledger, which may have to be migrated; False if the exporter is to stop.

    Raises:
        LedgerError: it cannot be opened. If its disk is full, this is retried instead.
    """
    opening = asyncio.ensure_future(ingest.open())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((opening, stopped), return_when=asyncio.FIRST_COMPLETED)
    if stopped.done():
        ingest.stop()
    stopped.cancel()
    try:
        await opening
    except (LedgerError, InterruptedError):
        if not state.is_stopping:
            raise
    return not state.is_stopping
