"""What comes once the results folder is watched is an event, and not left to the next scan."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from benchmark_exporter.server import watching
from benchmark_exporter.server.watching import FolderWatch
from tests.support.process import DEADLINE_SECONDS


@pytest.mark.parametrize("folder", ["", "a/b"])
async def test_a_file_that_comes_after_the_begin_is_noticed(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    changed, rescanned = asyncio.Queue[str](), asyncio.Event()
    watch = FolderWatch(
        tmp_path, changed=changed.put_nowait, live_changed=print, rescan=rescanned.set
    )
    task = asyncio.create_task(watch.run())
    await watch.begun()
    path = tmp_path / folder / "run.json"
    path.write_text("{}")
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await changed.get() == str(path)
    assert not rescanned.is_set()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_folder_that_cannot_be_watched_is_not_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no watches on this machine")

    monkeypatch.setattr(watching, "FolderEvents", fail)
    monkeypatch.setattr(watching, "BEGIN_SECONDS", 10 * DEADLINE_SECONDS)
    watch = FolderWatch(tmp_path, changed=print, live_changed=print, rescan=print)
    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(DEADLINE_SECONDS):
        await watch.begun()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
