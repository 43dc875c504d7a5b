"""Finds past runs in files and folders: which there are, when they were made, in the order of that.

A file is read twice, once to learn its time and again when its turn comes, so that the number of
files does not matter. A `data.js` stays in memory.
"""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from benchmark_exporter.config import Config
from benchmark_exporter.formats import Origin, Sidecar, parse, parse_sidecar
from benchmark_exporter.importing.action_history import (
    is_action_history,
    parse_action_history,
    run_of,
)
from benchmark_exporter.importing.asv_folder import AsvFolders
from benchmark_exporter.importing.file_names import Stated, read_name
from benchmark_exporter.importing.past import PastRun
from benchmark_exporter.ingest.file_access import name_of
from benchmark_exporter.ingest.folder_walk import walk
from benchmark_exporter.ingest.inbox import Candidate, Inbox
from benchmark_exporter.ingest.reading import in_sidecar
from benchmark_exporter.ingest.suffixes import SIDECAR_SUFFIX
from benchmark_exporter.ingest.suffixes import SUFFIXES as RESULT_SUFFIXES
from benchmark_exporter.model import Baseline, PipelineRun, Rejected, Run

# A history of years is larger than a result may be.
MAX_HISTORY_BYTES = 1024 * 1024 * 1024
SUFFIXES = (*RESULT_SUFFIXES, ".js", ".js.gz")
_HEAD_BYTES, _GZIP = 4096, b"\x1f\x8b"

Reject = Callable[[str, Exception], None]


class File(NamedTuple):
    """A file to read; `is_named` says that it was named itself, and is not only in a folder."""

    inbox: Inbox
    candidate: Candidate
    is_named: bool


@dataclass(slots=True)
class Found:
    """What there is to import, oldest first, in how many files.

    `others` counts files that are no results: baselines and, in folders, programs. `repeated`
    counts runs that are in several files.
    """

    runs: list[PastRun] = field(default_factory=list)
    files: int = 0
    others: int = 0
    repeated: int = 0


