"""The ledger that a command works on while its exporter may be running."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark_exporter.commands.stack_file import Where, find_ledger
from benchmark_exporter.ledger import Ledger, LedgerError


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
    if not path.is_file():  # opening it would create one
        raise LedgerError(
            f"{path}: there is no such ledger; name the file that `serve` was given with --ledger"
        )
    ledger = Ledger(path)
    try:
        yield ledger, where
    finally:
        ledger.close()
