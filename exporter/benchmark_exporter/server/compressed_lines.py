"""Shrinks the lines of an exposition that have not changed for a while.

Those of the slow scrape, which is most of the exposition's memory and is only read every 30 s, are
compressed. Those of the state are kept as text.
"""

import asyncio
import logging
from collections.abc import Sequence

from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.metrics.sorted_lines import Chunk
from benchmark_exporter.server.memory import trim
from benchmark_exporter.server.publishing import Publisher

log = logging.getLogger(__name__)

# What has not changed from one time to the next shrinks.
COMPRESS_SECONDS = 10.0
# Compressed without a pause: 5 ms, most of which do not hold the interpreter.
_CHUNKS, _PAUSE_SECONDS = 50, 0.02
# So many chunks, some 6 MB of text, leave holes that are worth giving back to the system.
_MANY = 500


async def compress_lines(publisher: Publisher) -> None:
    """Shrinks lines until cancelled."""
    while True:
        await asyncio.sleep(COMPRESS_SECONDS)
        try:
            await _compress_old(publisher.exposition)
        except Exception:  # an unforeseen error here must not end the exporter
            log.exception("lines could not be compressed")


async def _compress_old(exposition: Exposition) -> None:
    chunks = old_chunks(exposition)
    for start in range(0, len(chunks), _CHUNKS):
        await asyncio.to_thread(compress, chunks[start : start + _CHUNKS])
        await asyncio.sleep(_PAUSE_SECONDS)
    if len(chunks) >= _MANY:
        await asyncio.to_thread(trim)


def old_chunks(exposition: Exposition) -> Sequence[Chunk]:
    """The chunks to shrink: those that were there at the call before."""
    return [
        chunk for lines in exposition.blocks.values() for chunk in lines.chunks if chunk.grow_old()
    ]


def compress(chunks: Sequence[Chunk]) -> None:
    """Shrinks them, in any thread."""
    for chunk in chunks:
        chunk.shrink()
