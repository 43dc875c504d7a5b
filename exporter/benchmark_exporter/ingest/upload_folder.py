"""Uploaded documents on disk.

A file is named by the digest by which the ledger knows its document, or by that of its key, so that
uploading it again finds the first. Its sidecar is written before it.
"""

import hashlib
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import tzinfo
from pathlib import Path

from benchmark_exporter.atomic_write import is_part, sync_folder, write_file
from benchmark_exporter.formats import Origin, parse, parse_sidecar
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX
from benchmark_exporter.ingest.suffixes import SIDECAR_SUFFIX, SUFFIX
from benchmark_exporter.model import Document


class UploadFolder:
    """Uploaded documents as files `ID.json`, with a sidecar `ID.meta.json` if more was stated.

    These are the only copies. Safe for several threads of one process. `zone` applies to times that
    state none.
    """

    def __init__(self, path: Path, zone: tzinfo) -> None:
        self.path = path
        self.configure(zone)
        self._turn = threading.Lock()

    def configure(self, zone: tzinfo) -> None:
        """Reads the times of further documents in another zone."""
        self._zone = zone

    def clean(self) -> None:
        """Removes what a killed process left unfinished; no upload of it had been answered.

        Raises:
            OSError: the folder cannot be read or written.
        """
        with suppress(FileNotFoundError):
            names = {entry.name for entry in os.scandir(self.path)}
            for name in names:
                is_alone = (
                    name.endswith(SIDECAR_SUFFIX)
                    and name.removesuffix(SIDECAR_SUFFIX) + SUFFIX not in names
                )
                if is_part(name) or is_alone:
                    (self.path / name).unlink()

    def keep(
        self, data: bytes, sidecar: bytes, now_ns: int, key: bytes = b""
    ) -> tuple[bool, Path, Document]:
        """Stores a document; returns whether it is new, its file, and its content.

        When this returns, the document survives a power cut. `sidecar` is its sidecar's content,
        empty for none. `now_ns`, in nanoseconds since 1970, is the time of a document that states
        none. With a `key`, the first document of that key stays, whatever later ones contain.

        Raises:
            Rejected: what is wrong with the document.
            OSError: the disk is full or fails.
        """
        digest = hashlib.sha256(key or data)
        if sidecar and not key:
            digest = hashlib.sha256(digest.digest() + hashlib.sha256(sidecar).digest())
        path = self.path / (digest.hexdigest() + SUFFIX)
        with self._turn:
            try:
                first_ns, new = path.stat().st_mtime_ns, False
            except FileNotFoundError:
                first_ns, new = now_ns, True
            origin = Origin(self._zone, first_ns / 1e9)
            document = parse(data, parse_sidecar(sidecar, origin) if sidecar else origin)
            if new:
                self._write_both(path, data, sidecar, now_ns)
            else:
                sync_folder(self.path)  # the first upload may have ended just before that
            return new, path, document

    def remove(self, names: Iterable[str]) -> int:
        """Removes files by their names with UPLOADS_PREFIX; returns how many existed.

        When this returns, none comes back after a power cut.

        Raises:
            OSError: they cannot be removed.
        """
        with self._turn:
            removed = 0
            for name in names:
                path = self.path / name.removeprefix(UPLOADS_PREFIX)
                # The document first: without its sidecar it would be another one to a new ledger.
                with suppress(FileNotFoundError):
                    path.unlink()
                    removed += 1
                path.with_suffix(SIDECAR_SUFFIX).unlink(missing_ok=True)
            if removed:
                sync_folder(self.path)
            return removed

    def _write_both(self, path: Path, data: bytes, sidecar: bytes, at_ns: int) -> None:
        if not self.path.is_dir():
            self.path.mkdir()
            sync_folder(self.path.parent)
        sidecar_path = path.with_suffix(SIDECAR_SUFFIX)
        try:
            if sidecar:
                write_file(sidecar_path, sidecar, mtime_ns=at_ns)
            write_file(path, data, mtime_ns=at_ns)
        except OSError:
            if not path.exists():
                with suppress(OSError):
                    sidecar_path.unlink(missing_ok=True)
            raise
