"""Ledgers that real earlier versions left: copied, then migrated as a whole or not at all."""

import logging
import os
import random
import shutil
import signal
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from benchmark_exporter.ledger import Ledger, LedgerError, has_no_room, migrating
from benchmark_exporter.ledger.copies import KEPT, copies, copy_path, make_copy
from benchmark_exporter.ledger.migrating import statements
from benchmark_exporter.ledger.migration_words import CHANGES_BY_MIGRATION
from benchmark_exporter.ledger.schema import MIGRATIONS
from tests.support.ledger_files import read_rows, watched
from tests.support.upgrades import NAMES, Earlier, unpack

SEED = 11
KILLS = 6
Contents = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def earlier(tmp_path: Path) -> Earlier:
    """What 0.5.0 left."""
    return unpack("0.5.0", tmp_path)


def contents(path: Path) -> Contents:
    names = read_rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return {
        name: read_rows(path, f"SELECT * FROM {name}")  # noqa: S608  # names of the schema
        for (name,) in names
    }


def schema(path: Path) -> int:
    ((number,),) = read_rows(path, "PRAGMA user_version")
    return int(number)


def dies_in_child(work: Callable[[], None]) -> bool:
    """Does something in a child process; whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


class Killing:
    """Kills its process at the nth call; counts the calls."""

    def __init__(self, at: int) -> None:
        self.calls = 0
        self._at = at

    def __call__(self, _: str) -> None:
        self.calls += 1
        if self.calls == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def calls_of(earlier: Earlier) -> tuple[int, int, Contents]:
    """How many statements and notes a whole migration has, and what it leaves."""
    path = earlier.ledger.with_name("complete.sqlite3")
    path.write_bytes(earlier.ledger.read_bytes())
    seen, noted = Killing(0), Killing(0)
    Ledger(path, connect=watched(seen), note=noted).close()
    return seen.calls, noted.calls, contents(path)


def test_a_migration_that_is_killed_anywhere_is_done_by_the_next_start(earlier: Earlier) -> None:
    statement_calls, note_calls, after = calls_of(earlier)
    scripts = "".join(MIGRATIONS[1:])
    assert statement_calls > len(list(statements(scripts)))  # it does go through them
    before, original = contents(earlier.ledger), earlier.ledger.read_bytes()
    chosen = random.Random(SEED)  # noqa: S311  # which statements, not a secret
    moments = [(True, at) for at in chosen.sample(range(1, statement_calls + 1), KILLS)]
    moments += [(False, at) for at in chosen.sample(range(1, note_calls + 1), KILLS)]
    for number, (by_statement, at) in enumerate(moments):
        folder = earlier.folder / str(number)
        folder.mkdir()
        path = folder / "ledger.sqlite3"
        path.write_bytes(original)
        kill, spare = Killing(at), Killing(0)
        died = dies_in_child(
            lambda path=path, kill=kill, spare=spare, by_statement=by_statement: Ledger(  # type: ignore[misc]
                path,
                connect=watched(kill if by_statement else spare),
                note=spare if by_statement else kill,
            ).close()
        )
        assert died, (by_statement, at)
        left = contents(path)
        assert left in (before, after), (by_statement, at)
        Ledger(path).close()
        assert contents(path) == after
        assert contents(copy_path(path, 1)) == before, (by_statement, at)
        assert list(folder.glob(".*")) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_earlier_ledger_is_copied_for_its_owner_alone_and_migrated(
    name: str, tmp_path: Path
) -> None:
    earlier = unpack(name, tmp_path)
    before = contents(earlier.ledger)
    with Ledger(earlier.ledger) as ledger:
        assert ledger.state().runs
    assert schema(earlier.ledger) == len(MIGRATIONS)
    assert read_rows(earlier.ledger, "PRAGMA integrity_check") == [("ok",)]
    assert read_rows(earlier.ledger, "PRAGMA foreign_key_check") == []
    if earlier.schema == len(MIGRATIONS):
        assert copies(earlier.ledger) == {}
        return
    copy = copy_path(earlier.ledger, earlier.schema)
    assert copies(earlier.ledger) == {copy: earlier.schema}
    assert contents(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_what_was_written_just_before_is_in_the_copy(earlier: Earlier) -> None:
    """In the write-ahead log, which a copy of the file alone would lack."""
    with closing(sqlite3.connect(earlier.ledger, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("UPDATE totals SET commits = 777")
        assert earlier.ledger.with_name("ledger.sqlite3-wal").stat().st_size > 0
        Ledger(earlier.ledger).close()
    assert read_rows(copy_path(earlier.ledger, 1), "SELECT commits FROM totals") == [(777,)]


def test_what_another_process_writes_after_the_copy_is_copied_too(
    earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def make_and_write(*arguments: object) -> Path:
        path = make_copy(*arguments)  # type: ignore[arg-type]
        made.append(path)
        if len(made) == 1:
            with closing(sqlite3.connect(earlier.ledger, isolation_level=None)) as other:
                other.execute("UPDATE totals SET commits = 778")
        return path

    monkeypatch.setattr(migrating, "make_copy", make_and_write)
    Ledger(earlier.ledger).close()
    assert len(made) == 2
    assert read_rows(made[1], "SELECT commits FROM totals") == [(778,)]
    assert schema(earlier.ledger) == len(MIGRATIONS)


def test_the_newest_copies_are_kept(earlier: Earlier) -> None:
    for age, number in enumerate((41, 42, 43)):
        old = copy_path(earlier.ledger, number)
        old.touch()
        os.utime(old, (1000 - age, 1000 - age))
    (earlier.folder / "ledger.sqlite3.schema-notes").touch()  # somebody's own
    Ledger(earlier.ledger).close()
    kept = [copy_path(earlier.ledger, 1), copy_path(earlier.ledger, 41)]
    assert list(copies(earlier.ledger)) == kept
    assert len(kept) == KEPT
    assert (earlier.folder / "ledger.sqlite3.schema-notes").exists()


def test_without_room_for_a_copy_nothing_is_migrated(
    earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(earlier.ledger)
    usage = shutil.disk_usage(earlier.folder)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(LedgerError, match=r"needs \d+ MB, and 0 MB are free; make room") as caught:
        Ledger(earlier.ledger)
    assert has_no_room(caught.value)
    assert contents(earlier.ledger) == before
    assert copies(earlier.ledger) == {}


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(
    earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(earlier.ledger)
    wrong = (*MIGRATIONS, "CREATE TABLE more (x); INSERT INTO no_such_table VALUES (1);")
    monkeypatch.setattr(migrating, "MIGRATIONS", wrong)
    with pytest.raises(LedgerError, match="no such table: no_such_table"):
        Ledger(earlier.ledger)
    assert contents(earlier.ledger) == before


def test_whoever_is_told_of_the_progress_can_end_the_migration(earlier: Earlier) -> None:
    before = contents(earlier.ledger)

    def stop(doing: str) -> NoReturn:
        raise InterruptedError(doing)

    with pytest.raises((InterruptedError, LedgerError)):
        Ledger(earlier.ledger, note=stop)
    assert contents(earlier.ledger) == before


def test_the_log_says_what_changed_in_how_many_rows(
    earlier: Earlier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    notes: list[str] = []
    Ledger(earlier.ledger, note=notes.append).close()
    lines = [record.message for record in caplog.records]
    assert lines[0] == "copied the ledger before migrating it"
    assert lines[1:-1] == [
        f"migration {number} {changes}"
        for number, changes in enumerate(CHANGES_BY_MIGRATION[1:], 2)
    ]
    assert lines[-1] == "migrated the ledger"
    rows = {
        record.message: getattr(record, "fields", {}).get("rows", 0) for record in caplog.records
    }
    assert rows["migration 4 keeps projects, branches and machine classes apart"] > 52
    assert any(note.startswith("copying the ledger") for note in notes)
    steps = len(MIGRATIONS) - 1
    last = f"migrating the ledger: step {steps} of {steps}, which"
    assert any(note.startswith(last) for note in notes)


def test_progress_is_logged_while_one_statement_takes_long(
    earlier: Earlier, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = (
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000) "
        "SELECT max(n) FROM c;"
    )
    monkeypatch.setattr(migrating, "MIGRATIONS", (*MIGRATIONS, counting))
    monkeypatch.setattr(migrating, "LOG_SECONDS", 0.0)
    caplog.set_level(logging.INFO)
    Ledger(earlier.ledger).close()
    last = f"step {len(MIGRATIONS)} of {len(MIGRATIONS)}"
    assert len([each for each in caplog.records if last in each.message]) > 5


def test_a_new_ledger_needs_no_copy(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.sqlite3").close()
    assert schema(tmp_path / "ledger.sqlite3") == len(MIGRATIONS)
    assert copies(tmp_path / "ledger.sqlite3") == {}


def test_every_migration_is_put_in_words() -> None:
    assert len(CHANGES_BY_MIGRATION) == len(MIGRATIONS)


def test_a_script_is_split_between_its_statements() -> None:
    script = "INSERT INTO t VALUES ('a;b');\n UPDATE t SET x = ';'; "
    assert list(statements(script)) == ["INSERT INTO t VALUES ('a;b');", "UPDATE t SET x = ';';"]
    with pytest.raises(ValueError, match="ends within a statement"):
        list(statements("SELECT 1; SELECT 'a;"))


def test_progress_is_noted_while_sqlite_is_silent(
    earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_copy(*arguments: object) -> Path:
        deadline = time.monotonic() + 10
        while notes.count(notes[-1]) < 5:  # the same second, said again and again
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return make_copy(*arguments)  # type: ignore[arg-type]

    notes: list[str] = []
    monkeypatch.setattr(migrating, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(migrating, "make_copy", slow_copy)
    Ledger(earlier.ledger, note=notes.append).close()
    assert schema(earlier.ledger) == len(MIGRATIONS)
    seen = len(notes)
    time.sleep(0.1)
    assert len(notes) == seen  # and not afterwards
