"""Watches the results folder, so that changes are noticed promptly. Scans find what it misses."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from watchfiles import awatch

from benchmark_exporter.ingest.inbox import SUFFIX
from benchmark_exporter.stream.live_file import FOLDER

log = logging.getLogger(__name__)

# Events are gathered until none comes for a step, and no longer than the debounce. The watcher
# wakes at every step, which costs CPU.
WATCH_DEBOUNCE_MS, WATCH_STEP_MS = 100, 40
WATCH_RETRY_SECONDS = 5.0


class FolderWatch:
    """Sorts the changed paths of a results folder.

    Those of live files go to `live_changed`, all others to `changed`.
    """

    def __init__(
        self,
        results_dir: Path,
        *,
        changed: Callable[[str], None],
        live_changed: Callable[[str], None],
    ) -> None:
        self._results_dir = results_dir
        self._live_folder = str(results_dir / FOLDER)
        self._changed = changed
        self._live_changed = live_changed

    async def run(self) -> None:
        """Watches until cancelled. A folder that cannot be watched is retried."""
        while True:
            try:
                async for changes in awatch(
                    self._results_dir,
                    watch_filter=None,
                    debounce=WATCH_DEBOUNCE_MS,
                    step=WATCH_STEP_MS,
                    raise_interrupt=False,
                ):
                    self._sort(path for _, path in changes)
            except OSError as error:
                log.warning(
                    "the results folder cannot be watched, so only scans find new files; retrying",
                    extra={"fields": {"reason": error}},
                )
            await asyncio.sleep(WATCH_RETRY_SECONDS)

    def _sort(self, paths: Iterable[str]) -> None:
        live = self._live_folder
        for path in paths:
            if path == live or (path.startswith(f"{live}/") and not path.endswith(SUFFIX)):
                self._live_changed(path)
            else:
                self._changed(path)
