"""Other files of the results folder that complete a document, as some tools write several."""

import posixpath
from collections.abc import Callable

from msgspec.structs import replace

from benchmark_exporter.ingest.inbox import Candidate, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.model import Rejected


def reader_beside(inbox: Inbox | Inboxes, document: Candidate) -> Callable[[str], bytes | None]:
    """Reads a file by its path from the document's folder; None if it cannot be read.

    What is outside the results folder is not read.
    """

    def beside(path: str) -> bytes | None:
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(document.path), path))
        if whole.startswith("..") or posixpath.isabs(whole):
            return None
        try:
            return inbox.read(replace(document, path=whole))
        except (FileNotFoundError, NotADirectoryError, Rejected):
            return None

    return beside
