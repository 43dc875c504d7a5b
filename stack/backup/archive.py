"""The file of a backup: written aside and renamed when it is whole, and read in one go."""

import fcntl
import hashlib
import io
import os
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from benchmark_exporter.atomic_write import sync_folder
from stack.backup.layout import BUFFER_BYTES, CHECKOUT, DATA, MANIFEST, member, shown, tar_stream
from stack.backup.manifest import File, Manifest, decode, encode
from stack.settings import StackError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 3
LONGEST_MANIFEST_BYTES = 1 << 30
# Of one file of the checkout.
LONGEST_CHECKOUT_BYTES = 1 << 26
OPTIONS: Mapping[int, int] = {
    zstd.CompressionParameter.compression_level: LEVEL,
    zstd.CompressionParameter.checksum_flag: 1,
}
# What a broken or cut file raises when it is read.
DAMAGE = (zstd.ZstdError, EOFError, tarfile.TarError, OSError, ValueError)
Moved = Callable[[int], None]


class Readable(Protocol):
    """What can be read once, from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""


class _Hashed:
    """A file that is read once; its digest is known at the end."""

    def __init__(self, file: Readable, moved: Moved) -> None:
        self._file = file
        self._moved = moved
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self._moved(len(data))
        return data

    def digest(self) -> str:
        """Of the whole file, the rest of which is read."""
        while self.read(BUFFER_BYTES):
            pass
        return self._digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Verified:
    """What a whole archive says of itself, and content and mode of the checkout's files in it."""

    manifest: Manifest
    checkout: Mapping[str, tuple[bytes, int]]


class Writer:
    """An archive that is being written. `finish` makes it one; before that it is none."""

    def __init__(self, stream: tarfile.TarFile, moved: Moved) -> None:
        self._stream = stream
        self._moved = moved
        self.files: list[File] = []

    def add(self, info: tarfile.TarInfo, file: Readable) -> None:
        """Add a member; `info` describes it.

        Raises:
            OSError: the disk is full, or the file is shorter than described.
        """
        hashed = _Hashed(file, self._moved)
        self._stream.addfile(info, hashed)
        self.files.append(File(shown(info.name), info.size, hashed.digest()))

    def add_bytes(self, name: str, data: bytes, *, mtime_ns: int = 0, mode: int = 0o644) -> None:
        """Add a member that is in memory.

        Raises:
            OSError: the disk is full.
        """
        self.add(member(name, len(data), mtime_ns, mode), io.BytesIO(data))

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, which nothing may follow.

        Raises:
            OSError: the disk is full.
        """
        data = encode(manifest)
        self._stream.addfile(member(MANIFEST, len(data), 0, 0o644), io.BytesIO(data))


@contextmanager
def writing(part: Path, path: Path, moved: Moved) -> Iterator[Writer]:
    """Write `part`, and rename it to `path` when all is in it and on the disk.

    If the block raises, nothing is left. Only this user can read either. `part` is locked as long
    as it is written: one that is not belongs to nobody.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with suppress(OSError):  # not every network folder has locks
                fcntl.flock(raw, fcntl.LOCK_EX)
            with (
                zstd.ZstdFile(raw, "w", options=OPTIONS) as compressed,
                tar_stream(compressed, "w|") as stream,
            ):
                yield Writer(stream, moved)
            raw.flush()
            os.fsync(raw.fileno())
            part.rename(path)
        sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def verify(path: Path, moved: Moved) -> Verified:
    """Read all of an archive, and compare each member with the manifest.

    Raises:
        StackError: it is broken, cut off or not a backup; the message says what.
    """
    found: dict[str, File] = {}
    checkout: dict[str, tuple[bytes, int]] = {}
    manifest: Manifest | None = None
    try:
        with zstd.ZstdFile(path) as compressed:
            with tar_stream(compressed, "r|") as stream:
                for info, file in _members(path, stream):
                    if manifest is not None:
                        raise StackError(f"{path}: not a backup: a member follows the manifest")
                    name = shown(info.name)
                    if name in found:
                        raise StackError(f"{path}: not a backup: {name!r} is in it twice")
                    if info.name == MANIFEST:
                        manifest = decode(file.read(LONGEST_MANIFEST_BYTES))
                        continue
                    hashed = _Hashed(file, moved)
                    if info.name.startswith(f"{CHECKOUT}/"):
                        data = hashed.read(LONGEST_CHECKOUT_BYTES)
                        path_there = info.name.removeprefix(f"{CHECKOUT}/")
                        checkout[path_there] = (data, info.mode & 0o777)
                    found[name] = File(name, info.size, hashed.digest())
            while compressed.read(BUFFER_BYTES):  # to the checksum at its end
                pass
    except DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise StackError(
            f"{path}: broken or cut off ({reason}); nothing was changed. Use another backup"
        ) from error
    if manifest is None:
        raise StackError(f"{path}: not a whole backup: it has no manifest; nothing was changed")
    for listed in manifest.files:
        if found.pop(listed.path, None) != listed:
            raise StackError(
                f"{path}: broken: {listed.path!r} is not what was backed up; nothing was changed. "
                "Use another backup"
            )
    if found:
        raise StackError(f"{path}: broken: {min(found)!r} is not in the manifest")
    return Verified(manifest, checkout)


def read(
    path: Path, manifest: Manifest, moved: Moved
) -> Iterator[tuple[tarfile.TarInfo, Readable]]:
    """Give the members of an archive that was verified, but for the manifest, in their order.

    Raises:
        StackError: a member is not what it was when it was verified.
    """
    known = {file.path: file.sha256 for file in manifest.files}
    try:
        with zstd.ZstdFile(path) as compressed, tar_stream(compressed, "r|") as stream:
            for info, file in _members(path, stream):
                if info.name == MANIFEST:
                    return
                hashed = _Hashed(file, moved)
                yield info, hashed
                if hashed.digest() != known.get(shown(info.name)):
                    raise StackError(f"{path}: has changed while it was restored")
    except (zstd.ZstdError, EOFError, tarfile.TarError) as error:
        raise StackError(f"{path}: has changed while it was restored ({error})") from error


def _members(path: Path, stream: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for info in stream:
        parts = PurePosixPath(info.name).parts
        is_named = parts[:1] in ((DATA,), (CHECKOUT,)) and ".." not in parts
        file = stream.extractfile(info) if info.isreg() and not info.issparse() else None
        if file is None or not (is_named or info.name == MANIFEST) or "\0" in info.name:
            raise StackError(f"{path}: not a backup: {info.name!r} may not be in one")
        yield info, file
