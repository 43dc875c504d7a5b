"""A file that is written over an open ledger at the worst moments: never a mixture of the two."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from benchmark_exporter.ledger import Ledger, LedgerError
from benchmark_exporter.ledger.overwriting import CHECKPOINT_FRAMES, Guard
from benchmark_exporter.ledger.witnesses import (
    NONCE_BYTES,
    RECORD_BYTES,
    Record,
    discard_foreign_log,
    has_foreign_log,
    log_salt,
    nonces_in_file,
)


def fill(ledger: Ledger, commits: int, first: int = 0) -> None:
    """Commits that change many pages."""
    for number in range(first, first + commits):
        with ledger.transaction() as transaction:
            for name in range(50):
                transaction.count("files_duplicate", (f"{number}", f"{name:0500}"), 1.0)


def counted(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(connection.execute("SELECT count(*) FROM counters").fetchone()[0])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite3", guarded=True) as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.sqlite3"
    with Ledger(path) as opened:
        fill(opened, 60)
    return path


def overwrite(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def test_a_long_log_is_written_to_the_database(tmp_path: Path, ledger: Ledger) -> None:
    path = tmp_path / "ledger.sqlite3"
    before = path.stat().st_size
    fill(ledger, 200)
    assert path.stat().st_size > before
    log = path.with_name("ledger.sqlite3-wal")
    assert log.stat().st_size < 4 * CHECKPOINT_FRAMES * 4096
    assert ledger.file.loss() is None


def test_both_witnesses_are_renewed_in_turn(tmp_path: Path, ledger: Ledger) -> None:
    path, seen = tmp_path / "ledger.sqlite3", []
    for first in range(0, 800, 200):
        fill(ledger, 200, first)
        seen.append(nonces_in_file(path))
    assert all(before != after for before, after in pairwise(seen))
    assert len({nonce for nonces in seen for nonce in nonces}) > 4


def test_no_transaction_begins_on_another_file(tmp_path: Path, ledger: Ledger, other: Path) -> None:
    overwrite(tmp_path / "ledger.sqlite3", other)
    with pytest.raises(LedgerError, match="another file is being written over the ledger"):
        fill(ledger, 1)
    with pytest.raises(LedgerError, match="another file is being written over the ledger"):
        ledger.state()
    assert ledger.file.loss() == "overwriting"


def test_closing_writes_nothing_to_another_file(
    tmp_path: Path, ledger: Ledger, other: Path
) -> None:
    path = tmp_path / "ledger.sqlite3"
    fill(ledger, 5)
    overwrite(path, other)
    ledger.close()
    assert path.read_bytes() == other.read_bytes()
    assert counted(path) == 3000


def test_a_checkpoint_in_between_is_noticed(
    tmp_path: Path, ledger: Ledger, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is overwritten after it was checked and before the checkpoint writes to it."""
    path = tmp_path / "ledger.sqlite3"
    fill(ledger, 5)
    is_changed: Callable[[Guard], bool] = vars(Guard)["is_changed"].fget
    asked: list[bool] = []

    def then_overwritten(guard: Guard) -> bool:
        asked.append(is_changed(guard))
        if len(asked) == 2:  # the last look before the checkpoint
            overwrite(path, other)
        return asked[-1]

    monkeypatch.setattr(Guard, "is_changed", property(then_overwritten))
    guard = ledger.file._guard  # a checkpoint at this moment
    assert guard is not None
    guard.checkpoint()
    assert asked[:2] == [False, False]
    assert ledger.file.is_mixed
    assert ledger.file.loss() == "mixed"
    with pytest.raises(LedgerError):
        fill(ledger, 1)


def test_a_copy_made_since_the_last_checkpoint_mixes_with_nothing(
    tmp_path: Path, ledger: Ledger
) -> None:
    """Its witnesses are those of the ledger; what was committed since is in the log."""
    path, copy = tmp_path / "ledger.sqlite3", tmp_path / "copy"
    fill(ledger, 200)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    fill(ledger, 5, 200)
    overwrite(path, copy)
    ledger.close()
    assert counted(path) in (200 * 50, 205 * 50)


def test_a_log_of_another_ledger_is_removed_at_the_next_start(
    tmp_path: Path, ledger: Ledger, other: Path
) -> None:
    path = tmp_path / "ledger.sqlite3"
    fill(ledger, 5)
    killed = tmp_path / "killed"
    killed.mkdir()
    for each in tmp_path.glob("ledger.sqlite3*"):
        (killed / each.name).write_bytes(each.read_bytes())
    left = killed / path.name
    assert not has_foreign_log(left)
    discard_foreign_log(left)
    assert log_salt(left) is not None
    overwrite(left, other)
    assert has_foreign_log(left)
    discard_foreign_log(left)
    assert log_salt(left) is None
    assert counted(left) == 3000


def test_the_record_fits_its_place() -> None:
    nonce = bytes([255]) * NONCE_BYTES
    record = Record(2**32 - 1, ((nonce, nonce, b""), (nonce, nonce, b"")))
    assert len(msgspec.json.encode(record)) < RECORD_BYTES
