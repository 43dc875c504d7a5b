"""The folder of the file in which a command names its phases, until the command has ended."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "benchmark-exporter-run-"
# The command of a run that was killed may go on, and write its phases.
_KEPT_SECONDS = 24 * 3600.0


@contextmanager
def phase_folder() -> Iterator[Path]:
    """Gives a new folder that is removed at the end, and removes those of runs that were killed.

    Raises OSError if it cannot be created.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = _lock(folder)
    try:
        _remove_old(folder.parent)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """Locks a folder until the descriptor is closed; None if it cannot be, or already is."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return descriptor
    return None


def _remove_old(parent: Path) -> None:
    """Removes folders of this user that are a day old and that no process has locked."""
    oldest = time.time() - _KEPT_SECONDS
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if status.st_uid != os.geteuid() or status.st_mtime > oldest:
                continue
            descriptor = _lock(folder)
            if descriptor is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)
