"""Reads the query of the address of a commit."""

from collections.abc import Mapping

import msgspec

from benchmark_exporter.benchmark_page.query import WrongQuery, refuse_unknown
from benchmark_exporter.links import Repository
from benchmark_exporter.texts.say import phrase

_MISSING = phrase("{name} is missing: give a commit and its project, as in {example}.")
_EXAMPLE = "commit?hash=0123abc&project=router"


class CommitQuery(msgspec.Struct, frozen=True):
    """Which commit of a project is meant; `after` is the last one before, '' if that is left out.

    Each is a text as some document states it, which need not be a hash.
    """

    hash: str
    project: str
    after: str = ""

    def address_at(self, repository: Repository) -> str | None:
        """Where its repository shows what came after `after`, or else the commit; None: nowhere."""
        return repository.compare(self.after, self.hash) or repository.commit(self.hash)


def read_commit_query(query: Mapping[str, str]) -> CommitQuery:
    """What a query asks of the address of a commit.

    Raises:
        WrongQuery: it is not one of these.
    """
    refuse_unknown(query, CommitQuery.__struct_fields__)
    if not query.get("hash"):
        raise WrongQuery(_MISSING, name="hash", example=_EXAMPLE)
    if "project" not in query:
        raise WrongQuery(_MISSING, name="project", example=_EXAMPLE)
    return CommitQuery(**query)
