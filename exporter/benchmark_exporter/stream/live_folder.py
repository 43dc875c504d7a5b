"""What runs now: lines that benchmarks append to RESULTS/live/<run_id>.jsonl, as docs/stream.md defines them.

Nothing is written, and no place in a file is kept over a restart: the files are read again. A line that is none is passed over and
counted, so that whatever stands in a file, the others are followed.
"""

import logging
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from benchmark_exporter.stream.messages import UNFINISHED, Progress, ProgressStatus

log = logging.getLogger(__name__)

FOLDER, SUFFIX = "live", ".jsonl"
MAX_LINE_BYTES = 4096
# What is read of one file at a time; the others come between.
CHUNK_BYTES = 256 * 1024
# Of a file that is longer when it is first seen, the first line and the end are read.
TAIL_BYTES = 64 * 1024
# Of a run that writes more lines between two looks, the last are told, with how many were not.
MAX_PROGRESS_A_LOOK = 40
# A scan takes at most this share of the time between two.
SCAN_SHARE = 0.01
MAX_FILES = 100
SILENT_SECONDS, GONE_SECONDS = 60.0, 3600.0
# Between two looks for new lines while lines come, while something runs but says little, and for new files.
LOOK_SECONDS, QUIET_LOOK_SECONDS, SCAN_SECONDS = 0.01, 0.04, 1.0
QUIET_SECONDS = 0.5
# How long a process is shown after its last line, so that the slow scrape sees what it came to.
SHOWN_SECONDS = 300.0
MAX_PROCESSES, MAX_PHASES, MAX_CORES = 20, 8, 64
CURRENT, DEFAULT_PHASE = "current", "measure"

LineRejection = Literal["too_long", "not_json", "invalid"]
LINE_REJECTIONS: tuple[LineRejection, ...] = ("too_long", "not_json", "invalid")

