"""An archive's data on its way to where `place` unpacks it, next to what is there."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from stack.backup.access import PLACE, Access
from stack.backup.archive import Moved, read
from stack.backup.layout import DATA, member, mtime_ns_of, tar_stream
from stack.backup.manifest import Manifest
from stack.settings import StackError

SPARE_BYTES = 64_000_000


def check_room(access: Access, manifest: Manifest, stores: Sequence[str]) -> None:
    """Check that the disks have room for what is unpacked, next to what is there.

    Raises:
        StackError: one has not.
    """
    room = access.place("room", stores) or {}
    needed: dict[int, int] = defaultdict(lambda: SPARE_BYTES)
    free: dict[int, int] = {}
    for store, (device, free_bytes) in room.items():
        needed[device] += manifest.store_bytes(store)
        free[device] = free_bytes
    for device, needed_bytes in needed.items():
        if free[device] < needed_bytes:
            raise StackError(
                f"the restored data needs {needed_bytes / 1e6:.0f} MB next to what is there, and "
                f"{free[device] / 1e6:.0f} MB are free; make room and run it again"
            )


def unpack(
    access: Access, archive: Path, manifest: Manifest, stores: Sequence[str], moved: Moved
) -> Mapping[str, Mapping[str, Any]]:
    """Unpack the data of some stores; gives what the unpacked databases hold, by store.

    What is there is not touched, but for what an earlier restore has kept, which is removed.

    Raises:
        StackError: it cannot be written, or the archive has changed.
    """
    if not stores:
        return {}
    with access.start(PLACE, ["unpack"], stores, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101  # it is piped
        assert process.stdout is not None  # noqa: S101  # likewise
        assert process.stderr is not None  # noqa: S101  # likewise
        try:
            with suppress(BrokenPipeError):  # it has failed, and says why
                with tar_stream(process.stdin, "w|") as stream:
                    for info, file in read(archive, manifest, moved):
                        parts = info.name.split("/")
                        if parts[0] == DATA and parts[1] in stores:
                            sent = member(info.name, info.size, mtime_ns_of(info), info.mode)
                            stream.addfile(sent, file)
                process.stdin.close()
        except BaseException:
            process.kill()
            raise
        output = process.stdout.read()
        errors = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise StackError(f"the backup cannot be unpacked: {errors}")
    databases: Mapping[str, Mapping[str, Any]] = json.loads(output)
    return databases
