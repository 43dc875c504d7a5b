"""The results folder and the folder of uploads as one inbox."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmark_exporter.ingest.inbox import Candidate, Inbox, oldest_first


class Inboxes:
    """The results folder and the folder of uploads, which the first upload creates, as one."""

    def __init__(self, results: Inbox, uploads: Inbox) -> None:
        self._results = results
        self._uploads = uploads

    def walk(self) -> Iterator[Candidate]:
        """Like Inbox.walk, for both folders."""
        yield from self._results.walk()
        with suppress(FileNotFoundError):
            yield from self._uploads.walk()

    @property
    def unreached(self) -> list[str]:
        """Like Inbox.unreached, for both folders."""
        return [*self._results.unreached, *self._uploads.unreached]

    def check(self, paths: Iterable[str | Path]) -> list[Candidate]:
        """Like Inbox.check."""
        paths = list(paths)
        return oldest_first([*self._results.check(paths), *self._uploads.check(paths)])

    @property
    def results_dir(self) -> Path:
        """The results folder."""
        return self._results.results_dir

    def refreshed(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Like Inbox.refreshed."""
        candidates = list(candidates)
        return [
            candidate
            for inbox in (self._results, self._uploads)
            for candidate in inbox.refreshed(each for each in candidates if self._of(each) is inbox)
        ]

    def sidecar(self, document: Candidate) -> Candidate | None:
        """Like Inbox.sidecar."""
        return self._of(document).sidecar(document)

    def perhaps_with_sidecar(self, documents: Iterable[Candidate]) -> set[str]:
        """Like Inbox.perhaps_with_sidecar."""
        documents = list(documents)
        return {
            name
            for inbox in (self._results, self._uploads)
            for name in inbox.perhaps_with_sidecar(
                document for document in documents if self._of(document) is inbox
            )
        }

    def documents(self, sidecars: Iterable[Candidate]) -> list[Candidate]:
        """Like Inbox.documents."""
        sidecars = list(sidecars)
        return [
            document
            for inbox in (self._results, self._uploads)
            for document in inbox.documents(
                sidecar for sidecar in sidecars if self._of(sidecar) is inbox
            )
        ]

    def read(self, candidate: Candidate) -> bytes:
        """Like Inbox.read."""
        return self._of(candidate).read(candidate)

    def _of(self, candidate: Candidate) -> Inbox:
        return (
            self._uploads if candidate.name.startswith(self._uploads.name_prefix) else self._results
        )
