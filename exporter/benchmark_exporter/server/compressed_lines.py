"""Compresses the lines of the slow scrape that have not changed for a while.

They are most of the exposition's memory, and are only read every 30 s.
"""

import asyncio
import logging
from collections.abc import Sequence

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.metrics.sorted_lines import Chunk
from benchmark_exporter.server.memory import trim
from benchmark_exporter.server.publishing import Publisher

log = logging.getLogger(__name__)

COMPRESSED: Part = "distributions"
# What has not changed from one time to the next is compressed.
COMPRESS_SECONDS = 10.0
# Compressed without a pause: 5 ms, most of which do not hold the interpreter.
_CHUNKS, _PAUSE_SECONDS = 50, 0.02
# So many chunks, some 6 MB of text, leave holes that are worth giving back to the system.
_MANY = 500


async def compress_lines(publisher: Publisher) -> None:
    """Compresses until cancelled."""
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
    """The chunks to compress: those that were there at the call before."""
    return [
        chunk
        for (part, _), lines in exposition.blocks.items()
        if part == COMPRESSED
        for chunk in lines.chunks
        if chunk.grow_old()
    ]


def compress(chunks: Sequence[Chunk]) -> None:
    """Compresses them, in any thread."""
    for chunk in chunks:
        chunk.compress()
