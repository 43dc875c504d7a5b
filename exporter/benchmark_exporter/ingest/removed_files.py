"""Files that were found, but removed or renamed before they could be read whole.

They are neither ingested nor rejected. So they are counted and logged: no file that was found
disappears without a word.
"""

import logging
from collections.abc import Callable, Sequence

from benchmark_exporter.counters import FILES_REMOVED
from benchmark_exporter.ingest.inbox import Candidate, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ledger import Ledger

log = logging.getLogger(__name__)

_LOGGED_FILES = 20


def gone(inbox: Inbox | Inboxes, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Those of the candidates that exist no longer; one whose status cannot be read may exist."""
    present = {candidate.name for candidate in inbox.refreshed(candidates)}
    return [candidate for candidate in candidates if candidate.name not in present]


def count_removed(ledger: Ledger, removed: Sequence[Candidate], clock: Callable[[], float]) -> None:
    """Counts and logs such files; `clock` returns seconds since 1970.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    with ledger.transaction() as transaction:
        transaction.count(FILES_REMOVED.name, (), clock(), by=len(removed))
    for candidate in removed[:_LOGGED_FILES]:
        fields = {"file": candidate.name}
        log.info("removed or renamed before it could be read whole", extra={"fields": fields})
    if len(removed) > _LOGGED_FILES:
        more = len(removed) - _LOGGED_FILES
        log.info(f"{more:,} more files were removed or renamed before they could be read whole")
