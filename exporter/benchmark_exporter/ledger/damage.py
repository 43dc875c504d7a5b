"""A damaged ledger: how it is recognised, and how it makes way for a new one."""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmark_exporter.ledger import LedgerError

log = logging.getLogger(__name__)

_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def is_damaged(error: LedgerError) -> bool:
    """Whether the ledger holds what was never written to it.

    A lock, a full disk and a missing permission are not damage.
    """
    cause = error.__cause__
    # Text that is not UTF-8 or JSON is found by its reader and not by SQLite, so it has no code.
    return (
        isinstance(cause, msgspec.DecodeError)
        or getattr(cause, "sqlite_errorname", "").startswith(_DAMAGE)
        or str(cause).startswith("Could not decode to UTF-8")
    )


def set_aside(ledger: Path, error: LedgerError, at_seconds: float) -> None:
    """Renames a damaged and closed ledger, with its write-ahead log, and logs it.

    The renamed files are what SQLite's `.recover` needs. `at_seconds` (since 1970) becomes part of
    their name.

    Raises:
        OSError: the folder's permissions forbid it.
    """
    moment = datetime.fromtimestamp(at_seconds, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = ledger.with_name(f"{ledger.name}.damaged-{moment}")
    # The database last: without its log it is merely older, whereas a log without its database
    # could be taken for the next one's.
    for suffix in ("-shm", "-wal", ""):
        with suppress(FileNotFoundError):
            ledger.with_name(f"{ledger.name}{suffix}").rename(f"{aside}{suffix}")
    log.error(
        "the ledger is damaged: it was set aside and is being rebuilt from the results folder; "
        "results whose files are gone no longer count",
        extra={"fields": {"reason": error, "set_aside": aside}},
    )
