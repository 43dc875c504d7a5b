"""A ledger that a later version has migrated: refused, with the way back to its copy."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmark_exporter.ledger import Ledger, LedgerError
from benchmark_exporter.ledger.copies import copies
from benchmark_exporter.ledger.schema import MIGRATIONS
from tests.support.ledger_files import read_rows
from tests.support.upgrades import unpack


def schema(path: Path) -> int:
    ((number,),) = read_rows(path, "PRAGMA user_version")
    return int(number)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A ledger that a later version has migrated."""
    earlier = unpack("0.5.0", tmp_path)
    Ledger(earlier.ledger).close()
    with closing(sqlite3.connect(earlier.ledger, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    return earlier.ledger


def test_a_newer_ledger_is_refused_with_commands_that_go_back(newer: Path) -> None:
    known = len(MIGRATIONS)
    with pytest.raises(LedgerError) as caught:
        Ledger(newer)
    text = str(caught.value)
    assert f"schema {known + 1} was written by a newer version of the exporter" in text
    commands = text.partition("then: ")[2].partition(". What came")[0]
    assert os.system(commands) == 0  # noqa: S605  # as a person would
    assert schema(newer) == 1
    assert schema(newer.with_name(f"ledger.sqlite3.schema-{known + 1}")) == known + 1
    with Ledger(newer) as ledger:
        assert ledger.state().runs


def test_a_newer_ledger_without_a_copy_needs_a_backup(newer: Path) -> None:
    for path in copies(newer):
        path.unlink()
    with pytest.raises(LedgerError, match=r"or restore a backup that this version made"):
        Ledger(newer)
