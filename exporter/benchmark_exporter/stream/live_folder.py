"""What runs now: follows the live files RESULTS/live/<run_id>.jsonl, to which benchmarks append.

Nothing is written, and no position in a file outlives the process: a restart reads the files again.
A line that cannot be used is skipped and counted, so one bad line or file never stops the others.
"""

import logging
import os
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.stream.live_file import (
    GONE_SECONDS,
    SUFFIX,
    LiveEvent,
    LiveFile,
    Tally,
    open_regular,
)
from benchmark_exporter.stream.live_lines import LineRejection
from benchmark_exporter.stream.process_usage import ProcessUsage

log = logging.getLogger(__name__)

# A scan may take at most this share of the time until the next.
SCAN_SHARE = 0.01
MAX_FILES = 100
# Between two checks for new lines: while lines come, and while runs are quiet.
CHECK_SECONDS, QUIET_CHECK_SECONDS = 0.01, 0.04
QUIET_SECONDS = 0.5
# Between two scans for new files.
SCAN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LiveNews:
    """What one check found.

    `rejected_lines` counts since the start; `pause_seconds` is how long to wait before the next.
    """

    events: Sequence[LiveEvent]
    usages: Sequence[ProcessUsage]
    rejected_lines: Mapping[LineRejection, int]
    pause_seconds: float


class LiveFolder:
    """Follows the files of one folder, which may be missing. For one thread at a time.

    `project` and `environment` are those of runs that name none. `clock` gives seconds since 1970,
    `monotonic` seconds that never go back.
    """

    def __init__(
        self,
        folder: Path,
        project: str,
        environment: str,
        *,
        monotonic: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self.configure(project, environment)
        self._monotonic = monotonic
        self._clock = clock
        self._files: dict[str, LiveFile] = {}
        # Inode and size of files that need not be read again while these stay the same.
        self._closed: dict[str, tuple[int, int]] = {}
        # Of these it was reported that they cannot be read.
        self._unreadable: set[str] = set()
        self._tally = Tally()
        self._next_scan_seconds = float("-inf")
        self._has_scanned = False
        self._is_full = False

    def configure(self, project: str, environment: str) -> None:
        """Gives runs that begin from now on, and name none, another project and environment.

        May be called from another thread.
        """
        self._of_none = project, environment

    def wait(self, wake: threading.Event) -> LiveNews:
        """Checks until there is news, for at most a second.

        `wake` says that there may be new files, and ends the wait. The waiting is done in this
        thread and not in the event loop: a check takes some microseconds, a switch to another
        thread and back a hundred times as long.

        Raises:
            OSError: as `check`.
        """
        until_seconds = self._monotonic() + SCAN_SECONDS
        while True:
            is_woken = wake.is_set()
            wake.clear()
            news = self.check(scan=is_woken)
            if news.events or is_woken or self._monotonic() >= until_seconds:
                return news
            wake.wait(news.pause_seconds)

    def is_polled(self, path: str) -> bool:
        """Whether a file is checked anyway, so that an event adds nothing. For any thread."""
        # As text, since there may be thousands a second.
        file = self._files.get(os.path.basename(path))  # noqa: PTH119
        return file is not None and file.is_running

    def check(self, *, scan: bool = False) -> LiveNews:
        """What is new since the last check. With `scan`, new files are found now, else within 1 s.

        Raises:
            OSError: the folder exists but cannot be read.
        """
        events: list[LiveEvent] = []
        if scan or self._monotonic() >= self._next_scan_seconds:
            started = self._monotonic()
            self._scan(events)
            now = self._monotonic()
            self._next_scan_seconds = now + max(SCAN_SECONDS, (now - started) / SCAN_SHARE)
        has_more = False
        for name in list(self._files):
            has_more |= self._read(name, events)
        now = self._monotonic()
        usages, rejected = self._tally.usages, self._tally.rejected
        usages.expire(now)
        pause_seconds = 0.0 if has_more else self._pause_seconds(now)
        return LiveNews(events, usages.snapshot(), dict(rejected), pause_seconds)

    def _pause_seconds(self, now: float) -> float:
        running = [file.heard_seconds for file in self._files.values() if file.is_running]
        heard = max(running, default=None)
        if heard is None:
            return max(0.0, self._next_scan_seconds - now)
        return CHECK_SECONDS if now - heard < QUIET_SECONDS else QUIET_CHECK_SECONDS

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _scan(self, events: list[LiveEvent]) -> None:
        found = _live_files(self._folder)
        self._closed = {
            name: signature for name, signature in self._closed.items() if name in found
        }
        self._unreadable &= found.keys()
        for name, file in list(self._files.items()):
            status = found.get(name)
            if status is None:
                events.append(self._give_up(name))
            elif status.st_ino != file.inode or status.st_size < file.offset:
                events.append(self._give_up(name))
                self._closed.pop(name)  # replaced or truncated: opened again as a new file
        for name, status in sorted(found.items(), key=lambda item: item[1].st_mtime_ns):
            self._note_found(name, status)
        self._is_full &= len(self._files) >= MAX_FILES
        self._has_scanned = True

    def _note_found(self, name: str, status: os.stat_result) -> None:
        """Opens a file that a scan found, unless it is open already, old, or not worth reading."""
        signature = (status.st_ino, status.st_size)
        is_known = name in self._files or self._closed.get(name) == signature
        if is_known or not stat.S_ISREG(status.st_mode):
            return
        if self._clock() - status.st_mtime > GONE_SECONDS:
            self._closed[name] = signature
        elif len(self._files) < MAX_FILES:
            self._open(name)
        elif not self._is_full:
            self._is_full = True
            log.warning(
                "too many live files are open, further ones have to wait",
                extra={"fields": {"file": name, "limit": MAX_FILES}},
            )

    def _open(self, name: str) -> None:
        try:
            descriptor = open_regular(self._folder / name)
        except OSError as error:
            if name not in self._unreadable:  # it is tried again at each scan
                self._unreadable.add(name)
                _warn_unreadable(name, error)
            return
        if descriptor is None:
            return
        self._unreadable.discard(name)
        now = self._monotonic()
        project, environment = self._of_none
        file = LiveFile(
            name,
            descriptor,
            self._tally,
            project=project,
            environment=environment,
            now_seconds=now,
            is_fresh=self._has_scanned,
        )
        self._files[name] = file
        self._closed.pop(name, None)
        if not self._has_scanned:
            file.skip_to_tail(now)

    def _read(self, name: str, events: list[LiveEvent]) -> bool:
        """Reads what was appended to a file; returns whether there may be more."""
        file = self._files[name]
        try:
            new, has_more = file.read(self._monotonic())
        except OSError as error:
            _warn_unreadable(name, error)
            events.append(self._give_up(name))
            return False
        events += new
        if file.is_finished:
            self._close(name)
        return has_more

    def _give_up(self, name: str) -> LiveEvent:
        """Closes a file whose run has not ended; returns the news of it."""
        event = self._files[name].set_status("gone")
        self._close(name)
        return event

    def _close(self, name: str) -> None:
        self._closed[name] = self._files.pop(name).close()


def _live_files(folder: Path) -> dict[str, os.stat_result]:
    """What a folder has under the name of a live file; nothing if the folder is missing."""
    found: dict[str, os.stat_result] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    try:
                        found[entry.name] = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
    except FileNotFoundError:
        pass
    return found


def _warn_unreadable(name: str, error: OSError) -> None:
    log.warning(
        "a live file cannot be read", extra={"fields": {"file": name, "reason": error.strerror}}
    )