_Name = Annotated[str, msgspec.Meta(max_length=1024)]
_Text = Annotated[str, msgspec.Meta(max_length=2048)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Line(msgspec.Struct, frozen=True):
    type: str


class _Start(msgspec.Struct, frozen=True):
    timestamp: _Moment
    run_id: _Name
    benchmark: _Name
    project: _Name | None = None
    environment: _Name | None = None
    iterations: _Count | None = None
    process: _Name | None = None


class _Iteration(msgspec.Struct, frozen=True):
    timestamp: _Moment
    iteration: _Count
    benchmark: _Name | None = None
    execution_time_ms: _Number | None = None
    memory_mb: _Number | None = None
    peak_memory_mb: _Number | None = None
    cpu_percent: _Number | None = None
    skipped: _Count = 0


class _Sample(msgspec.Struct, frozen=True):
    timestamp: _Moment
    process: _Name | None = None
    phase: _Name | None = None
    memory_mb: _Number | None = None
    peak_memory_mb: _Number | None = None
    cpu_percent: _Number | None = None
    cores: dict[_Name, _Number] | None = None


class _End(msgspec.Struct, frozen=True):
    timestamp: _Moment
    status: Literal["completed", "failed", "interrupted"]
    error: _Text | None = None


_LINE = msgspec.json.Decoder(_Line)
_DECODERS: Mapping[str, msgspec.json.Decoder[_Start | _Iteration | _Sample | _End]] = {
    "start": msgspec.json.Decoder(_Start),
    "iteration": msgspec.json.Decoder(_Iteration),
    "sample": msgspec.json.Decoder(_Sample),
    "end": msgspec.json.Decoder(_End),
}


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A run's progress as one line left it. `file` tells it from others. `is_fresh` says that the line was written while we looked."""

    file: str
    progress: Progress
    timestamp: datetime | None
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Memory in 10^6 bytes by phase (`current`, and the peak of each phase); CPU in percent of one core, by core and of `all`."""

    process: str
    memory_mb: Mapping[str, float]
    cpu_percent: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LiveNews:
    """What one look found. `rejected_lines` counts since the start; `pause_seconds` is when to look again."""

    events: Sequence[LiveEvent]
    usages: Sequence[ProcessUsage]
    rejected_lines: Mapping[LineRejection, int]
    pause_seconds: float


@dataclass(slots=True)
class _Usage:
    memory_mb: dict[str, float] = field(default_factory=dict)
    cpu_percent: dict[str, float] = field(default_factory=dict)
    heard_seconds: float = 0.0


@dataclass(slots=True)
class _File:
    """A file that is followed. `is_cut` says that the line it is in began before what was read, or was too long."""

    descriptor: int
    inode: int
    progress: Progress
    heard_seconds: float
    timestamp: datetime | None = None
    offset: int = 0
    partial: bytes = b""
    is_cut: bool = False
    is_fresh: bool = True
    has_complained: bool = False


class LiveFolder:
    """Follows the files of one folder, which need not be there. `monotonic` and `clock` give seconds. One thread at a time.

    `project` and `environment` are of runs that name none.
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
        self._project = project
        self._environment = environment
        self._monotonic = monotonic
        self._clock = clock
        self._files: dict[str, _File] = {}
        # Files that need not be read, as long as they stay as they are.
        self._closed: dict[str, tuple[int, int]] = {}
        self._usages: dict[str, _Usage] = {}
        self._rejected: Counter[LineRejection] = Counter()
        self._next_scan_seconds = float("-inf")
        self._has_scanned = False
        self._is_full = False

    def wait(self, wake: threading.Event) -> LiveNews:
        """Looks until something is new, for at most a second. `wake` says that there may be new files, and ends the waiting.

        It is here that the thread waits, and not in an event loop: a look takes some microseconds, going from thread to thread and back
        a hundred times as long.

        Raises:
            OSError: as `look`.
        """
        until_seconds = self._monotonic() + SCAN_SECONDS
        while True:
            is_told = wake.is_set()
            wake.clear()
            news = self.look(scan=is_told)
            if news.events or is_told or self._monotonic() >= until_seconds:
                return news
            wake.wait(news.pause_seconds)

    def is_looked_at(self, path: str) -> bool:
        """Whether an event of a file tells nothing new, since it is looked at anyway. Any thread may ask."""
        file = self._files.get(os.path.basename(path))  # noqa: PTH119  # as text, for there may be thousands a second
        return file is not None and file.progress.status == "running"

    def look(self, *, scan: bool = False) -> LiveNews:
        """What is new since the last look; with `scan`, in files that were not there then too, which is otherwise found within a second.

        Raises:
            OSError: the folder is there and cannot be read.
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
        for process in [
            process
            for process, usage in self._usages.items()
            if now - usage.heard_seconds > SHOWN_SECONDS
        ]:
            del self._usages[process]
        heard = max(
            (
                file.heard_seconds
                for file in self._files.values()
                if file.progress.status == "running"
            ),
            default=None,
        )
        if heard is None:
            pause = max(0.0, self._next_scan_seconds - now)
        else:
            pause = LOOK_SECONDS if now - heard < QUIET_SECONDS else QUIET_LOOK_SECONDS
        usages = [
            ProcessUsage(process, dict(usage.memory_mb), dict(usage.cpu_percent))
            for process, usage in self._usages.items()
        ]
        return LiveNews(events, usages, dict(self._rejected), 0.0 if has_more else pause)

    def close(self) -> None:
        """Lets go of the files."""
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()

    def _scan(self, events: list[LiveEvent]) -> None:
        found: dict[str, os.stat_result] = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                        try:
                            found[entry.name] = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue
        except FileNotFoundError:
            pass
        self._closed = {
            name: signature for name, signature in self._closed.items() if name in found
        }
        for name, file in list(self._files.items()):
            status = found.get(name)
            if status is None:
                self._end(name, "gone", events)
            elif status.st_ino != file.inode or status.st_size < file.offset:
                self._end(name, "gone", events)
                self._closed.pop(name)  # it is another file, or begun anew, and is opened again
        for name, status in sorted(found.items(), key=lambda item: item[1].st_mtime_ns):
            signature = (status.st_ino, status.st_size)
            if (
                name in self._files
                or not stat.S_ISREG(status.st_mode)
                or self._closed.get(name) == signature
            ):
                continue
            if self._clock() - status.st_mtime > GONE_SECONDS:
                self._closed[name] = signature
            elif len(self._files) < MAX_FILES:
                self._open(name)
            elif not self._is_full:
                self._is_full = True
                log.warning(
                    "too many live files are open, further ones wait",
                    extra={"fields": {"file": name, "limit": MAX_FILES}},
                )
        self._is_full &= len(self._files) >= MAX_FILES
        self._has_scanned = True

    def _open(self, name: str) -> None:
        try:
            # NONBLOCK and NOFOLLOW for what may have taken its place since: a FIFO that nobody writes to, a link to elsewhere.
            descriptor = os.open(
                self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except OSError as error:
            log.warning(
                "a live file cannot be read",
                extra={"fields": {"file": name, "reason": error.strerror}},
            )
            return
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            return
        run_id = os.fsencode(name.removesuffix(SUFFIX)).decode("utf-8", "backslashreplace")
        progress = Progress(
            run_id=run_id,
            benchmark=run_id,
            project=self._project,
            environment=self._environment,
            process=run_id,
        )
        file = _File(
            descriptor, status.st_ino, progress, self._monotonic(), is_fresh=self._has_scanned
        )
        self._files[name] = file
        self._closed.pop(name, None)
        if status.st_size > CHUNK_BYTES and not self._has_scanned:
            self._take(name, file, os.pread(descriptor, MAX_LINE_BYTES + 1, 0).partition(b"\n")[0])
            file.offset, file.is_cut = status.st_size - TAIL_BYTES, True

    def _read(self, name: str, events: list[LiveEvent]) -> bool:
        """Takes in what a file has more; whether there may be yet more."""
        file = self._files[name]
        try:
            data = os.pread(file.descriptor, CHUNK_BYTES, file.offset)
        except OSError as error:  # of a network's file system
            log.warning(
                "a live file cannot be read any more",
                extra={"fields": {"file": name, "reason": error.strerror}},
            )
            self._end(name, "gone", events)
            return False
        if not data:
            self._note_silence(name, file, events)
            return False
        file.offset += len(data)
        *lines, partial = (file.partial + data).split(b"\n")
        told: list[LiveEvent] = []
        for line in lines:
            if file.is_cut:
                file.is_cut = False
            elif self._take(name, file, line):
                told.append(LiveEvent(name, file.progress, file.timestamp, file.is_fresh))
            if file.progress.status not in UNFINISHED:
                break
        if len(partial) > MAX_LINE_BYTES:
            if not file.is_cut:
                self._reject(name, file, "too_long", partial)
            partial, file.is_cut = b"", True
        file.partial = partial
        events += _thinned(told)
        if told:
            file.heard_seconds = self._monotonic()
        file.is_fresh |= len(data) < CHUNK_BYTES
        if file.progress.status not in UNFINISHED:
            self._close(name)
            return False
        return len(data) == CHUNK_BYTES

    def _note_silence(self, name: str, file: _File, events: list[LiveEvent]) -> None:
        silence = self._monotonic() - file.heard_seconds
        if silence > GONE_SECONDS:
            self._end(name, "gone", events)
        elif silence > SILENT_SECONDS and file.progress.status == "running":
            file.progress = msgspec.structs.replace(file.progress, status="silent", skipped=0)
            events.append(LiveEvent(name, file.progress, None, is_fresh=False))

    def _end(self, name: str, status: ProgressStatus, events: list[LiveEvent]) -> None:
        progress = msgspec.structs.replace(self._files[name].progress, status=status, skipped=0)
        events.append(LiveEvent(name, progress, None, is_fresh=False))
        self._close(name)

    def _close(self, name: str) -> None:
        file = self._files.pop(name)
        status = os.fstat(file.descriptor)
        self._closed[name] = (status.st_ino, status.st_size)
        os.close(file.descriptor)

    def _take(self, name: str, file: _File, line: bytes) -> bool:
        """Takes in one line; whether it changed what is known of the run."""
        if len(line) > MAX_LINE_BYTES:
            self._reject(name, file, "too_long", line)
            return False
        if not line.strip():
            return False
        try:
            decoder = _DECODERS.get(_LINE.decode(line).type)
            said = None if decoder is None else decoder.decode(line)
        except msgspec.ValidationError as error:
            self._reject(name, file, "invalid", line, error)
            return False
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._reject(name, file, "not_json", line, error)
            return False
        if said is None:
            return False
        file.timestamp = said.timestamp
        file.progress = self._after(file.progress, said)
        self._note_usage(file.progress, said)
        return True

    def _after(self, progress: Progress, said: _Start | _Iteration | _Sample | _End) -> Progress:
        if isinstance(said, _Start):
            return Progress(
                run_id=said.run_id,
                benchmark=said.benchmark,
                project=said.project or self._project,
                environment=said.environment or self._environment,
                process=said.process or said.benchmark,
                started=said.timestamp,
                iterations=said.iterations,
            )
        if isinstance(said, _End):
            return msgspec.structs.replace(
                progress, status=said.status, error=said.error, skipped=0
            )
        known = {
            name: value
            for name in ("memory_mb", "peak_memory_mb", "cpu_percent")
            if (value := getattr(said, name)) is not None
        }
        if isinstance(said, _Sample):
            more = {
                "process": said.process or progress.process,
                "phase": said.phase or progress.phase,
            }
            return msgspec.structs.replace(progress, **known, **more, status="running", skipped=0)
        return msgspec.structs.replace(
            progress,
            **known,
            benchmark=said.benchmark or progress.benchmark,
            iteration=said.iteration,
            execution_time_ms=said.execution_time_ms,
            status="running",
            skipped=said.skipped,
        )

    def _note_usage(self, progress: Progress, said: _Start | _Iteration | _Sample | _End) -> None:
        if not isinstance(said, _Iteration | _Sample):
            return
        usage = self._usages.pop(progress.process, None) or _Usage()
        self._usages[progress.process] = usage  # the one heard of last comes last
        if len(self._usages) > MAX_PROCESSES:
            del self._usages[next(iter(self._usages))]
        usage.heard_seconds = self._monotonic()
        if said.memory_mb is not None:
            usage.memory_mb[CURRENT] = said.memory_mb
            phase = progress.phase or DEFAULT_PHASE
            if phase in usage.memory_mb or len(usage.memory_mb) <= MAX_PHASES:
                usage.memory_mb[phase] = max(usage.memory_mb.get(phase, 0.0), said.memory_mb)
        if said.cpu_percent is not None:
            usage.cpu_percent["all"] = said.cpu_percent
        if isinstance(said, _Sample) and said.cores is not None:
            cores = {
                core: percent
                for core, percent in list(said.cores.items())[:MAX_CORES]
                if core.isdecimal()
            }
            usage.cpu_percent = {"all": usage.cpu_percent.get("all", sum(cores.values())), **cores}

    def _reject(
        self,
        name: str,
        file: _File,
        reason: LineRejection,
        line: bytes,
        error: Exception | None = None,
    ) -> None:
        self._rejected[reason] += 1
        if not file.has_complained:  # once a file, since there may be thousands a second
            file.has_complained = True
            fields = {
                "file": f"{FOLDER}/{name}",
                "reason": reason,
                "detail": error or f"a line has at most {MAX_LINE_BYTES} bytes",
            }
            log.warning(
                "a live line is passed over",
                extra={"fields": fields | {"line": line[:80].decode("utf-8", "backslashreplace")}},
            )


def _thinned(events: Sequence[LiveEvent]) -> Sequence[LiveEvent]:
    """The last of many lines of one run; the first that is kept says how many iterations came before it."""
    left_out = events[:-MAX_PROGRESS_A_LOOK]
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
