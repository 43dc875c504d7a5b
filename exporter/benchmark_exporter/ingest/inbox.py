"""Finds the files to ingest. A scan is the truth; events only make it prompt."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from benchmark_exporter.ingest.file_access import kind_of, name_of, read_at_most, reason_of
from benchmark_exporter.ingest.folder_walk import is_read, list_whole, walk
from benchmark_exporter.ingest.passed_over import PassedOver
from benchmark_exporter.ingest.sidecar_listing import SidecarListing
from benchmark_exporter.ingest.suffixes import SIDECAR_SUFFIX, SUFFIXES, without_suffix
from benchmark_exporter.model import Rejected

# Prefix of the names of uploaded files. No file of the results folder can have it, since names that
# begin with a dot are ignored.
UPLOADS_PREFIX = ".uploads/"
# Some file systems keep later times, which anybody can set; more than 64 bits are stored nowhere.
_LATEST_NS = 2**63 - 1
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Candidate(msgspec.Struct, frozen=True):
    """A file as its folder lists it.

    `path` is relative to the folder. `name` is the path in a form that can be printed and stored,
    whatever bytes it has, prefixed by the folder's `name_prefix`. `mtime_ns` is when the content
    was written, which a document may not state.
    """

    path: str
    name: str
    inode: int
    size_bytes: int = 0
    ctime_ns: int = 0
    mtime_ns: int = 0

    @property
    def signature(self) -> tuple[int, int, int]:
        """Changes whenever the content may have.

        It holds ctime rather than mtime, since ctime also moves when permissions are corrected and
        cannot be set back by a copy that preserves times.
        """
        return (self.inode, self.size_bytes, self.ctime_ns)

    @property
    def is_sidecar(self) -> bool:
        """Whether it is `x.meta.json`, which states what `x.json` does not."""
        return self.path.endswith(SIDECAR_SUFFIX)

    @property
    def document_names(self) -> tuple[str, ...]:
        """The names that this sidecar's document may have."""
        return tuple(self.name.removesuffix(SIDECAR_SUFFIX) + suffix for suffix in SUFFIXES)


