"""Shrinks the lines of an exposition that have not changed for a while.

Those of the slow scrape, which is most of the exposition's memory and is only read every 30 s, are
compressed. Those of the state are kept as text.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from weakref import ref

from benchmark_exporter.metrics.exposition import Block, Exposition
from benchmark_exporter.metrics.sorted_lines import Chunk, SortedLines
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
    settled = Settled()
    while True:
        await asyncio.sleep(COMPRESS_SECONDS)
        try:
            await _compress_old(publisher.exposition, settled)
        except Exception:  # an unforeseen error here must not end the exporter
            log.exception("lines could not be compressed")
            settled = Settled()


class Settled:
    """Which lines need not be searched for chunks to shrink: all that can have shrunk."""

    def __init__(self) -> None:
        # Of each block the lines at the last call, and how often they were the same.
        self._calls: dict[Block, tuple[ref[SortedLines], int]] = {}

    def others(self, exposition: Exposition) -> Iterable[SortedLines]:
        """The lines that need to be searched, as those of a block are twice."""
        for block, lines in exposition.blocks.items():
            known, calls = self._calls.get(block, (None, 0))
            calls = calls + 1 if known is not None and known() is lines else 1
            self._calls[block] = ref(lines), calls
            if calls <= 2:
                yield lines


async def _compress_old(exposition: Exposition, settled: Settled) -> None:
    chunks = old_chunks(settled.others(exposition))
    for start in range(0, len(chunks), _CHUNKS):
        await asyncio.to_thread(compress, chunks[start : start + _CHUNKS])
        await asyncio.sleep(_PAUSE_SECONDS)
    if len(chunks) >= _MANY:
        await asyncio.to_thread(trim)


def old_chunks(blocks: Iterable[SortedLines]) -> Sequence[Chunk]:
    """The chunks to shrink: those that were there at the call before."""
    return [chunk for lines in blocks for chunk in lines.chunks if chunk.grow_old()]


def compress(chunks: Sequence[Chunk]) -> None:
    """Shrinks them, in any thread."""
    for chunk in chunks:
        chunk.shrink()
