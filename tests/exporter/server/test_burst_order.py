"""File events and scans share the files of a burst, so that few of its runs are late."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.ingest import ingest
from benchmark_exporter.server import ingest_loop
from benchmark_exporter.server.ingest_loop import IngestLoop
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.worker import Worker
from tests.support.documents import result
from tests.support.wired import Wired

DEADLINE_SECONDS = 120.0
BATCH, PROMPT, MOST_PATHS = 20, 5, 50


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_FILES", BATCH)
    monkeypatch.setattr(ingest, "STEP_FILES", BATCH)
    monkeypatch.setattr(ingest_loop, "MOST_CHANGED_PATHS", MOST_PATHS)
    monkeypatch.setattr(ingest_loop, "PROMPT_PATHS", PROMPT)


class Burst:
    """Files of one series that are dropped in the order of their runs, and the loop over them."""

    def __init__(self, folder: Path) -> None:
        self.worker = Worker("ledger")  # the one thread that may use the ledger
        self.wired = asyncio.run(self.worker.run(Wired, folder))
        self.dropped = 0
        self.state = IngestState(unopened=None)
        self.failures: list[str | None] = []
        configuration: Any = SimpleNamespace(now=Config(rescan_interval_seconds=3600.0))
        opened: Any = SimpleNamespace(
            ingest=self.wired.ingest,
            ledger=SimpleNamespace(is_alone=False),
            is_open=True,
            must_be_replaced=False,
            note=Mock(),
        )
        publisher = Mock()
        publisher.seconds_until_stale = float("inf")
        self.loop = IngestLoop(
            configuration,
            opened,
            publisher,
            self.state,
            self.worker,
            self.failures.append,
        )

    def drop(self, count: int) -> list[str]:
        """Drops so many files, and returns their paths in an order that events may have."""
        paths = []
        for number in range(self.dropped, self.dropped + count):
            document = result(number, {"parsing": 1.0})
            paths.append(str(self.wired.drop(f"{number:04}.json", document)))
        self.dropped += count
        random.Random(7).shuffle(paths)  # noqa: S311  # no secret
        return paths

    def report(self, paths: list[str]) -> None:
        for path in paths:
            self.loop.add_changed(path)

    def ingest(self, first: Callable[[], None]) -> list[float]:
        """Runs the loop until everything is ingested; the times of runs as they were ingested.

        `first` is called once the first scan is over.
        """

        async def run() -> None:
            running = asyncio.ensure_future(self.loop.run())
            async with asyncio.timeout(DEADLINE_SECONDS):
                await until(lambda: self.state.is_caught_up)
                first()
                count = "SELECT count(*) FROM runs"
                await until(
                    lambda: any(self.failures) or self.wired.query(count) == [(self.dropped,)]
                )
            self.loop.stop()
            await running
            await self.worker.run(self.wired.ledger.close)
            assert not any(self.failures)

        with self.worker:
            asyncio.run(run())
        return [at for (at,) in self.wired.query("SELECT timestamp_seconds FROM runs ORDER BY id")]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # it is in a file
        await asyncio.sleep(0.01)


def test_more_events_than_are_kept_make_no_run_late(tmp_path: Path) -> None:
    burst = Burst(tmp_path)
    files = MOST_PATHS + 30
    ingested = burst.ingest(lambda: burst.report(burst.drop(files)))
    assert ingested == sorted(ingested)


def test_events_during_a_scan_wait_for_the_older_files_that_it_found(tmp_path: Path) -> None:
    burst = Burst(tmp_path)
    burst.wired.publish = once(lambda: burst.report(burst.drop(2 * PROMPT)))
    ingested = burst.ingest(lambda: scan_of(burst, 3 * BATCH))
    assert ingested == sorted(ingested)


def test_a_single_file_does_not_wait_for_a_backlog(tmp_path: Path) -> None:
    burst = Burst(tmp_path)
    burst.wired.publish = once(lambda: burst.report(burst.drop(1)))
    ingested = burst.ingest(lambda: scan_of(burst, 5 * BATCH))
    assert max(ingested) in ingested[: 2 * BATCH]


def scan_of(burst: Burst, files: int) -> None:
    """A scan that finds so many files, of which no event came."""
    burst.drop(files)
    burst.loop.rescan()


def once(act: Callable[[], None]) -> Callable[[], None]:
    """Acts when it is called first."""
    acts = [act]

    def called() -> None:
        if acts:
            acts.pop()()

    return called
