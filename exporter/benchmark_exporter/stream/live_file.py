"""One live file that is being followed."""

import logging
import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from benchmark_exporter.stream.live_lines import (
    MAX_LINE_BYTES,
    Iteration,
    LineRejection,
    RejectedLine,
    Sample,
    parse_line,
    progress_after,
    too_long,
)
from benchmark_exporter.stream.messages import UNFINISHED, Progress, ProgressStatus
from benchmark_exporter.stream.process_usage import UsageTable

log = logging.getLogger(__name__)

FOLDER, SUFFIX = "live", ".jsonl"
# How much is read of one file before the next one's turn.
CHUNK_BYTES = 256 * 1024
# Of a file that is larger than a chunk at the start, only the first line and this end are read.
TAIL_BYTES = 64 * 1024
# If a run writes more lines than this between two checks, only the last are published, with the
# number of the others.
MAX_PROGRESS_PER_CHECK = 40
SILENT_SECONDS, GONE_SECONDS = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A run's progress after one line of `file`.

    `is_fresh` says that the line was written while the file was being followed.
    """

    file: str
    progress: Progress
    timestamp: datetime | None
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What the lines of all files add up to."""

    usages: UsageTable = field(default_factory=UsageTable)
    rejected: Counter[LineRejection] = field(default_factory=Counter)


class LiveFile:
    """An open file, read as it grows. `heard_seconds` is when it last had a usable line.

    `project` and `environment` are those of a run that names none. Times are in seconds of a clock
    that never goes back. `is_fresh` says that what the file holds now was written while it was
    being followed.
    """

    def __init__(
        self,
        name: str,
        descriptor: int,
        tally: Tally,
        *,
        project: str,
        environment: str,
        now_seconds: float,
        is_fresh: bool,
    ) -> None:
        run_id = os.fsencode(name.removesuffix(SUFFIX)).decode("utf-8", "backslashreplace")
        self.inode = os.fstat(descriptor).st_ino
        self.offset = 0
        self.heard_seconds = now_seconds
        self.progress = Progress(
            run_id=run_id,
            benchmark=run_id,
            project=project,
            environment=environment,
            branch="",
            process=run_id,
        )
        self._name = name
        self._descriptor = descriptor
        self._tally = tally
        self._project = project
        self._environment = environment
        self._is_fresh = is_fresh
        self._timestamp: datetime | None = None
        self._partial = b""
        # Whether the current line began before what was read, or was too long.
        self._is_cut = False
        self._has_complained = False

    @property
    def is_running(self) -> bool:
        """Whether its run writes progress."""
        return self.progress.status == "running"

    @property
    def is_finished(self) -> bool:
        """Whether its run has ended, so that there is nothing more to read."""
        return self.progress.status not in UNFINISHED

    def skip_to_tail(self, now_seconds: float) -> None:
        """Leaves out all but the first line and the end if the file is larger than a chunk."""
        size_bytes = os.fstat(self._descriptor).st_size
        if size_bytes > CHUNK_BYTES:
            first = os.pread(self._descriptor, MAX_LINE_BYTES + 1, 0).partition(b"\n")[0]
            self._apply(first, now_seconds)
            self.offset, self._is_cut = size_bytes - TAIL_BYTES, True

    def read(self, now_seconds: float) -> tuple[Sequence[LiveEvent], bool]:
        """The news of what was appended, and whether there may be more to read.

        Raises:
            OSError: it cannot be read, which happens on network file systems.
        """
        data = os.pread(self._descriptor, CHUNK_BYTES, self.offset)
        if not data:
            return self._silence(now_seconds), False
        self.offset += len(data)
        *lines, partial = (self._partial + data).split(b"\n")
        events: list[LiveEvent] = []
        for line in lines:
            if self._is_cut:
                self._is_cut = False
            elif self._apply(line, now_seconds):
                events.append(LiveEvent(self._name, self.progress, self._timestamp, self._is_fresh))
            if self.is_finished:
                break
        if len(partial) > MAX_LINE_BYTES:
            if not self._is_cut:
                self._reject(partial, too_long())
            partial, self._is_cut = b"", True
        self._partial = partial
        if events:
            self.heard_seconds = now_seconds
        self._is_fresh |= len(data) < CHUNK_BYTES
        return _thinned(events), not self.is_finished and len(data) == CHUNK_BYTES

    def _silence(self, now_seconds: float) -> Sequence[LiveEvent]:
        silent_seconds = now_seconds - self.heard_seconds
        if silent_seconds > GONE_SECONDS:
            return [self.set_status("gone")]
        if silent_seconds > SILENT_SECONDS and self.is_running:
            return [self.set_status("silent")]
        return []

    def set_status(self, status: ProgressStatus) -> LiveEvent:
        """Changes its run's status for another reason than a line; returns the news of it."""
        self.progress = msgspec.structs.replace(self.progress, status=status, skipped=0)
        return LiveEvent(self._name, self.progress, None, is_fresh=False)

    def close(self) -> tuple[int, int]:
        """Closes it; returns its inode and size, by which it is known to be unchanged later."""
        status = os.fstat(self._descriptor)
        os.close(self._descriptor)
        return status.st_ino, status.st_size

    def _apply(self, text: bytes, now_seconds: float) -> bool:
        """Applies one line; returns whether it changed the run's progress."""
        try:
            line = parse_line(text)
        except RejectedLine as rejected:
            self._reject(text, rejected)
            return False
        if line is None:
            return False
        self._timestamp = line.timestamp
        self.progress = progress_after(self.progress, line, self._project, self._environment)
        if isinstance(line, Iteration | Sample):
            self._tally.usages.note(self.progress, line, now_seconds)
        return True

    def _reject(self, text: bytes, rejected: RejectedLine) -> None:
        self._tally.rejected[rejected.reason] += 1
        if not self._has_complained:  # once per file, since there may be thousands a second
            self._has_complained = True
            fields = {
                "file": f"{FOLDER}/{self._name}",
                "reason": rejected.reason,
                "detail": rejected.detail,
                "line": text[:80].decode("utf-8", "backslashreplace"),
            }
            log.warning("a line of a live file was skipped", extra={"fields": fields})


def open_regular(path: Path) -> int | None:
    """Opens a file for reading; None if it is not a regular file.

    Raises:
        OSError: it cannot be opened.
    """
    # NONBLOCK and NOFOLLOW, since something else may have taken its name since it was listed:
    # a FIFO without a writer, or a link to elsewhere.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _thinned(events: Sequence[LiveEvent]) -> Sequence[LiveEvent]:
    """The last of many lines of one run; the first one kept counts the iterations left out."""
    left_out = events[:-MAX_PROGRESS_PER_CHECK]
    if not left_out:
        return events
    first = events[len(left_out)]
    iterations = {event.progress.iteration for event in left_out} - {None, first.progress.iteration}
    skipped = (
        first.progress.skipped + len(iterations) + sum(event.progress.skipped for event in left_out)
    )
    progress = msgspec.structs.replace(first.progress, skipped=skipped)
    return [
        LiveEvent(first.file, progress, first.timestamp, first.is_fresh),
        *events[len(left_out) + 1 :],
    ]
