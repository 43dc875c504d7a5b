"""What the parts of the stack have stored, and in which files. Standard library only."""

import os
import re
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# In the order in which they are collected. Prometheus comes before the exporter: were its samples
# newer than the ledger, counters would fall after a restore.
STORES = (
    *("alertmanager", "alertmanager_b", "alertmanager_c"),
    *("prometheus", "prometheus_b", "exporter", "grafana"),
)
DATA, CHECKOUT, MANIFEST = "data", "checkout", "manifest.json"
# What the collector tells the other side of its stream; neither becomes part of an archive.
PLAN, COLLECTED = "plan.json", "collected.json"
LEDGER, UPLOADS, GRAFANA_DATABASE = "ledger.sqlite3", "uploads", "grafana.db"
SILENCES, NOTIFICATION_LOG = "silences", "nflog"
# Where `place` keeps what it unpacks, what it has replaced, and what has not proven itself.
NEW, OLD, FAILED = ".restore-new", ".restore-old", ".restore-failed"
BUFFER_BYTES = 1 << 20
# A file that a part was still writing.
UNFINISHED = re.compile(r"\..*\.part")


class CollectError(Exception):
    """Something cannot be collected or placed; the message says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file that is held open, so that it can be read whatever becomes of its name."""

    path: str
    descriptor: int
    size_bytes: int
    mtime_ns: int
    mode: int


def hold(root: Path, path: str) -> Held | None:
    """Open a file below a folder; None if it is not a regular file.

    Raises:
        OSError: it cannot be opened; FileNotFoundError if it has gone.
    """
    # O_NONBLOCK: a pipe would block.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    if not stat.S_ISREG((root / path).lstat().st_mode):
        return None
    descriptor = os.open(root / path, flags)
    status = os.fstat(descriptor)
    mode = stat.S_IMODE(status.st_mode)
    return Held(path, descriptor, status.st_size, status.st_mtime_ns, mode)


def files_below(root: Path, folder: str = "") -> Iterator[str]:
    """The regular files below a folder, links not followed, as paths relative to `root`."""
    for found, folders, names in os.walk(root / folder):
        folders.sort()
        for name in sorted(names):
            path = Path(found, name)
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(root))


def member(name: str, size_bytes: int, mtime_ns: int, mode: int) -> tarfile.TarInfo:
    """Describe a file of an archive, with the nanoseconds of its modification time."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, mode, mtime_ns // 10**9
    info.pax_headers = {"mtime": f"{mtime_ns // 10**9}.{mtime_ns % 10**9:09}"}
    return info


def mtime_ns_of(info: tarfile.TarInfo) -> int:
    """The modification time of a file of an archive, in nanoseconds since 1970."""
    seconds, _, fraction = info.pax_headers.get("mtime", str(int(info.mtime))).partition(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9])


def shown(name: str) -> str:
    """A member's name as text: bytes of it that are not UTF-8 become escapes like \\xff."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def tar_stream(file: Any, mode: str) -> tarfile.TarFile:
    """Open a tar stream; `mode` is "r|" or "w|"."""
    return tarfile.open(  # type: ignore[call-overload,no-any-return]
        fileobj=file,
        mode=mode,
        format=tarfile.PAX_FORMAT,
        bufsize=BUFFER_BYTES,
        copybufsize=BUFFER_BYTES,
    )
