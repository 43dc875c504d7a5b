"""Uploaded documents on the disk.

Each is called by the digest by which the ledger knows it, or by that of its key, so that the same one again finds the first. What is said
of it is in its side file, which is there before it.
"""

import hashlib
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import tzinfo
from pathlib import Path

from benchmark_exporter.atomic_write import is_part, sync_folder, write_file
from benchmark_exporter.formats import Origin, parse, parse_side_file
from benchmark_exporter.ingest.inbox import SIDE_SUFFIX, SUFFIX, UPLOADS_PREFIX
from benchmark_exporter.model import Document


class UploadFolder:
    """Uploaded documents as files, each `ID.json`, with `ID.meta.json` where something was said of it. They are the only copies.

    Threads take turns; one process. `zone` is that of times that state none.
    """

    def __init__(self, path: Path, zone: tzinfo) -> None:
        self.path = path
        self._zone = zone
        self._turn = threading.Lock()

    def clean(self) -> None:
        """Removes what a killed process left unfinished, none of which had been answered for.

        Raises:
            OSError: the folder cannot be read or written.
        """
        with suppress(FileNotFoundError):
            names = {entry.name for entry in os.scandir(self.path)}
            for name in names:
                is_alone = (
                    name.endswith(SIDE_SUFFIX)
                    and name.removesuffix(SIDE_SUFFIX) + SUFFIX not in names
                )
                if is_part(name) or is_alone:
                    (self.path / name).unlink()

    def keep(
        self, data: bytes, side: bytes, now_ns: int, key: bytes = b""
    ) -> tuple[bool, Path, Document]:
        """Whether the document is new, its file, and what it holds; when this returns, it would survive a power cut.

        `side` is what its side file says, if anything. `now_ns` are nanoseconds since 1970: the time of a document that states none.
        With a `key`, the first document that has it stays, and later ones are the same whatever they hold.

        Raises:
            Rejected: what is wrong in the document.
            OSError: the disk is full, or fails.
        """
        digest = hashlib.sha256(key or data)
        if side and not key:
            digest = hashlib.sha256(digest.digest() + hashlib.sha256(side).digest())
        path = self.path / (digest.hexdigest() + SUFFIX)
        with self._turn:
            try:
                first_ns, new = path.stat().st_mtime_ns, False
            except FileNotFoundError:
                first_ns, new = now_ns, True
            origin = Origin(self._zone, first_ns / 1e9)
            document = parse(data, parse_side_file(side, origin) if side else origin)
            if new:
                self._write_both(path, data, side, now_ns)
            else:
                sync_folder(self.path)  # the first may have been cut off just before that
            return new, path, document

    def remove(self, names: Iterable[str]) -> int:
        """How many of these files were there, by their names with UPLOADS_PREFIX. When this returns, none comes back after a power cut.

        Raises:
            OSError: they cannot be removed.
        """
        with self._turn:
            removed = 0
            for name in names:
                path = self.path / name.removeprefix(UPLOADS_PREFIX)
                # The document first: without its side file it would be another one, should the ledger be lost just now.
                with suppress(FileNotFoundError):
                    path.unlink()
                    removed += 1
                path.with_suffix(SIDE_SUFFIX).unlink(missing_ok=True)
            if removed:
                sync_folder(self.path)
            return removed

    def _write_both(self, path: Path, data: bytes, side: bytes, at_ns: int) -> None:
        if not self.path.is_dir():
            self.path.mkdir()
            sync_folder(self.path.parent)
        side_path = path.with_suffix(SIDE_SUFFIX)
        try:
            if side:
                write_file(side_path, side, mtime_ns=at_ns)
            write_file(path, data, mtime_ns=at_ns)
        except OSError:
            if not path.exists():
                with suppress(OSError):
                    side_path.unlink(missing_ok=True)
            raise
