"""Opening a ledger: what is wrong with it is named, and no connection stays open."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from benchmark_exporter.ledger import Connect, Ledger, LedgerError, has_no_room
from benchmark_exporter.ledger.history import History


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def not_a_database(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to pass for one" * 100)


def newer(path: Path) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def test_a_file_that_is_not_a_ledger_is_named(path: Path) -> None:
    not_a_database(path)
    with pytest.raises(LedgerError, match=rf"^{path}: file is not a database; "):
        Ledger(path)


def test_a_ledger_of_a_newer_version_is_named(path: Path) -> None:
    newer(path)
    reason = r"schema 99 was written by a newer version of the exporter, this one knows \d+; run"
    with pytest.raises(LedgerError, match=rf"^{path}: {reason}"):
        Ledger(path)


def test_a_folder_that_is_missing_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    # Not even root can create files in /proc.
    for path in (tmp_path / "missing" / "ledger.sqlite3", Path("/proc/ledger.sqlite3")):
        reason = "unable to open database file; is its folder there and writable"
        with pytest.raises(LedgerError, match=rf"^{path}: {reason}"):
            Ledger(path)


class Recorded(sqlite3.Connection):
    """A connection that knows whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


class Failing(Recorded):
    """One whose disk fails at the first query, which is asked for after the tables are there."""

    def execute(self, statement: str, parameters: object = (), /) -> sqlite3.Cursor:
        if "data_version" in statement:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(statement, parameters)  # type: ignore[arg-type]  # whatever it was


def recording(made: list[Recorded], kind: type[Recorded]) -> Connect:
    def connect(path: Path) -> sqlite3.Connection:
        made.append(kind(path, isolation_level=None))
        return made[-1]

    return connect


@pytest.mark.parametrize("damage", [not_a_database, newer])
def test_a_ledger_that_cannot_be_used_is_closed(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    made: list[Recorded] = []
    with pytest.raises(LedgerError):
        Ledger(path, connect=recording(made, Recorded))
    assert [connection.closed for connection in made] == [True]


def test_a_ledger_whose_disk_fails_once_it_is_open_is_closed(path: Path) -> None:
    made: list[Recorded] = []
    with pytest.raises(LedgerError, match="disk I/O error"):
        Ledger(path, connect=recording(made, Failing))
    assert [connection.closed for connection in made] == [True]


@pytest.mark.parametrize("damage", [not_a_database, newer, empty])
def test_a_history_that_cannot_be_read_is_closed(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    made: list[Recorded] = []
    with pytest.raises(LedgerError):
        History(path, connect=recording(made, Recorded))
    assert [connection.closed for connection in made] == [True]


def test_a_block_closes_its_ledger(path: Path) -> None:
    made: list[Recorded] = []
    with Ledger(path, connect=recording(made, Recorded)):
        assert [connection.closed for connection in made] == [False]
    assert [connection.closed for connection in made] == [True]


def test_a_disk_without_room_for_several_processes_is_opened_alone(path: Path) -> None:
    made: list[Recorded] = []

    class NoRoomAtFirst(Recorded):
        def executescript(self, script: str, /) -> sqlite3.Cursor:
            if len(made) == 1:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorname = "SQLITE_FULL"
                raise error
            return super().executescript(script)

    with Ledger(path, connect=recording(made, NoRoomAtFirst)) as ledger:
        assert ledger.is_alone
        assert [connection.closed for connection in made] == [True, False]


def test_only_a_disk_that_fails_has_no_room(path: Path) -> None:
    not_a_database(path)
    with pytest.raises(LedgerError) as caught:
        Ledger(path)
    assert not has_no_room(caught.value)
