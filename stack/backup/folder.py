"""The folder of the backups: their names, what is pruned, and what a killed one has left."""

import fcntl
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from stack.project import derived_name
from stack.settings import Settings, StackError

SUFFIX = ".tar.zst"
STAMP = "%Y%m%dT%H%M%SZ"
DEFAULT = "backups"
# What of a checkout is in a backup, or is removed by `make clean`.
NOT_HERE = ("grafana/dashboards.d", "prometheus", "alertmanager", "exporter", "stack", "secrets")


def prepare(settings: Settings, to: str) -> Path:
    """Make the folder for backups, and give it.

    Raises:
        StackError: backups may not lie there.
        OSError: it cannot be made.
    """
    folder = (settings.root / Path(to or DEFAULT).expanduser()).resolve()
    refused = [settings.state_dir, *(settings.root / name for name in NOT_HERE)]
    for other in refused:
        if folder.is_relative_to(other.resolve()):
            raise StackError(
                f"TO={to} is in {other.relative_to(settings.root)}, which is backed up itself, or "
                "removed by `make clean`; name another folder, best one on another disk"
            )
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    return folder


def name_at(settings: Settings, seconds: float) -> str:
    """The name of a backup of this checkout that begins at a time, in seconds since 1970."""
    moment = datetime.fromtimestamp(seconds, UTC).strftime(STAMP)
    return f"{derived_name(settings.root)}-{moment}{SUFFIX}"


def backups(folder: Path, settings: Settings) -> list[Path]:
    """This checkout's backups in a folder, the oldest first. Other checkouts' have other names."""
    stem = re.escape(derived_name(settings.root))
    name = re.compile(rf"{stem}-\d{{8}}T\d{{6}}Z{re.escape(SUFFIX)}")
    return sorted(path for path in folder.iterdir() if name.fullmatch(path.name))


def part_of(path: Path) -> Path:
    """What a backup is called before it is whole."""
    return path.with_name(f".{path.name}.part")


def remove_leftovers(folder: Path) -> Iterator[str]:
    """Remove what killed backups have left, and yield a line for each."""
    for path in folder.glob(f".strataregula-*{SUFFIX}.part"):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # it is being written, or nobody can say
                continue
            size_bytes = os.fstat(file.fileno()).st_size
            path.unlink()
        yield f"removed {path.name}, {size_bytes / 1e6:.1f} MB, left by a backup that was killed"


def prune(folder: Path, settings: Settings, keep: int) -> Iterator[str]:
    """Remove this checkout's oldest backups, so that `keep` of them stay; yields a line for each.

    Raises:
        OSError: one cannot be removed.
    """
    for path in backups(folder, settings)[:-keep]:
        path.unlink()
        yield f"removed {path.name}: KEEP={keep}"
