"""Which files are there to be ingested: a scan is the truth, events only make it prompt."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from benchmark_exporter.model import Rejected

SUFFIX = ".json"
READ_BYTES = 1024 * 1024
SIDE_SUFFIX = ".meta.json"
# Before the names of uploaded files: no file in the results folder can be called so, since a name with a dot before it is left alone.
UPLOADS_PREFIX = ".uploads/"
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Candidate(msgspec.Struct, frozen=True):
    """A file as its folder shows it. path is relative to the folder; the signature changes whenever its content may have.

    name is the path as it can be printed and stored, whatever bytes the folder holds, after what tells the folder from others.
    ctime is in it, not mtime: it also moves when permissions are mended and cannot be set back by a copy that keeps times.
    mtime is when its content was written, which a document may not say itself.
    """

    path: str
    name: str
    inode: int
    size_bytes: int = 0
    ctime_ns: int = 0
    mtime_ns: int = 0

    @property
    def signature(self) -> tuple[int, int, int]:
        return (self.inode, self.size_bytes, self.ctime_ns)

    @property
    def is_side_file(self) -> bool:
        """Whether it is `x.meta.json`, which says of `x.json` what that does not say itself."""
        return self.path.endswith(SIDE_SUFFIX)

    @property
    def side_name(self) -> str:
        """The name of a document's side file."""
        return self.name.removesuffix(SUFFIX) + SIDE_SUFFIX

    @property
    def document_name(self) -> str:
        """The name of the document that a side file is of."""
        return self.name.removesuffix(SIDE_SUFFIX) + SUFFIX


class Inbox:
    """A folder of results, read-only. Names that begin with a dot are writers' unfinished business."""

    def __init__(self, root: Path, max_file_bytes: int, name_prefix: str = "") -> None:
        self.root = root
        self.name_prefix = name_prefix
        self._prefix = os.path.join(root, "")  # noqa: PTH118  # a Path has no slash at its end
        self._max_file_bytes = max_file_bytes

    def scan(self) -> list[Candidate]:
        """All that `walk` comes to, oldest first."""
        return oldest_first(self.walk())

    def look(self, paths: Iterable[str | Path]) -> list[Candidate]:
        """The candidates among the given paths, oldest first. Paths that a scan would not come to are passed over."""
        found = []
        # As text, like all that is done for each file of a burst: a Path costs more than looking at the file.
        for path in {os.fspath(each) for each in paths}:
            # Gone again, or never there: the next scan says so.
            with suppress(OSError):
                if path.endswith(SUFFIX) and self._is_reached(path):
                    found.append(self._candidate(path, os.lstat(path)))
        return oldest_first(found)

    def candidate(self, path: Path) -> Candidate:
        """One file of the folder, whatever its name.

        Raises:
            OSError: it is not there, or cannot be looked at.
        """
        return self._candidate(str(path), path.lstat())

    def path(self, candidate: Candidate) -> Path:
        """Where a candidate is."""
        return self.root / candidate.path

    def side_file(self, document: Candidate) -> Candidate | None:
        """The side file of a document, if there is one."""
        path = self._prefix + document.path.removesuffix(SUFFIX) + SIDE_SUFFIX
        # Of most documents there is none, and asking costs less than an error.
        if not os.access(path, os.F_OK, follow_symlinks=False):
            return None
        try:
            return self._candidate(path, os.lstat(path))
        except FileNotFoundError:
            return None

    def side_names(self, documents: Iterable[Candidate]) -> set[str]:
        """The names of all side files beside these documents. Of many documents that costs less than to ask for the side file of each.

        Raises:
            OSError: a folder of theirs cannot be listed.
        """
        folders = {candidate.path.rpartition("/")[0] for candidate in documents}
        paths = (
            f"{folder}/{name}" if folder else name
            for folder in folders
            for name in os.listdir(self._prefix + folder)  # noqa: PTH208  # see look
        )
        return {_printable(self.name_prefix + path) for path in paths if path.endswith(SIDE_SUFFIX)}

    def documents(self, side_files: Iterable[Candidate]) -> list[Candidate]:
        """The documents of side files, as far as they are there."""
        return self.look(
            self._prefix + side_file.path.removesuffix(SIDE_SUFFIX) + SUFFIX
            for side_file in side_files
        )

    def read(self, candidate: Candidate) -> bytes:
        """The bytes of a candidate.

        Raises:
            Rejected: it is no regular file inside the folder, is too large, or cannot be read.
            FileNotFoundError: it has gone.
            OSError: this process or the machine has run out of something; no fault of the file.
        """
        path = self._prefix + candidate.path
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                path = self._target(path)
                status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                raise self._no_file(candidate, status.st_mode)
            if status.st_size > self._max_file_bytes:
                raise Rejected(
                    "too_large", f"{status.st_size} bytes, max_file_bytes is {self._max_file_bytes}"
                )
            # NOFOLLOW and NONBLOCK for what may have taken its place since: a link to elsewhere, a FIFO that nobody writes to.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                data = _read(descriptor, status.st_size, self._max_file_bytes)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                raise
            raise Rejected("unreadable", error.strerror or str(error)) from error
        if len(data) > self._max_file_bytes:
            raise Rejected(
                "too_large", f"grew while it was read, max_file_bytes is {self._max_file_bytes}"
            )
        return data

    def _no_file(self, candidate: Candidate, mode: int) -> Rejected:
        if stat.S_ISDIR(mode) and not candidate.path.endswith(SUFFIX):
            return Rejected("unreadable", "the folder cannot be listed, results in it are not seen")
        return Rejected("not_a_file", f"a {_kind(mode)} has a result's name")

    def _target(self, link: str) -> str:
        try:
            target = os.path.realpath(link, strict=True)
        except FileNotFoundError:
            raise Rejected("unreadable", "a link to nothing") from None
        if not Path(target).is_relative_to(self.root.resolve()):
            raise Rejected(
                "link_outside",
                "a link may not lead out of the results folder; copy the file instead",
            )
        return target

    def _is_reached(self, path: str) -> bool:
        """Whether a scan comes to the path: inside the folder, nothing hidden, no folder on the way a link."""
        if not path.startswith(self._prefix):
            return False
        *folders, name = path[len(self._prefix) :].split("/")
        if name.startswith("."):
            return False
        way = self._prefix
        for folder in folders:
            way += folder
            if (
                folder.startswith(".")
                or folder.endswith(SUFFIX)
                or stat.S_ISLNK(os.lstat(way).st_mode)
            ):
                return False
            way += "/"
        return True

    def walk(self) -> Iterator[Candidate]:
        """Every candidate in the folder and its subfolders.

        Raises:
            OSError: the folder itself cannot be read. Files and folders that vanish meanwhile are passed over.
        """
        # A list of folders in place of recursion: paths may have more parts than Python has calls.
        folders = [str(self.root)]
        while folders:
            folder = folders.pop()
            try:
                entries = os.scandir(folder)
            except OSError:
                if folder == str(self.root):
                    raise
                with suppress(
                    OSError
                ):  # gone, or else a candidate, so that read() names what is wrong
                    yield self._candidate(folder, os.lstat(folder))
                continue
            with entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    with suppress(OSError):
                        if entry.name.endswith(SUFFIX):
                            yield self._candidate(entry.path, entry.stat(follow_symlinks=False))
                        elif entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)

    def _candidate(self, path: str, status: os.stat_result) -> Candidate:
        relative = path[len(self._prefix) :]
        name = _printable(self.name_prefix + relative)
        if stat.S_ISLNK(status.st_mode):
            # A dangling link is a candidate too: read() names what is wrong.
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116  # see look
        if not stat.S_ISREG(status.st_mode):
            # What happens inside a folder does not make it another one.
            return Candidate(relative, name, status.st_ino)
        return Candidate(
            relative, name, status.st_ino, status.st_size, status.st_ctime_ns, status.st_mtime_ns
        )


