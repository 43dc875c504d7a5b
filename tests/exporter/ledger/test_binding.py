"""Values are bound without a search for methods that adapt them, and stored as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import NoneType

import pytest

from benchmark_exporter.ledger.connection import connect_to_write


@pytest.mark.parametrize("kind", [NoneType, bytes, bool])
def test_a_value_is_bound_without_a_search_for_methods(kind: type, tmp_path: Path) -> None:
    with closing(connect_to_write(tmp_path / "ledger.sqlite3")):
        assert (kind, sqlite3.PrepareProtocol) in sqlite3.adapters


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, ("null", None)),
        (b"\0\xff", ("blob", b"\0\xff")),
        (b"", ("blob", b"")),
        (True, ("integer", 1)),
        (False, ("integer", 0)),
    ],
)
def test_a_value_is_stored_as_what_it_is(
    value: object, stored: tuple[str, object], tmp_path: Path
) -> None:
    with closing(connect_to_write(tmp_path / "ledger.sqlite3")) as connection:
        assert connection.execute("SELECT typeof(?1), ?1", (value,)).fetchone() == stored
