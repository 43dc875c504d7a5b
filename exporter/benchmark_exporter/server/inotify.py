"""File events of Linux (inotify) for a folder and all its subfolders.

Names are bytes to the kernel. Here they are strings as `os.fsdecode` makes them, so that a name
that is not UTF-8 is a name like any other.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from contextlib import suppress

from benchmark_exporter.ingest.inbox import SUFFIX

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED, _IS_FOLDER = 0x4000, 0x8000, 0x40000000
_ONLY_FOLDER, _NO_LINK = 0x01000000, 0x02000000
_FILE_EVENTS = _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
# After these, there may be a folder to enter: permissions may have been corrected.
_MAY_OPEN = _ATTRIB | _MOVED_TO | _CREATE
_EVENT = struct.Struct("iIII")
_BUFFER_BYTES = 256 * 1024
# What the machine or the user has no more of; any other error concerns one folder only.
LIMITS = {
    errno.ENOSPC: "more folders than fs.inotify.max_user_watches allows",
    errno.EMFILE: "no more inotify instances or open files, see fs.inotify.max_user_instances",
    errno.ENFILE: "the machine has no more open files",
    errno.ENOMEM: "the kernel has no memory for it",
}


class FolderEvents:
    """The events of a folder and of those of its subfolders that a scan would enter.

    `appended` is a subfolder in which every write is an event, not only the closing of a file. For
    one thread.

    Raises:
        OSError: the folder cannot be watched, or there are too few watches for all subfolders.
    """

    def __init__(self, root: str, appended: str) -> None:
        self._root, self._appended = root, appended
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._folders: dict[int, str] = {}
        self.descriptor = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.descriptor < 0:
            raise _error(root)
        try:
            if not self._watch(root, _ONLY_FOLDER):
                raise _error(root)
            for _ in self._watch_below(root):
                pass
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends all watches."""
        os.close(self.descriptor)

    def read(self) -> set[str]:
        """The paths that changed since the last call, without waiting.

        A new or renamed folder comes with all that is in it. The folder itself stands for events
        that were lost.

        Raises:
            OSError: events cannot be read, or there is no watch left for a new folder.
        """
        changed: set[str] = set()
        while True:
            try:
                data = os.read(self.descriptor, _BUFFER_BYTES)
            except BlockingIOError:
                return changed
            offset = 0
            while offset < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size
                name = data[offset : offset + length].rstrip(b"\0")
                offset += length
                self._note(changed, watch, mask, os.fsdecode(name))

    def _note(self, changed: set[str], watch: int, mask: int, name: str) -> None:
        if mask & _OVERFLOW:
            changed.add(self._root)
        elif mask & _IGNORED:
            self._folders.pop(watch, None)
        elif name and (folder := self._folders.get(watch)) is not None:
            path = f"{folder}/{name}"
            changed.add(path)
            if mask & _IS_FOLDER and mask & _MOVED_FROM:
                self._unwatch(path)
            elif mask & _IS_FOLDER and mask & _MAY_OPEN and _is_entered(name):
                self._watch_new(changed, path)

    def _watch_new(self, changed: set[str], folder: str) -> None:
        # Watched before it is listed, so that nothing in between is missed.
        if self._watch(folder):
            changed.update(self._watch_below(folder))

    def _watch_below(self, folder: str) -> Iterator[str]:
        """Watches all subfolders of a watched folder; yields the paths of all that is in them."""
        # A list instead of recursion: folders may be nested deeper than the call stack allows.
        folders = [folder]
        while folders:
            below: list[str] = []
            with suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    yield entry.path
                    if _is_entered(entry.name) and entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
            folders += [path for path in below if self._watch(path)]

    def _watch(self, folder: str, flags: int = _ONLY_FOLDER | _NO_LINK) -> bool:
        """Whether the folder could be watched; a scan reports what is wrong with one that cannot.

        Raises:
            OSError: there is no room for another watch.
        """
        events = _FILE_EVENTS | (_MODIFY if folder == self._appended else 0)
        watch = self._libc.inotify_add_watch(self.descriptor, os.fsencode(folder), events | flags)
        if watch < 0:
            if ctypes.get_errno() in LIMITS:
                raise _error(folder)
            return False
        self._folders[watch] = folder
        return True

    def _unwatch(self, folder: str) -> None:
        """Ends the watches of a folder that was renamed, whose paths are wrong now."""
        below = f"{folder}/"
        moved = [
            watch
            for watch, path in self._folders.items()
            if path == folder or path.startswith(below)
        ]
        for watch in moved:
            del self._folders[watch]
            self._libc.inotify_rm_watch(self.descriptor, watch)


def _is_entered(name: str) -> bool:
    """Whether a scan enters a folder of this name."""
    return not name.startswith(".") and not name.endswith(SUFFIX)


def _error(path: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, LIMITS.get(number, os.strerror(number)), path)
