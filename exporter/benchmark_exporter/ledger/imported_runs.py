"""Runs that a history holds, known by what they measured of which commit.

Such a run is a document of its own here, in addition to the one that it was imported as.
"""

import sqlite3
from collections.abc import Callable

_DOCUMENT = "SELECT 1 FROM documents WHERE digest = ?"
# Without an index on the commit: asked only of a run that is known.
_RUN = "SELECT 1 FROM runs WHERE project = ? AND commit_hash = ? LIMIT 1"


class ImportedRuns:
    """Answers from what was committed, also by another process, or stored in the transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._without: set[str] = set()

    def has(self, digest: bytes) -> bool:
        """Whether a run, or its project, is known by this digest."""
        return self._execute(_DOCUMENT, (digest,)).fetchone() is not None

    def has_project(self, project: str, digest_of: Callable[[str], bytes]) -> bool:
        """Whether a project has such runs; `digest_of` gives what it is known by.

        A transaction in which files are recorded adds none.
        """
        if project in self._without:
            return False
        has = self.has(digest_of(project))
        if not has:
            self._without.add(project)
        return has

    def is_there(self, project: str, commit: str) -> bool:
        """Whether there is a run of a commit still: what was deleted may come in again."""
        return self._execute(_RUN, (project, commit)).fetchone() is not None
