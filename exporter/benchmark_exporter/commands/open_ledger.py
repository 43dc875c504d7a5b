"""The ledger that a command works on while its exporter may be running."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark_exporter.commands.stack_file import Where, find_ledger
from benchmark_exporter.ledger import Ledger, refuse_another_schema


@contextmanager
def open_ledger(
    given: Path | None, stack: Path | None, *, default: Path | None = None
) -> Iterator[tuple[Ledger, Where]]:
    """Opens the ledger that `given` or the stack names, and says how to call it.

    Raises:
        StackError: no ledger is known, see `find_ledger`.
        LedgerError: there is no such ledger, or it cannot be opened.
    """
    path, where = find_ledger(given, stack, default=default)
    refuse_another_schema(path)  # opening it would create or migrate it
    ledger = Ledger(path)
    try:
        yield ledger, where
    finally:
        ledger.close()