class Inbox:
    """A folder of results, which is only read.

    Names that begin with a dot are ignored, except `.benchmarks`.
    """

    def __init__(self, root: Path, max_file_bytes: int, name_prefix: str = "") -> None:
        self.root = root
        self.name_prefix = name_prefix
        self._prefix = os.path.join(root, "")  # noqa: PTH118  # a Path has no slash at its end
        self._max_file_bytes = max_file_bytes
        self._sidecars = SidecarListing(self._prefix, SIDECAR_SUFFIX)
        self._unreached_names: list[str] = []
        self._passed_over = PassedOver(self._prefix)

    def scan(self) -> list[Candidate]:
        """Every candidate, oldest first."""
        return oldest_first(self.walk())

    def check(self, paths: Iterable[str | Path]) -> list[Candidate]:
        """The candidates among the paths, oldest first; paths a scan would skip are skipped."""
        found = []
        # Strings here and wherever each file of a burst passes: a Path costs more than its stat().
        for path in {os.fspath(each) for each in paths}:
            # A file that has gone is found missing by the next scan.
            with suppress(OSError):
                if path.endswith(SUFFIXES) and self._is_reached(path):
                    found.append(self._candidate(path, os.lstat(path)))
        return oldest_first(found)

    def candidate(self, path: Path) -> Candidate:
        """One file of the folder, whatever its name.

        Raises:
            OSError: it does not exist or its status cannot be read.
        """
        return self._candidate(str(path), path.lstat())

    @property
    def results_dir(self) -> Path:
        """The folder itself."""
        return self.root

    def refreshed(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The same candidates as they are now, without those that have gone."""
        found = []
        for candidate in candidates:
            path = self._prefix + candidate.path
            try:
                found.append(self._candidate(path, os.lstat(path)))
            except (FileNotFoundError, NotADirectoryError):
                continue
            # read() reports it. When the file can be reached again, its signature is another.
            except OSError:
                found.append(self._unreached(path, candidate.inode))
        return found

    def sidecar(self, document: Candidate) -> Candidate | None:
        """The sidecar of a document, if it has one."""
        path = self._prefix + without_suffix(document.path) + SIDECAR_SUFFIX
        # Most documents have none, and asking costs less than an exception.
        if not os.access(path, os.F_OK, follow_symlinks=False):
            return None
        with suppress(OSError):
            return self._candidate(path, os.lstat(path))
        return None

    def perhaps_with_sidecar(self, documents: Iterable[Candidate]) -> set[str]:
        """The names of these documents, without those that certainly have no sidecar.

        For many documents this costs less than looking for the sidecar of each.
        """
        documents = list(documents)
        perhaps = self._sidecars.perhaps_with_sidecar(each.path for each in documents)
        return {each.name for each in documents if each.path in perhaps}

    def documents(self, sidecars: Iterable[Candidate]) -> list[Candidate]:
        """The documents of these sidecars that exist."""
        return self.check(
            self._prefix + sidecar.path.removesuffix(SIDECAR_SUFFIX) + suffix
            for sidecar in sidecars
            for suffix in SUFFIXES
        )

    def read(self, candidate: Candidate) -> bytes:
        """The bytes of a candidate.

        Raises:
            Rejected: not a regular file inside the folder, too large, or unreadable.
            FileNotFoundError: it has gone.
            OSError: the process or the machine ran out of a resource; not the file's fault.
        """
        path = self._prefix + candidate.path
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                path = self._target(path)
                status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode) and not candidate.path.endswith(SUFFIXES):
                self._list(path)
                raise FileNotFoundError(errno.ENOENT, "a folder that is scanned", path)
            if not stat.S_ISREG(status.st_mode):
                raise Rejected("not_a_file", f"a {kind_of(status.st_mode)} has a result's name")
            if status.st_size > self._max_file_bytes:
                raise Rejected(
                    "too_large", f"{status.st_size} bytes, max_file_bytes is {self._max_file_bytes}"
                )
            # NOFOLLOW and NONBLOCK in case it has been replaced by a link or a FIFO meanwhile.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                data = read_at_most(descriptor, status.st_size, self._max_file_bytes)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                raise
            raise Rejected("unreadable", reason_of(error)) from error
        if len(data) > self._max_file_bytes:
            raise Rejected(
                "too_large", f"grew while it was read, max_file_bytes is {self._max_file_bytes}"
            )
        return data

    def _list(self, folder: str) -> None:
        try:
            list_whole(folder)
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                raise
            reason = reason_of(error)
            raise Rejected("unreadable", f"the folder cannot be listed: {reason}") from error

    def _target(self, link: str) -> str:
        try:
            target = os.path.realpath(link, strict=True)
        except FileNotFoundError:
            raise Rejected("unreadable", "a link to a file that does not exist") from None
        if not Path(target).is_relative_to(self.root.resolve()):
            raise Rejected(
                "link_outside",
                "the link leads out of the results folder; copy the file instead",
            )
        return target

    def _is_reached(self, path: str) -> bool:
        """Whether a scan reaches the path: in the folder, not hidden, through no linked folder."""
        if not path.startswith(self._prefix):
            return False
        *folders, name = path[len(self._prefix) :].split("/")
        if name.startswith("."):
            return False
        way = self._prefix
        for folder in folders:
            way += folder
            if (
                not is_read(folder)
                or folder.endswith(SUFFIXES)
                or stat.S_ISLNK(os.lstat(way).st_mode)
            ):
                return False
            way += "/"
        return True

    def walk(self) -> Iterator[Candidate]:
        """Every candidate in the folder and its subfolders.

        Raises:
            OSError: the folder itself cannot be read. What vanishes meanwhile is skipped.
        """
        self._unreached_names.clear()
        for path, status, inode in walk(str(self.root), SUFFIXES, self._passed_over.add):
            if status is None:
                found = self._unreached(path, inode)
                self._unreached_names.append(found.name)
                yield found
            else:
                yield self._candidate(path, status)
        self._passed_over.log()

    @property
    def unreached(self) -> list[str]:
        """The names of the folders that the last walk could not read.

        What is in them is unknown.
        """
        return list(self._unreached_names)

    def _unreached(self, path: str, inode: int) -> Candidate:
        """A file or folder whose status cannot be read, so that read() reports what is wrong."""
        with suppress(OSError):
            return self._candidate(path, os.lstat(path))
        relative = path[len(self._prefix) :]
        return Candidate(relative, name_of(self.name_prefix + relative), inode)

    def _candidate(self, path: str, status: os.stat_result) -> Candidate:
        relative = path[len(self._prefix) :]
        name = name_of(self.name_prefix + relative)
        if stat.S_ISLNK(status.st_mode):
            # A dangling link is a candidate too, so that read() reports it.
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116  # see check
        if not stat.S_ISREG(status.st_mode):
            # Changes inside a folder must not change its signature.
            return Candidate(relative, name, status.st_ino)
        written_ns = max(min(status.st_mtime_ns, _LATEST_NS), -_LATEST_NS)
        return Candidate(
            relative, name, status.st_ino, status.st_size, status.st_ctime_ns, written_ns
        )


def oldest_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Sorted by the time of their last change, as far as the folder shows it."""
    return sorted(candidates, key=_age)


def _age(candidate: Candidate) -> tuple[int, str]:
    return candidate.ctime_ns, candidate.path
