"""Whether the results folder is still the one that was scanned before."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# After another folder took its place, what is not in it still counts as known for this long: the
# first one may return.
RETURN_SECONDS = 60.0
_MOUNT = re.compile(rb"^mnt_id:\s*(\d+)", re.MULTILINE)


class FolderIdentity(NamedTuple):
    """What distinguishes a folder from another one at the same path; -1 for an unknown mount."""

    device: int
    inode: int
    mount: int


class UnmountedError(OSError):
    """The folder is empty, and its file system another one than before."""


def identity_of(path: str) -> FolderIdentity:
    """The identity of the folder at a path; a link is followed.

    Raises:
        OSError: there is no folder, or it cannot be reached.
    """
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status, mount = os.fstat(descriptor), None
        with suppress(OSError):  # where /proc is not mounted
            mount = _MOUNT.search(Path(f"/proc/self/fdinfo/{descriptor}").read_bytes())
        return FolderIdentity(status.st_dev, status.st_ino, int(mount[1]) if mount else -1)
    finally:
        os.close(descriptor)


class RootFolder:
    """Says which scans of the results folder can show that a file has gone.

    Not those during which the folder was replaced, nor those of a folder that has just taken its
    place. `monotonic` returns seconds that never go back.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float]) -> None:
        self._path = str(path)
        self._monotonic = monotonic
        self._scanned: FolderIdentity | None = None
        self._sure_at = float("-inf")

    def identity(self) -> FolderIdentity:
        """That of the folder which is there now.

        Raises:
            OSError: there is none, or it cannot be reached.
        """
        return identity_of(self._path)

    def is_scanned(self) -> bool:
        """Whether the folder that is there now is the one scanned last."""
        try:
            return self.identity() == self._scanned
        except OSError:
            return False

    def shows_gone(
        self, before: FolderIdentity, *, is_empty: bool, was_empty: Callable[[], bool]
    ) -> bool:
        """Whether a scan that began in this folder shows what has gone.

        `is_empty` says that it found nothing; `was_empty` is asked whether nothing of it was known.

        Raises:
            OSError: the folder has gone since, or UnmountedError: it seems to be unmounted.
        """
        if self.identity() != before:
            return False
        if self._scanned is not None and before != self._scanned:
            if is_empty and before.mount != self._scanned.mount and not was_empty():
                raise UnmountedError(
                    f"{self._path}: the results folder is empty and on another file system than "
                    "before; mount it again, or restart the exporter if it is meant to be empty"
                )
            self._sure_at = self._monotonic() + RETURN_SECONDS
        self._scanned = before
        return self._monotonic() >= self._sure_at
