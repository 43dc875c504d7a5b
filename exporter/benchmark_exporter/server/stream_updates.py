"""Brings live files and new states to the stream's clients."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmark_exporter import __version__
from benchmark_exporter.links import Repositories
from benchmark_exporter.metrics.families.process import STREAM_LAG_METRIC
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.server.worker import Worker
from benchmark_exporter.stream.feed import Feed
from benchmark_exporter.stream.hub import Hub
from benchmark_exporter.stream.live_folder import LiveFolder
from benchmark_exporter.stream.message_filter import MessageFilter
from benchmark_exporter.stream.messages import Snapshot
from benchmark_exporter.wording import printable

log = logging.getLogger(__name__)

LIVE_RETRY_SECONDS = 5.0
# Commits closer together than this are one change to the stream's clients.
STREAM_STATE_SECONDS = 0.05


class LiveFollower:
    """Follows live files in a worker thread of its own."""

    def __init__(self, folder: LiveFolder, worker: Worker, feed: Feed) -> None:
        self._folder = folder
        self._worker = worker
        self._feed = feed
        self._wake = threading.Event()

    def note_change(self, path: str) -> None:
        """Scans for new files now, unless the changed one is being read anyway."""
        if not self._folder.is_polled(path):
            self._wake.set()

    def wake(self) -> None:
        """Ends the wait in the worker thread."""
        self._wake.set()

    async def run(self) -> None:
        """Publishes the lines of live files until cancelled."""
        has_failed = False
        while True:
            try:
                self._feed.publish_live(await self._worker.run(self._folder.wait, self._wake))
                has_failed = False
            except OSError as error:
                if not has_failed:
                    log.error(
                        "live files cannot be followed, retrying",
                        extra={"fields": {"reason": error}},
                    )
                has_failed = True
                await asyncio.sleep(LIVE_RETRY_SECONDS)
            except Exception:  # an unforeseen error here must not end the exporter
                log.exception("live files cannot be followed, retrying")
                await asyncio.sleep(LIVE_RETRY_SECONDS)

    async def close(self) -> None:
        """Closes the files."""
        await self._worker.run(self._folder.close)


async def publish_states(publisher: Publisher, feed: Feed) -> None:
    """Publishes new states to the stream's clients until cancelled."""
    while True:
        await publisher.changed.wait()
        publisher.changed.clear()
        try:
            feed.publish_state(publisher.state)
        except Exception:  # an unforeseen error here must not end the exporter
            log.exception("a change could not be sent to the stream's clients")
        await asyncio.sleep(STREAM_STATE_SECONDS)


def make_feed(settings: ServeSettings, repositories: Callable[[], Repositories]) -> Feed:
    """The feed and its hub, for the repositories of the settings in effect."""

    def hub(snapshot: Callable[[MessageFilter], Snapshot]) -> Hub:
        return Hub(
            __version__,
            printable(str(settings.results_dir)),
            snapshot=snapshot,
            lag_bounds_seconds=settings.definitions[STREAM_LAG_METRIC].buckets,
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
        )

    return Feed(hub, repositories)
