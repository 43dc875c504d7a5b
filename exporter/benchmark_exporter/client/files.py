"""The files of a run: `live/RUN_ID.jsonl`, a line an event, and `RUN_ID.json`, its result."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.wording import printable

LIVE = "live"
MAX_LINE_BYTES = 4096
# Texts of a longer line are cut to the first of these lengths that makes it short enough.
_TEXT_CHARACTERS = (1024, 512, 256, 128, 64)
_KEPT_SECONDS = 24 * 3600.0


def new_run_id() -> str:
    """An id that no other run has: the current second, and 40 random bits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(5).hex()}"


def timestamp() -> str:
    """The current time, ISO 8601 in UTC with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class RunFiles:
    """The files of one run.

    A write failure is reported to `warn`, once, and never raised. The next line is still tried.
    """

    def __init__(self, results_dir: Path, run_id: str, warn: Callable[[str], object]) -> None:
        self.run_id = run_id
        self._results_dir = results_dir
        self._warn = warn
        self._warned = False
        self._torn = False
        self._descriptor: int | None = None
        try:
            self._descriptor = self._open()
        except OSError as error:
            self._report(error)

    def append(self, kind: str, fields: Mapping[str, object]) -> bool:
        """Appends a line to the live file, and returns whether all of it was written."""
        if self._descriptor is None:
            return False
        # A full disk may have left part of a line: it is ended, so that it spoils no other.
        line = b"\n" * self._torn + _line({"type": kind, "timestamp": timestamp(), **fields})
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            self._report(error)
            return False
        self._torn = written < len(line) and (self._torn or written > 0)
        return written == len(line)

    def close(self) -> None:
        """Closes the live file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def publish(self, document: Mapping[str, object]) -> Path | None:
        """Drops the result, and returns its path; None if it could not be written."""
        path = self._results_dir / f"{self.run_id}.json"
        try:
            write_file(path, _encoded(document))
        except OSError as error:
            self._report(error)
            return None
        return path

    def _open(self) -> int:
        folder = self._results_dir / LIVE
        folder.mkdir(exist_ok=True)
        _remove_old(folder)
        return os.open(
            folder / f"{self.run_id}.jsonl",
            os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
            0o666,
        )

    def _report(self, error: OSError) -> None:
        if self._warned:
            return
        self._warned = True
        # A program's own log may go to its terminal as it is.
        folder = printable(str(self._results_dir))
        if not self._results_dir.is_dir():
            self._warn(
                f"{folder}: folder not found, so nothing is recorded; create it or name another"
            )
        else:
            self._warn(f"{folder}: run {self.run_id} cannot be recorded: {error.strerror or error}")


def _remove_old(folder: Path) -> None:
    """Removes old live files. Nobody else does: the exporter only reads the folder."""
    oldest = time.time() - _KEPT_SECONDS
    for path in folder.glob("*.jsonl"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _line(fields: Mapping[str, object]) -> bytes:
    line = _encoded(fields) + b"\n"
    for longest in _TEXT_CHARACTERS:
        if len(line) <= MAX_LINE_BYTES:
            break
        line = (
            _encoded(
                {
                    name: value[:longest] if isinstance(value, str) else value
                    for name, value in fields.items()
                }
            )
            + b"\n"
        )
    return line


def _encoded(value: Mapping[str, object]) -> bytes:
    # Names of programs and tests may contain bytes that are not UTF-8.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        "utf-8", "replace"
    )
