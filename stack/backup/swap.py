"""Exchanging what a folder holds for what lies in it, unpacked, in `.restore-new`. Or back.

A volume cannot be renamed, so the entries of the folder are: first all of them into `.restore-old`,
then those of `.restore-new` to where they belong. A file named `complete` in `.restore-old` says
that the first half is done. Whoever is killed in between calls the same function again, or the
other one: each goes on from any state that either can leave. Standard library only.
"""

import os
import shutil
from pathlib import Path

from stack.backup.layout import FAILED, NEW, OLD

COMPLETE = ".complete"
OWN = (NEW, OLD, FAILED)


def swap(root: Path) -> None:
    """Put the unpacked files into place, and what was there into `.restore-old`.

    Raises:
        OSError: an entry cannot be renamed.
    """
    old, new = root / OLD, root / NEW
    if not (old / COMPLETE).exists():
        old.mkdir(exist_ok=True)
        _move(root, old)
        (old / COMPLETE).touch()
        _sync(old)
    if new.is_dir():
        _move(new, root)
        _sync(root)
        new.rmdir()
        _sync(root)


def undo(root: Path) -> None:
    """Put back what was there before `swap`, and remove what it has put into place.

    Does nothing where `swap` was never called.

    Raises:
        OSError: an entry cannot be renamed or removed.
    """
    old, failed = root / OLD, root / FAILED
    if (old / COMPLETE).exists():
        failed.mkdir(exist_ok=True)
        _move(root, failed)
        _sync(root)
        (old / COMPLETE).unlink()
        _sync(old)
    if old.is_dir():
        _move(old, root)
        _sync(root)
        old.rmdir()
    for name in (NEW, FAILED):
        shutil.rmtree(root / name, ignore_errors=True)
    _sync(root)


def discard(root: Path, name: str) -> None:
    """Remove what was unpacked, or what was there before.

    Raises:
        OSError: it cannot be removed.
    """
    if (root / name).is_dir():
        shutil.rmtree(root / name)
        _sync(root)


def _move(source: Path, target: Path) -> None:
    for entry in sorted(source.iterdir()):
        if entry.name not in (*OWN, COMPLETE):
            entry.rename(target / entry.name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
