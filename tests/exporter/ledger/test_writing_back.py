"""A ledger that was deleted is written back; a kill at any step of it loses nothing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.ledger_file import finish_writing_back
from tests.support.documents import perf_suite
from tests.support.dying import FILES, die_at_call
from tests.support.wired import Wired

STEPS = ("open", "unlink", "replace", "fsync")


@pytest.fixture
def wired(wired: Wired) -> Wired:
    """With files that were ingested."""
    for name, document in FILES.items():
        wired.drop(name, document)
    wired.settle()
    return wired


def dies(wired: Wired, number: int) -> bool:
    """Whether a process that has lost its ledger was killed before a step of writing it back."""
    wired.ledger.close()
    child = os.fork()
    if child == 0:
        try:
            wired.restart()
            wired.ledger_path.unlink()
            step = die_at_call(number)
            for name in STEPS:
                setattr(os, name, _after(step, getattr(os, name)))
            wired.ledger.file.recover("deleted")
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _after(step: Callable[..., None], function: Callable[..., object]) -> Callable[..., object]:
    def call(*arguments: object, **named: object) -> object:
        step()
        return function(*arguments, **named)

    return call


def test_killed_at_each_step(wired: Wired) -> None:
    undisturbed, number, survived = wired.samples(), 0, 0
    runs = wired.query("SELECT count(*) FROM runs")
    while True:
        number += 1
        died = dies(wired, number)
        finish_writing_back(wired.ledger_path)
        # Before the copy is whole, nothing but the result files has what the ledger held.
        survived += wired.ledger_path.exists()
        wired.restart()
        wired.settle()
        assert wired.query("SELECT count(*) FROM runs") == runs
        shown = wired.samples()
        for name in ("benchmark_runs_total", "benchmark_exporter_files_ingested_total"):
            assert shown[name] == undisturbed[name], f"killed before step {number}"
        assert not list(wired.folder.glob("*.written-back"))
        if not died:
            break
    assert number > 8
    assert survived > 4


def test_the_log_of_the_deleted_ledger_is_not_taken_for_that_of_the_copy(wired: Wired) -> None:
    wired.take("more.json", perf_suite("more", p50_ms=0.06))
    log = wired.ledger_path.with_name("ledger.sqlite3-wal")
    assert log.stat().st_size > 0
    wired.ledger_path.unlink()
    assert wired.ledger.file.loss() == "deleted"
    old = log.stat().st_ino
    wired.ledger.file.recover("deleted")
    assert not log.exists() or log.stat().st_ino != old
    wired.restart()
    assert wired.query("PRAGMA integrity_check") == [("ok",)]
    assert wired.query("SELECT count(*) FROM runs WHERE run_id = 'more'") == [(1,)]


def test_a_copy_does_not_replace_a_ledger_that_is_there(wired: Wired) -> None:
    copy = wired.ledger_path.with_name("ledger.sqlite3.written-back")
    copy.write_bytes(b"old")
    before = wired.ledger_path.stat().st_ino
    finish_writing_back(wired.ledger_path)
    assert wired.ledger_path.stat().st_ino == before
    assert not copy.exists()


def test_a_ledger_in_its_place_is_left_alone(wired: Wired) -> None:
    assert wired.ledger.file.loss() is None
    wired.take("more.json", perf_suite("more", p50_ms=0.06))
    assert wired.ledger.file.loss() is None


def test_a_folder_that_was_moved_is_not_made_again(wired: Wired, tmp_path: Path) -> None:
    away = tmp_path.with_name("away")
    tmp_path.rename(away)
    try:
        assert wired.ledger.file.loss() == "folder_deleted"
        with pytest.raises(LedgerError, match="moved"):
            wired.ledger.file.recover("folder_deleted")
        assert not tmp_path.exists()
    finally:
        away.rename(tmp_path)
    assert wired.ledger.file.loss() is None
