"""File events of Linux (inotify) for a folder and all its subfolders.

asyncinotify talks to the kernel; which folders are watched, and when, is decided here. Names are
bytes to the kernel. Here they are strings as `os.fsdecode` makes them, so that a name that is not
UTF-8 is a name like any other.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress

from asyncinotify import Event, Inotify, Mask

from benchmark_exporter.ingest.folder_walk import is_read
from benchmark_exporter.ingest.suffixes import SUFFIXES

_FILE_EVENTS = Mask.ATTRIB | Mask.CLOSE_WRITE | Mask.MOVE | Mask.CREATE | Mask.DELETE
# After these, there may be a folder to enter: permissions may have been corrected.
_MAY_OPEN = Mask.ATTRIB | Mask.MOVED_TO | Mask.CREATE
# Read at once, at least: the kernel keeps 16384 unless it is set otherwise.
_EVENTS_PER_READ = 1000
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
        self._folders: dict[int, str] = {}  # by their watches' descriptors
        try:
            # Without a timeout, reading would wait: asyncinotify's NONBLOCK sets nothing.
            self._inotify = Inotify(cache_size=_EVENTS_PER_READ, sync_timeout=0)
        except OSError as error:
            raise _named(error, root) from error
        self.descriptor = self._inotify.fd
        try:
            self._add(root, Mask.ONLYDIR)
            for _ in self._watch_below(root):
                pass
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends all watches."""
        self._inotify.close()

    def read(self) -> set[str]:
        """The paths that changed since the last call, without waiting.

        A new or renamed folder comes with all that is in it. The folder itself stands for events
        that were lost.

        Raises:
            OSError: events cannot be read, or there is no watch left for a new folder.
        """
        changed: set[str] = set()
        for event in iter(self._inotify.sync_get, None):
            self._note(changed, event)
        return changed

    def _note(self, changed: set[str], event: Event) -> None:
        mask = event.mask
        if mask & Mask.Q_OVERFLOW:
            changed.add(self._root)
        elif (watch := event.watch) is None:
            return
        elif mask & Mask.IGNORED:
            self._folders.pop(watch.wd, None)
        elif event.name is not None and (folder := self._folders.get(watch.wd)) is not None:
            name = str(event.name)
            path = f"{folder}/{name}"
            changed.add(path)
            if mask & Mask.ISDIR and mask & Mask.MOVED_FROM:
                self._unwatch(path)
            elif mask & Mask.ISDIR and mask & _MAY_OPEN and _is_entered(name):
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

    def _watch(self, folder: str) -> bool:
        """Whether the folder could be watched; a scan reports what is wrong with one that cannot.

        Raises:
            OSError: there is no room for another watch.
        """
        try:
            self._add(folder, Mask.ONLYDIR | Mask.DONT_FOLLOW)
        except OSError as error:
            if error.errno in LIMITS:
                raise
            return False
        return True

    def _add(self, folder: str, flags: Mask) -> None:
        events = _FILE_EVENTS | (Mask.MODIFY if folder == self._appended else Mask.ZERO)
        try:
            watch = self._inotify.add_watch(folder, events | flags)
        except OSError as error:
            raise _named(error, folder) from error
        self._folders[watch.wd] = folder

    def _unwatch(self, folder: str) -> None:
        """Ends the watches of a folder that was renamed, whose paths are wrong now."""
        below = f"{folder}/"
        for watch in self._inotify.watches:
            path = self._folders.get(watch.wd)
            if path is None or (path != folder and not path.startswith(below)):
                continue
            del self._folders[watch.wd]
            with suppress(OSError):  # the kernel may have ended it, as the folder was deleted
                self._inotify.rm_watch(watch)


def _is_entered(name: str) -> bool:
    """Whether a scan enters a folder of this name."""
    return is_read(name) and not name.endswith(SUFFIXES)


def _named(error: OSError, path: str) -> OSError:
    number = error.errno or 0
    return OSError(number, LIMITS.get(number, os.strerror(number)), path)