class Sources:
    """Reads histories by a configuration; `project` is for documents that state none.

    `reject` is called with the place of what cannot be read, and why.
    """

    def __init__(self, config: Config, project: str | None, reject: Reject) -> None:
        self._config = config
        self._project = project
        self._zone: tzinfo = config.zone
        self._reject = reject
        self._asv = AsvFolders()
        # Which data.js files have benchmarks of a name, by project.
        self.files_of_names: dict[tuple[str, str], set[str]] = {}

    def files(self, paths: Iterable[Path]) -> list[File]:
        """The files that are named, and those in the folders that are."""
        found: list[File] = []
        for path in dict.fromkeys(map(Path.absolute, paths)):
            is_folder = path.is_dir()
            inbox = Inbox(path if is_folder else path.parent, self._config.max_file_bytes)
            try:
                names = [each for each, _, _ in walk(str(path), SUFFIXES)] if is_folder else [path]
                found += [File(inbox, inbox.candidate(Path(each)), not is_folder) for each in names]
            except OSError as error:
                self._reject(name_of(str(path)), error)
        return [each for each in found if not each.candidate.is_sidecar or each.is_named]

    def read(self, files: Iterable[File], report: Callable[[int], None] = lambda _: None) -> Found:
        """What files hold. `report` is called with the number of files read."""
        found = Found()
        for file in files:
            found.files += 1
            self._add(found, file)
            report(found.files)
        known: dict[bytes, PastRun] = {}
        for run in sorted(found.runs, key=lambda run: (run.seconds, run.place)):
            known.setdefault(run.identity, run)
        found.repeated = len(found.runs) - len(known)
        found.runs = list(known.values())
        return found

    def _add(self, found: Found, file: File) -> None:
        inbox, candidate = file.inbox, file.candidate
        place = name_of(os.path.join(inbox.root, candidate.path))  # noqa: PTH118  # as inbox does
        try:
            if is_action_history(_head(inbox, candidate)):
                found.runs += self._of_action(inbox, candidate, place)
            elif not file.is_named and (
                candidate.path.endswith((".js", ".js.gz"))
                or self._asv.describes(inbox.root / candidate.path)
            ):
                found.others += 1
            elif (run := self._of_file(inbox, candidate, place)) is not None:
                found.runs.append(run)
            else:
                found.others += 1
        except (Rejected, OSError) as error:
            self._reject(place, error)

    def _of_action(self, inbox: Inbox, candidate: Candidate, place: str) -> Iterator[PastRun]:
        data = Inbox(inbox.root, MAX_HISTORY_BYTES).read(candidate)
        history = parse_action_history(data)
        sidecar, of_sidecar = self._sidecar(inbox, candidate)
        project = sidecar.project or self._project or history.project or None
        sidecar = replace(sidecar, project=project)
        for error in history.rejected:
            self._reject(place, error)
        self._note_names(project or self._config.project, history.names, place)
        file_digest = hashlib.sha256(data).digest()
        for entry in history.entries:
            whose = f"{project or self._config.project}\0".encode() + of_sidecar
            identity = hashlib.sha256(b"data.js\0" + whose + entry.digest).digest()
            read = partial(run_of, entry, history, sidecar)
            where = f"{place}: {entry.path}"
            yield PastRun(
                entry.seconds, where, entry.run_id, identity, file_digest, read, is_extract=True
            )

    def _note_names(self, project: str, names: Iterable[str], place: str) -> None:
        for name in names:
            self.files_of_names.setdefault((project, name), set()).add(place)

    def _of_file(self, inbox: Inbox, candidate: Candidate, place: str) -> PastRun | None:
        """The run of a result file; None if it is a baseline.

        A document that states no time, and whose file's name does, is known by both: nothing in it
        may have changed from one date to the next.
        """
        data = inbox.read(candidate)
        stated = read_name(Path(candidate.path).name, self._zone)
        sidecar, of_sidecar = self._sidecar(inbox, candidate)
        document = self._parse(data, inbox.root / candidate.path, candidate, stated, sidecar)
        if not isinstance(document, Run | PipelineRun):
            return None
        digest = hashlib.sha256(data).digest()
        identity = hashlib.sha256(digest + of_sidecar).digest() if of_sidecar else digest
        content = b""
        if document.timestamp_seconds == stated.seconds and sidecar.timestamp is None:
            content, name = identity, f"{stated.seconds}\0{stated.commit}".encode()
            identity = hashlib.sha256(b"dated\0" + name + content).digest()
        read = partial(self._read_again, inbox, candidate, stated, sidecar, digest)
        return PastRun(
            document.timestamp_seconds, place, document.run_id, identity, digest, read, content
        )

    def _parse(
        self, data: bytes, path: Path, candidate: Candidate, stated: Stated, sidecar: Sidecar
    ) -> Run | PipelineRun | Baseline:
        seconds = candidate.mtime_ns / 1e9 if stated.seconds is None else stated.seconds
        document = parse(data, Origin(self._zone, seconds, sidecar))
        if isinstance(document, Run):
            document = replace(
                self._asv.with_units(document, path),
                commit_hash=document.commit_hash or stated.commit,
                project=document.project or self._project,
            )
        elif isinstance(document, PipelineRun):
            document = replace(document, project=document.project or self._project)
        return document

    def _read_again(
        self,
        inbox: Inbox,
        candidate: Candidate,
        stated: Stated,
        sidecar: Sidecar,
        digest: bytes,
    ) -> Run | PipelineRun:
        data = inbox.read(candidate)
        if hashlib.sha256(data).digest() != digest:
            raise Rejected("unreadable", "it has changed since the import began; run it again")
        document = self._parse(data, inbox.root / candidate.path, candidate, stated, sidecar)
        assert isinstance(document, Run | PipelineRun)  # noqa: S101  # as when it was found
        return document

    def _sidecar(self, inbox: Inbox, candidate: Candidate) -> tuple[Sidecar, bytes]:
        """A document's sidecar, empty if it has none, and the digest of its bytes."""
        path = candidate.path
        for suffix in SUFFIXES:
            if path.endswith(suffix):
                path = path.removesuffix(suffix)
                break
        beside = Path(inbox.root) / f"{path}{SIDECAR_SUFFIX}"
        try:
            data = inbox.read(inbox.candidate(beside))
        except FileNotFoundError:
            return Sidecar(), b""
        try:
            return parse_sidecar(data, Origin(self._zone)).sidecar, hashlib.sha256(data).digest()
        except Rejected as rejected:
            raise in_sidecar(rejected) from rejected


def _head(inbox: Inbox, candidate: Candidate) -> bytes:
    """The beginning of a file's text; nothing of what is no regular file, which reading says."""
    path = Path(inbox.root) / candidate.path
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_GZIP):
        with suppress(zlib.error):
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
    return head.replace(b"\0", b"")  # of UTF-16
