"""`python -m stack.backup.place WHAT STORE=FOLDER…`: put what was collected back where it belongs.

Runs where the data is; standard library only. WHAT is one of

unpack     read a tar stream with `data/` from standard input into the folders' `.restore-new`, and
           say, as JSON, what the unpacked databases hold
room       say, as JSON, the device and the free bytes of each folder
swap       put what was unpacked into place; the parts of the stack must not run
undo       put back what was there before
keep       leave in `.restore-old` what was there before, and say, as JSON, how many bytes it has
discard    remove what was unpacked, and what was there before
"""

import argparse
import fcntl
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

from stack.backup import sqlite_copy, swap
from stack.backup.collect import end_with_standard_input
from stack.backup.layout import (
    BUFFER_BYTES,
    DATA,
    GRAFANA_DATABASE,
    LEDGER,
    NEW,
    OLD,
    CollectError,
    files_below,
    mtime_ns_of,
    tar_stream,
)

Roots = Mapping[str, Path]


def main() -> int:
    """Do it; 1 if it cannot be done, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="place", description=__doc__)
    parser.add_argument("what", choices=sorted(ACTIONS))
    parser.add_argument("stores", nargs="+", metavar="STORE=FOLDER")
    options = parser.parse_args()
    roots = {name: Path(root) for name, _, root in (one.partition("=") for one in options.stores)}
    if options.what != "unpack":
        end_with_standard_input()
    try:
        with ExitStack() as stack:
            for root in roots.values():
                root.mkdir(parents=True, exist_ok=True)
                _lock(root, stack)
            ACTIONS[options.what](roots)
    except (CollectError, OSError, tarfile.TarError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def unpack(roots: Roots) -> None:
    """Unpack a stream, and print what the databases hold; what is left of earlier ones is removed.

    Raises:
        CollectError: a member has a name that leads elsewhere, or is not a file.
        OSError: a file cannot be written.
    """
    for root in roots.values():
        swap.discard(root, NEW)
        swap.discard(root, OLD)
        (root / NEW).mkdir()
    with tar_stream(sys.stdin.buffer, "r|") as stream:
        for info in stream:
            store, path = _inside(info)
            source = stream.extractfile(info)
            if store not in roots or source is None:
                raise CollectError(f"{info.name}: not a file of a store that is restored")
            target = roots[store] / NEW / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(source, file, BUFFER_BYTES)
                os.fchmod(file.fileno(), info.mode & 0o777)
            os.utime(target, ns=(mtime_ns_of(info), mtime_ns_of(info)))
    databases = _databases(roots)
    for root in roots.values():
        _give_to_owner(root)
    os.sync()
    print(json.dumps(databases))


def _databases(roots: Roots) -> Mapping[str, Mapping[str, Any]]:
    """What the unpacked databases hold, by store."""
    found = {}
    for store, name in (("exporter", LEDGER), ("grafana", GRAFANA_DATABASE)):
        if store in roots and (roots[store] / NEW / name).is_file():
            found[store] = sqlite_copy.facts(roots[store] / NEW / name)
            for suffix in ("-wal", "-shm"):
                (roots[store] / NEW / f"{name}{suffix}").unlink(missing_ok=True)
    return found


def _keep(roots: Roots) -> None:
    """Print how many bytes are kept; a folder that was empty before keeps nothing."""
    kept = 0
    for root in roots.values():
        size = sum((root / path).stat().st_size for path in files_below(root, OLD))
        if not size:
            swap.discard(root, OLD)
        kept += size
    print(json.dumps(kept))


def _room(roots: Roots) -> None:
    """Print the device and the free bytes of each folder."""
    found = {
        store: [root.stat().st_dev, shutil.disk_usage(root).free] for store, root in roots.items()
    }
    print(json.dumps(found))


def _swap(roots: Roots) -> None:
    for root in roots.values():
        swap.swap(root)


def _undo(roots: Roots) -> None:
    for root in roots.values():
        swap.undo(root)


def _discard(roots: Roots) -> None:
    for root in roots.values():
        swap.discard(root, NEW)
        swap.discard(root, OLD)


ACTIONS = {
    "unpack": unpack,
    "room": _room,
    "swap": _swap,
    "undo": _undo,
    "keep": _keep,
    "discard": _discard,
}


def _inside(info: tarfile.TarInfo) -> tuple[str, str]:
    """The store and the path of a member.

    Raises:
        CollectError: it has another name, or is not a file.
    """
    parts = PurePosixPath(info.name).parts
    if not info.isreg() or len(parts) < 3 or parts[0] != DATA or ".." in parts:
        raise CollectError(f"{info.name}: not a file below {DATA}/")
    return parts[1], "/".join(parts[2:])


def _give_to_owner(root: Path) -> None:
    """Give what was unpacked to the owner of the folder: the user that the part runs as."""
    owner = root.stat()
    if os.geteuid() != 0 or (owner.st_uid, owner.st_gid) == (0, 0):
        return
    for found, folders, names in os.walk(root / NEW):
        for name in (".", *folders, *names):
            os.chown(Path(found, name), owner.st_uid, owner.st_gid, follow_symlinks=False)


def _lock(root: Path, stack: ExitStack) -> None:
    """Wait until no other process places anything in this folder."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX)


if __name__ == "__main__":
    sys.exit(main())
