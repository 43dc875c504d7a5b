"""Walks a folder and its subfolders. What cannot be read there is unknown, not gone."""

import os
from collections.abc import Callable, Iterable, Iterator

from benchmark_exporter.ingest.file_access import KEPT_CHARACTERS

# A path, its status, and the inode that its folder states. Without a status, it is a folder or file
# that cannot be read.
READ_FOLDER = ".benchmarks"  # pytest-benchmark writes there unless told otherwise
Found = tuple[str, os.stat_result | None, int]


def is_read(folder: str) -> bool:
    """Whether files are searched for in a folder of this name."""
    return not folder.startswith(".") or folder == READ_FOLDER


def walk(
    root: str,
    suffix: str | tuple[str, ...],
    skip: Callable[[os.DirEntry[str]], None] = lambda _: None,
) -> Iterator[Found]:
    """Every file whose name ends in the suffix, or one of them, and what cannot be read.

    Names that begin with a dot are skipped, except `.benchmarks`, and what vanishes meanwhile.
    `skip` is called for each entry that is passed over for its name.

    Raises:
        OSError: the root itself cannot be read.
    """
    # A list instead of recursion: folders may be nested deeper than the call stack allows.
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            yield from _entries(folder, suffix, folders, skip)
        except (FileNotFoundError, NotADirectoryError):
            if folder == root:
                raise
        except OSError as error:
            if folder == root:
                raise OSError(error.errno, error.strerror, folder) from error
            yield folder, None, 0


def is_below(name: str, folders: Iterable[str]) -> bool:
    """Whether a file is in one of the folders or their subfolders, by the names of both.

    Of a name that was cut, only the beginning counts.
    """
    return any(
        name.startswith(f"{folder}/")
        or ("…" in name and name.startswith(f"{folder}/"[:KEPT_CHARACTERS]))
        for folder in folders
    )


def list_whole(folder: str) -> None:
    """Reads a folder as `walk` does.

    Raises:
        OSError: it cannot be listed, or its files not be reached.
    """
    with os.scandir(folder) as entries:
        for _ in entries:
            pass
    os.stat(os.path.join(folder, "."))  # noqa: PTH116, PTH118  # a Path drops the dot


def _entries(
    folder: str,
    suffix: str | tuple[str, ...],
    folders: list[str],
    skip: Callable[[os.DirEntry[str]], None],
) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name != READ_FOLDER:
                skip(entry)
                continue
            try:
                if entry.name.endswith(suffix):
                    yield entry.path, entry.stat(follow_symlinks=False), 0
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    skip(entry)
            except FileNotFoundError:
                continue
            except PermissionError:  # it may be listed and not searched, which is so for each file
                raise
            except OSError:
                yield entry.path, None, entry.inode()
