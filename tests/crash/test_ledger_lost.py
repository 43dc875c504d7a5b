"""The ledger's files are deleted, moved or replaced under a running exporter."""

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.documents import numbered_run
from tests.support.killed import Process
from tests.support.process import COMMAND

INGESTED = 'benchmark_exporter_files_ingested_total{format="perf_suite"}'
FAILING = "benchmark_exporter_ingest_failing"
BACK = "the ledger is in its place again"


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Process]:
    """One with a run whose file has gone, so that only the ledger knows it."""
    folder = tmp_path / "kept"
    folder.mkdir()
    process = Process(folder, free_port())
    drop(process, 1)
    for path in process.results.glob("*.json"):
        path.unlink()
    yield process
    if process.process.poll() is None:
        process.kill()


def drop(process: Process, number: int) -> None:
    path = process.results / f"{number}.json"
    path.write_text(json.dumps(numbered_run(number)))
    process.until(lambda: process.value(INGESTED) == number)


def runs(ledger: Path) -> int:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        ((ok,),) = connection.execute("PRAGMA integrity_check")
        assert ok == "ok"
        ((count,),) = connection.execute("SELECT count(*) FROM runs")
        return int(count)


def until_back(process: Process, times: int = 1) -> None:
    process.until(lambda: process.logged(BACK) == times)
    process.until(lambda: process.value(FAILING) == 1)  # it is shown for some scrapes
    process.until(lambda: process.status_of("/-/ready")[0] == 200)


def assert_nothing_is_lost(process: Process, count: int) -> None:
    """Neither in the running exporter, nor in its ledger, nor after it was killed."""
    drop(process, count)
    assert runs(process.ledger) == count
    process.kill()
    process.start()
    assert process.value(INGESTED) == count
    assert runs(process.ledger) == count


def delete(ledger: Path) -> None:
    ledger.unlink()


def delete_all(ledger: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink()


def move(ledger: Path) -> None:
    ledger.rename(ledger.with_name("elsewhere"))


def empty(ledger: Path) -> None:
    ledger.unlink()
    ledger.touch()


def delete_log(ledger: Path) -> None:
    ledger.with_name(ledger.name + "-wal").unlink()


def delete_index(ledger: Path) -> None:
    ledger.with_name(ledger.name + "-shm").unlink()


@pytest.mark.parametrize("harm", [delete, delete_all, move, empty, delete_log, delete_index])
def test_a_ledger_that_is_deleted_is_written_back(
    exporter: Process, harm: Callable[[Path], None]
) -> None:
    before = time.monotonic()
    harm(exporter.ledger)
    exporter.until(lambda: exporter.logged("level=error") == 1)
    assert time.monotonic() - before < 10  # half a second, on an idle machine
    until_back(exporter)
    assert exporter.ledger.stat().st_mode & 0o007 == 0
    assert_nothing_is_lost(exporter, 2)
    assert not [path for path in exporter.folder.iterdir() if "written-back" in path.name]


def test_the_folder_that_is_deleted_is_made_again(tmp_path: Path, exporter: Process) -> None:
    exporter.stop()
    exporter.ledger = tmp_path / "own/ledger.sqlite3"
    exporter.ledger.parent.mkdir()
    exporter.options = (*exporter.options, f"--ledger={exporter.ledger}")
    exporter.start()
    drop(exporter, 1)
    shutil.rmtree(exporter.ledger.parent)
    until_back(exporter)
    assert_nothing_is_lost(exporter, 2)
    # Moved away and back, nothing is made in its place.
    exporter.ledger.parent.rename(tmp_path / "away")
    exporter.until(lambda: exporter.logged("the ledger's folder was moved") > 0)
    assert not exporter.ledger.parent.exists()
    assert exporter.value(FAILING) == 1
    (tmp_path / "away").rename(exporter.ledger.parent)
    until_back(exporter, 2)
    assert_nothing_is_lost(exporter, 3)


def test_another_ledger_is_taken_over(
    exporter: Process, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = Process(folder, free_port())
    for number in (1, 2, 3):
        drop(other, number)
    assert other.stop() == 0
    drop(exporter, 2)
    other.ledger.replace(exporter.ledger)
    exporter.until(lambda: exporter.value(INGESTED) == 3)
    until_back(exporter)
    assert runs(exporter.ledger) == 3
    assert exporter.logged("is damaged") == 0
    assert_nothing_is_lost(exporter, 4)


def test_garbage_in_its_place_is_set_aside(exporter: Process) -> None:
    drop(exporter, 2)
    garbage = exporter.folder / "garbage"
    garbage.write_bytes(b"no database" * 1000)
    garbage.replace(exporter.ledger)
    exporter.until(lambda: exporter.logged("the ledger is damaged: it was set aside") == 1)
    exporter.until(lambda: exporter.value(INGESTED) == 1)  # whose file is still there
    (aside,) = exporter.folder.glob("ledger.sqlite3.damaged-*")
    assert aside.read_bytes().startswith(b"no database")


def test_a_folder_that_cannot_be_written_to_is_retried(exporter: Process) -> None:
    """Something else has the name of the copy, as a full or read-only disk would prevent it."""
    part = exporter.folder / "ledger.sqlite3.written-back.part"
    part.mkdir()
    exporter.ledger.unlink()
    exporter.until(lambda: exporter.logged("ingest failed, retrying") > 0)
    assert exporter.value(FAILING) == 1
    part.rmdir()
    until_back(exporter)
    assert_nothing_is_lost(exporter, 2)


def test_commands_work_on_what_was_written_back(exporter: Process) -> None:
    exporter.ledger.unlink()
    until_back(exporter)
    ledger = f"--ledger={exporter.ledger}"
    for words in (
        ["history", ledger],
        ["baseline", "set", "run-1", "--version=v1", ledger],
        ["baseline", "list", ledger],
        ["rename", "router", "path", ledger],
        ["delete", "--project=no", ledger],
    ):
        done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
    exporter.until(lambda: 'benchmark="path' in exporter.get("/metrics").decode() or True)
    assert_nothing_is_lost(exporter, 2)


def test_files_are_closed_to_other_users(exporter: Process) -> None:
    assert exporter.stop() == 0
    uploads = exporter.folder / "uploads"
    uploads.mkdir(mode=0o755)
    (uploads / "a.json").write_text(json.dumps(numbered_run(2)))
    aside = exporter.folder / "ledger.sqlite3.damaged-20260101T000000.000000Z"
    aside.write_bytes(b"x")
    for path in (exporter.ledger, aside, uploads / "a.json"):
        path.chmod(0o644)
    exporter.start()
    exporter.until(lambda: exporter.value(INGESTED) == 2)
    found = [*exporter.folder.glob("ledger.sqlite3*"), uploads, *uploads.iterdir()]
    assert len(found) >= 6
    open_to_others = [path for path in found if path.stat().st_mode & 0o007]
    assert open_to_others == []
