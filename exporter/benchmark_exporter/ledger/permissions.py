"""Who may read the ledger: its user and group, nobody else."""

import os
import stat
from contextlib import suppress
from pathlib import Path

FILE_MASK, FOLDER_MASK = 0o640, 0o750
UMASK = 0o027


def keep_private() -> None:
    """Has everything that this process creates closed to other users."""
    os.umask(os.umask(UMASK) | UMASK)


def close_to_others(ledger: Path, uploads: Path) -> None:
    """Takes the permissions of other users away from a ledger, its copies and the uploads.

    That of the ledger's folder too, if the folder holds nothing else. What belongs to another user
    stays as it is.
    """
    with suppress(OSError):
        with os.scandir(ledger.parent) as entries:
            found = [entry.name for entry in entries]
        own = [name for name in found if name.startswith(ledger.name)]
        for name in own:
            _restrict(ledger.with_name(name), FILE_MASK)
        if not set(found) - {*own, uploads.name}:
            _restrict(ledger.parent, FOLDER_MASK)
    with suppress(OSError):
        _restrict(uploads, FOLDER_MASK)
        with os.scandir(uploads) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    _restrict(uploads / entry.name, FILE_MASK)


def _restrict(path: Path, mask: int) -> None:
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & 0o777 & ~mask:
            path.chmod(stat.S_IMODE(mode) & (mask | 0o7000))
