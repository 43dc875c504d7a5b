"""How a file of the results folder is read, called and described."""

import errno
import hashlib
import os
import stat

from benchmark_exporter.wording import printable_name

READ_BYTES = 1024 * 1024
# The system opens no longer path. Of its name, this much is kept at each end.
PATH_MAX, KEPT_CHARACTERS = 4096, 200


def read_at_most(descriptor: int, expected_bytes: int, max_bytes: int) -> bytes:
    """A file's bytes; of a file over max_bytes, enough of them to tell."""
    data = os.read(descriptor, expected_bytes + 1)
    # Most files arrive in one read. Those on a network file system, or growing, may not.
    while (missing := max_bytes + 1 - len(data)) > 0 and (
        more := os.read(descriptor, min(missing, READ_BYTES))
    ):
        data += more
    return data


def name_of(path: str) -> str:
    """A path as text; one that is too long for any call of the system is cut in its middle."""
    is_long = len(path) >= PATH_MAX
    # Most names are as they are, and there may be 100,000 in a scan.
    if path.isascii() and path.isprintable() and "\\" not in path and not is_long:
        return path
    name = printable_name(path)
    if not is_long:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[:KEPT_CHARACTERS]}…{digest}…{name[-KEPT_CHARACTERS:]}"


def reason_of(error: OSError) -> str:
    """Why a file cannot be read."""
    if error.errno == errno.ENAMETOOLONG:
        return "its path is too long for the system; move it to a folder nearer to the top"
    return error.strerror or str(error)


def kind_of(mode: int) -> str:
    """What there is instead of a file."""
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")