class Inboxes:
    """The results folder and the folder of uploads as one. The second is made by the first upload."""

    def __init__(self, results: Inbox, uploads: Inbox) -> None:
        self._results = results
        self._uploads = uploads

    def walk(self) -> Iterator[Candidate]:
        """As Inbox.walk, of both."""
        yield from self._results.walk()
        with suppress(FileNotFoundError):
            yield from self._uploads.walk()

    def look(self, paths: Iterable[str | Path]) -> list[Candidate]:
        """As Inbox.look."""
        paths = list(paths)
        return oldest_first([*self._results.look(paths), *self._uploads.look(paths)])

    def path(self, candidate: Candidate) -> Path:
        """As Inbox.path."""
        return self._of(candidate).path(candidate)

    def side_file(self, document: Candidate) -> Candidate | None:
        """As Inbox.side_file."""
        return self._of(document).side_file(document)

    def side_names(self, documents: Iterable[Candidate]) -> set[str]:
        """As Inbox.side_names."""
        documents = list(documents)
        return {
            name
            for inbox in (self._results, self._uploads)
            for name in inbox.side_names(
                document for document in documents if self._of(document) is inbox
            )
        }

    def documents(self, side_files: Iterable[Candidate]) -> list[Candidate]:
        """As Inbox.documents."""
        side_files = list(side_files)
        return [
            document
            for inbox in (self._results, self._uploads)
            for document in inbox.documents(
                side_file for side_file in side_files if self._of(side_file) is inbox
            )
        ]

    def read(self, candidate: Candidate) -> bytes:
        """As Inbox.read."""
        return self._of(candidate).read(candidate)

    def _of(self, candidate: Candidate) -> Inbox:
        return (
            self._uploads if candidate.name.startswith(self._uploads.name_prefix) else self._results
        )


def oldest_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    """In the order in which they were written, as far as the folder tells."""
    return sorted(candidates, key=_age)


def _read(descriptor: int, expected_bytes: int, max_bytes: int) -> bytes:
    """A file's bytes, and of a larger one than max_bytes so many that this shows."""
    data = os.read(descriptor, expected_bytes + 1)
    # Most files come whole. Others come in parts, as a network's may, or grow.
    while (missing := max_bytes + 1 - len(data)) > 0 and (
        more := os.read(descriptor, min(missing, READ_BYTES))
    ):
        data += more
    return data


def _printable(path: str) -> str:
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def _age(candidate: Candidate) -> tuple[int, str]:
    return candidate.ctime_ns, candidate.path


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")
