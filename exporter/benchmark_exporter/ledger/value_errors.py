"""Values that SQLite cannot store, as opposed to a file or disk that fails."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_VALUE_ERRORS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


@contextmanager
def value_errors_named() -> Iterator[None]:
    """Raises what SQLite says of a value that it cannot store as ValueError."""
    try:
        yield
    except _VALUE_ERRORS as error:
        raise ValueError(f"cannot be stored in the ledger: {error}") from error
