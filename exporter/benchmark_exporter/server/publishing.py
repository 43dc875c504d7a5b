"""What the exporter shows: the newest state of the ledger and its exposition."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from aiohttp import web

from benchmark_exporter.ledger import Ledger
from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.metrics.live import ConfigStatus, LastScrapes, Live, LiveProgress
from benchmark_exporter.metrics.resources import Sampler
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.stream.feed import Feed

# Scrapes closer together than this share one sample of CPU and memory.
RESOURCES_MAX_AGE_SECONDS = 1.0
# What nobody scrapes meanwhile is rendered after so long: the time of a change is when it was
# rendered, and each scrape that comes in between has it rendered anyway.
MOST_BEHIND_SECONDS = 1.5


class Publisher:
    """Holds the newest state and its exposition.

    Methods that end in `_by_worker` run in the ledger's worker thread, and so does `scrapes`; all
    others run in the event loop. `state` and `exposition` are unset until the first
    `publish_by_worker`; `live` is what was last published. `version` counts the states, each after
    it is there. `changed` and `searchable` are set after each new state, for one who waits each.
    """

    state: CurrentState

    def __init__(
        self,
        collector: Collector,
        ingest: IngestState,
        scrapes: Callable[[], LastScrapes],
        exporter_url: str | None = None,
    ) -> None:
        self._collector = collector
        self._ingest = ingest
        self._scrapes = scrapes
        self._loop = asyncio.get_running_loop()
        self.changed, self.searchable = asyncio.Event(), asyncio.Event()
        self.live = Live(0, 0.0, exporter_url=exporter_url)
        self.version = 0

    @property
    def exposition(self) -> Exposition:
        """What was last rendered. `shown` is the newest."""
        return self._collector.exposition

    @property
    def seconds_until_stale(self) -> float:
        """In how many seconds it has to be rendered without a commit."""
        now, since = time.time(), self._collector.behind_since_seconds
        if now < since < math.inf:  # the clock was set back
            return 0.0
        return min(self.exposition.stale_at_seconds, since + MOST_BEHIND_SECONDS) - now

    def publish_by_worker(
        self, ledger: Ledger, pending_files: int, *, at_once: bool = False
    ) -> None:
        """Reads the ledger's newest state, which is rendered by the next scrape, or `at_once`.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        live = self._live_now(pending_files)
        self.state, _ = self._collector.expose(ledger, live, time.time(), at_once=at_once)
        self.version += 1
        self.live = live
        self._loop.call_soon_threadsafe(self._note_change)

    def _note_change(self) -> None:
        self.changed.set()
        self.searchable.set()

    def refresh_by_worker(self, ledger: Ledger, pending_files: int) -> None:
        """Publishes what no commit of ours changes.

        That is: files that have become incomplete or complete, counters that are no longer held at
        0, series that have become too old, and a baseline that another process has pinned.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        live = self._live_now(pending_files)
        is_stale = self.seconds_until_stale <= 0 or (
            live.pending_files,
            live.measuring_files,
            live.is_ingest_failing,
        ) != (
            self.live.pending_files,
            self.live.measuring_files,
            self.live.is_ingest_failing,
        )
        if ledger.changed_elsewhere() or is_stale:
            self.publish_by_worker(ledger, pending_files, at_once=True)

    def show_failure_by_worker(self) -> None:
        """Adds to the known state that ingest is failing.

        Does not use the ledger, which may not even be readable.
        """
        if self._ingest.unopened is not None:
            return
        is_stale = self.exposition.stale_at_seconds <= time.time()
        if not self.live.is_ingest_failing or is_stale:
            self.live = replace(self.live, is_ingest_failing=True, scrapes=self._scrapes())
            self._collector.render_live(self.live, time.time())

    def _live_now(self, pending_files: int) -> Live:
        ingest = self._ingest
        return Live(
            pending_files,
            ingest.scan_duration_seconds,
            ingest.is_failing(time.monotonic()),
            self._scrapes(),
            measuring_files=ingest.measuring_files,
            exporter_url=self.live.exporter_url,
        )

    def live_now(self) -> Live:
        """What was last rendered, with what changes without a rendering."""
        ingest = self._ingest
        return replace(
            self.live,
            searches_due=ingest.searches_due,
            scan_duration_seconds=ingest.scan_duration_seconds,
        )

    def shown(self) -> Exposition:
        """The newest exposition. Raises HTTPServiceUnavailable if there is nothing to show yet."""
        self.refuse_without_state()
        return self._collector.newest(time.time())

    def refuse_without_state(self) -> None:
        """Raises HTTPServiceUnavailable if there is nothing to show yet."""
        if self._ingest.unopened is not None:
            raise web.HTTPServiceUnavailable(text=f"nothing to show yet: {self._ingest.unopened}\n")


class ResourcesPart:
    """The `resources` part of the exposition, sampled at most once per RESOURCES_MAX_AGE_SECONDS.

    `uploads` has the number of answers to uploads by status code.
    """

    def __init__(
        self,
        collector: Collector,
        publisher: Publisher,
        uploads: Mapping[int, int],
        feed: Feed,
        config_status: Callable[[], ConfigStatus],
    ) -> None:
        self._collector = collector
        self._publisher = publisher
        self._uploads = uploads
        self._feed = feed
        self._config_status = config_status
        self._sampler = Sampler()
        self._rendered: tuple[float, bytes] = (float("-inf"), b"")

    def render(self) -> bytes:
        """The part as text."""
        now = time.monotonic()
        if now - self._rendered[0] >= RESOURCES_MAX_AGE_SECONDS:
            feed = self._feed
            progress = LiveProgress(
                feed.running, feed.usages, feed.rejected_lines, feed.hub.figures()
            )
            body = self._collector.render_resources(
                self._sampler.sample(),
                self._publisher.live_now(),
                self._uploads,
                progress,
                self._config_status(),
            )
            self._rendered = (now, body)
        return self._rendered[1]
