"""Which files of the results folder are new: a scan is the truth, events only make it prompt."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.model import Rejected

SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file as the folder shows it. path is relative to the folder; the signature changes whenever its content may have.

    ctime is in it, not mtime: it also moves when permissions are mended and cannot be set back by a copy that keeps times.
    """

    path: str
    inode: int
    size_bytes: int
    ctime_ns: int

    @property
    def signature(self) -> tuple[int, int, int]:
        return (self.inode, self.size_bytes, self.ctime_ns)

    @property
    def name(self) -> str:
        """The path as it can be printed and stored, whatever bytes the folder holds."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")


class Inbox:
    """The results folder, read-only. Names that begin with a dot are writers' unfinished business."""

    def __init__(self, root: Path, max_file_bytes: int) -> None:
        self.root = root
        self._max_file_bytes = max_file_bytes

    def scan(self) -> list[Candidate]:
        """Every candidate in the folder and its subfolders, oldest first.

        Raises:
            OSError: the folder itself cannot be read. Files and folders that vanish meanwhile are passed over.
        """
        return sorted(self._walk(self.root), key=lambda candidate: (candidate.ctime_ns, candidate.path))

    def look(self, paths: Iterable[Path]) -> list[Candidate]:
        """The candidates among the given paths, oldest first."""
        found = []
        for path in set(paths):
            name = path.name
            if name.endswith(SUFFIX) and not any(part.startswith(".") for part in path.relative_to(self.root).parts):
                try:
                    found.append(self._candidate(path, path.lstat()))
                except OSError:
                    continue  # gone again; the next scan says so
        return sorted(found, key=lambda candidate: (candidate.ctime_ns, candidate.path))

    def read(self, candidate: Candidate) -> bytes:
        """The bytes of a candidate.

        Raises:
            Rejected: it is no regular file inside the folder, is too large, or cannot be read.
            FileNotFoundError: it has gone.
        """
        path = self.root / candidate.path
        if path.is_symlink() and not path.resolve().is_relative_to(self.root.resolve()):
            raise Rejected("link_outside", "a link may not lead out of the results folder; copy the file instead")
        try:
            # Without O_NONBLOCK, opening a FIFO waits for a writer that may never come.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            if path.is_symlink():
                raise Rejected("unreadable", "a link to nothing") from None
            raise
        except OSError as error:
            raise Rejected("unreadable", error.strerror or str(error)) from error
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Rejected("not_a_file", f"a {_kind(status.st_mode)} has a result's name")
            if status.st_size > self._max_file_bytes:
                raise Rejected("too_large", f"{status.st_size} bytes, max_file_bytes is {self._max_file_bytes}")
            return file.read(self._max_file_bytes + 1)

    def _walk(self, folder: Path) -> Iterator[Candidate]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                try:
                    if entry.name.endswith(SUFFIX):
                        yield self._candidate(Path(entry.path), entry.stat(follow_symlinks=False))
                    elif entry.is_dir(follow_symlinks=False):
                        yield from self._walk(Path(entry.path))
                except OSError:
                    continue

    def _candidate(self, path: Path, status: os.stat_result) -> Candidate:
        relative = str(path.relative_to(self.root))
        if stat.S_ISLNK(status.st_mode):
            try:
                status = path.stat()
            except OSError:
                pass  # a dangling link is a candidate too: read() names what is wrong
        if not stat.S_ISREG(status.st_mode):
            return Candidate(relative, status.st_ino, 0, 0)  # what happens inside a folder does not make it another one
        return Candidate(relative, status.st_ino, status.st_size, status.st_ctime_ns)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
    return kinds.get(stat.S_IFMT(mode), "special file")
