"""Files that are there whole or not at all, also after a power cut."""

import os
from contextlib import suppress
from pathlib import Path

PART_PREFIX, PART_SUFFIX = ".", ".part"


def write_file(
    path: Path, data: bytes, *, mode: int | None = None, mtime_ns: int | None = None
) -> None:
    """Writes a hidden file in the same folder, syncs it, renames it, and syncs the folder.

    A reader sees the old file or the new one, never a part. `mode` is the file's permissions before
    its first byte is written; without it the umask decides. `mtime_ns` is its modification time in
    nanoseconds since 1970.

    Raises:
        OSError: the file cannot be written; what was at `path` before is still there.
    """
    part = path.with_name(f"{PART_PREFIX}{path.name}{PART_SUFFIX}")
    try:
        with part.open("wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            if mtime_ns is not None:
                os.utime(file.fileno(), ns=(mtime_ns, mtime_ns))
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def is_part(name: str) -> bool:
    """Whether a file's name is one that `write_file` gives to a file it has not finished."""
    return name.startswith(PART_PREFIX) and name.endswith(PART_SUFFIX)


def sync_folder(path: Path) -> None:
    """Makes the names in a folder survive a power cut.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
