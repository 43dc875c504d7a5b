"""The ledger that a command works on while its exporter may be running."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark_exporter.commands.stack_file import Where, find_ledger
from benchmark_exporter.ledger import Ledger, LedgerError, refuse_another_schema


@contextmanager
def open_ledger(
    given: Path | None, stack: Path | None, *, default: Path | None = None
) -> Iterator[tuple[Ledger, Where]]:
    """Opens the ledger that `given` or the stack names, and says how to call it.

    Raises:
        StackError: no ledger is known, see `find_ledger`.
        LedgerError: there is no such ledger, it cannot be opened, or it was replaced meanwhile.
    """
    path, where = find_ledger(given, stack, default=default)
    refuse_another_schema(path)  # opening it would create or migrate it
    ledger = Ledger(path)
    try:
        yield ledger, where
        if ledger.file.loss() is not None:
            raise LedgerError(
                f"{path}: another ledger took its place meanwhile, in which what this command did "
                "is missing; run it again"
            )
    finally:
        ledger.close()
