"""Lines of the slow part that do not change are compressed, and a scrape shows the same."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.metrics.sorted_lines import Chunk, SortedLines
from benchmark_exporter.server import compressed_lines
from tests.support.documents import perf_suite
from tests.support.wired import Wired

DEADLINE_SECONDS = 20.0


def sorted_chunks(exposition: Exposition) -> list[Chunk]:
    return [
        chunk
        for (part, _), lines in exposition.blocks.items()
        if part == "distributions"
        for chunk in lines.chunks
        if isinstance(chunk.first, str)
    ]


async def compressed(publisher: Any, *chunks: Chunk) -> None:
    """Compresses until these chunks are."""
    task = asyncio.create_task(compressed_lines.compress_lines(publisher))
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not all(chunk.is_compressed for chunk in chunks):  # noqa: ASYNC110  # none is there
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_what_does_not_change_is_compressed(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_lines, "COMPRESS_SECONDS", 0.01)
    wired.drop("1.json", perf_suite("1"))
    wired.settle()
    exposition = wired.render()
    chunks, shown = sorted_chunks(exposition), exposition.parts
    assert chunks
    asyncio.run(compressed(SimpleNamespace(exposition=exposition), *chunks))
    assert exposition.parts == shown


def test_a_failure_ends_nothing(monkeypatch: pytest.MonkeyPatch, wired: Wired) -> None:
    monkeypatch.setattr(compressed_lines, "COMPRESS_SECONDS", 0.01)
    wired.drop("1.json", perf_suite("1"))
    wired.settle()
    exposition = wired.render()
    failures = iter([MemoryError(), None])

    def fail_once(_: object) -> list[Chunk]:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        return sorted_chunks(exposition)

    monkeypatch.setattr(compressed_lines, "old_chunks", fail_once)
    publisher = SimpleNamespace(exposition=exposition)
    asyncio.run(compressed(publisher, *sorted_chunks(exposition)))


def test_lines_that_have_shrunk_are_not_searched_again(wired: Wired) -> None:
    settled = compressed_lines.Settled()

    def searched() -> list[SortedLines]:
        return list(settled.others(wired.collector.exposition))

    wired.drop("1.json", perf_suite("1"))
    wired.settle()
    wired.exposition()
    first = searched()
    assert first == list(wired.collector.exposition.blocks.values())
    assert searched() == first
    assert searched() == []
    wired.drop("2.json", perf_suite("2"))
    wired.settle()
    wired.exposition()
    changed = searched()
    assert changed
    assert set(changed).isdisjoint(first)
