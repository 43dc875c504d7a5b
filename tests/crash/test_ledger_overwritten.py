"""Another file is written over the ledger of a running exporter, or replaces it before a kill."""

import hashlib
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
TAKEN_OVER = "another file was written over the open ledger; taking it over"
OTHER_RUNS = [f"run-{number}" for number in range(11, 16)]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Path:
    """A ledger with five runs, closed."""
    folder = tmp_path_factory.mktemp("other")
    process = Process(folder, free_port())
    for number in range(11, 16):
        (process.results / f"{number}.json").write_text(json.dumps(numbered_run(number)))
    process.until(lambda: process.value(INGESTED) == len(OTHER_RUNS))
    assert process.stop() == 0
    return process.ledger


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Process]:
    """One with two runs whose files have gone, so that only the ledger knows them."""
    folder = tmp_path / "kept"
    folder.mkdir()
    process = Process(folder, free_port())
    for number in (1, 2):
        drop(process, number, number)
    for path in process.results.glob("*.json"):
        path.unlink()
    yield process
    if process.process.poll() is None:
        process.kill()


def drop(process: Process, number: int, ingested: int) -> None:
    (process.results / f"{number}.json").write_text(json.dumps(numbered_run(number)))
    process.until(lambda: process.value(INGESTED) == ingested)


def runs(ledger: Path) -> list[str]:
    """The runs of a whole ledger, as every program sees it that opens it."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return [run for (run,) in connection.execute("SELECT run_id FROM runs ORDER BY run_id")]


def copy(source: Path, ledger: Path) -> None:
    subprocess.run(["cp", str(source), str(ledger)], check=True)


def copy_slowly(source: Path, ledger: Path) -> None:
    """As over a network: one page at a time, over some seconds."""
    data = source.read_bytes()
    step = max(len(data) // 24, 1)
    with ledger.open("wb", buffering=0) as file:
        for start in range(0, len(data), step):
            file.write(data[start : start + step])
            time.sleep(0.1)


def copy_without_truncating(source: Path, ledger: Path) -> None:
    """As `rsync --inplace` and `dd conv=notrunc` do."""
    with ledger.open("r+b") as file:
        file.write(source.read_bytes())
        file.truncate()


@pytest.mark.parametrize("overwrite", [copy, copy_slowly, copy_without_truncating])
def test_another_ledger_written_over_it_is_taken_over(
    exporter: Process, other: Path, overwrite: Callable[[Path, Path], None]
) -> None:
    inode = exporter.ledger.stat().st_ino
    overwrite(other, exporter.ledger)
    assert exporter.ledger.stat().st_ino == inode
    copied = time.monotonic()
    exporter.until(lambda: exporter.logged("being written over the ledger") > 0)
    assert time.monotonic() - copied < 10  # half a second, on an idle machine
    exporter.until(lambda: exporter.logged(TAKEN_OVER) == 1)
    assert exporter.value(FAILING) == 1
    exporter.until(lambda: exporter.value(INGESTED) == len(OTHER_RUNS))
    exporter.until(lambda: exporter.logged("the ledger is in its place again") == 1)
    assert runs(exporter.ledger) == OTHER_RUNS
    assert exporter.logged("is damaged") == 0
    drop(exporter, 16, len(OTHER_RUNS) + 1)
    exporter.kill()
    exporter.start()
    assert exporter.value(INGESTED) == len(OTHER_RUNS) + 1
    assert exporter.stop() == 0
    assert runs(exporter.ledger) == [*OTHER_RUNS, "run-16"]


def test_an_earlier_copy_of_the_same_ledger_is_taken_over(exporter: Process) -> None:
    """Whose pages are those of the open ledger, as they were once."""
    backup = exporter.folder / "backup"
    with (
        closing(sqlite3.connect(exporter.ledger)) as source,
        closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)
    exporter.kill()  # the next start has a checkpoint made
    exporter.start()
    for number in range(3, 8):
        drop(exporter, number, number)
        (exporter.results / f"{number}.json").unlink()
    copy(backup, exporter.ledger)
    exporter.until(lambda: exporter.logged("the ledger is in its place again") == 1)
    exporter.until(lambda: exporter.value(INGESTED) == 2)
    assert runs(exporter.ledger) == ["run-1", "run-2"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_exporter_ends_right_after(exporter: Process, other: Path, end: str) -> None:
    """Neither the checkpoint at its end nor the next start writes the old log to the new file."""
    digest = hashlib.sha256(other.read_bytes()).digest()
    exporter.process.send_signal(19)  # SIGSTOP, so that it has not noticed
    copy(other, exporter.ledger)
    if end == "stop":
        exporter.process.terminate()
        exporter.process.send_signal(18)
        assert exporter.process.wait(60) == 0
        assert hashlib.sha256(exporter.ledger.read_bytes()).digest() == digest
    else:
        exporter.kill()
    exporter.start()
    exporter.until(lambda: exporter.value(INGESTED) == len(OTHER_RUNS))
    assert runs(exporter.ledger) == OTHER_RUNS


def test_garbage_written_over_it_is_set_aside(exporter: Process) -> None:
    drop(exporter, 3, 3)
    with exporter.ledger.open("wb") as file:
        file.write(b"no database" * 1000)
    exporter.until(lambda: exporter.logged("the ledger is damaged: it was set aside") == 1)
    exporter.until(lambda: exporter.value(INGESTED) == 1)  # whose file is still there
    (aside,) = exporter.folder.glob("ledger.sqlite3.damaged-*")
    assert aside.read_bytes() == b"no database" * 1000
    assert runs(exporter.ledger) == ["run-3"]


def test_what_does_no_harm_is_not_reported(exporter: Process) -> None:
    exporter.ledger.touch()
    words = ["baseline", "set", "run-1", "--version=v1", f"--ledger={exporter.ledger}"]
    subprocess.run([*COMMAND, *words], check=True, capture_output=True)
    exporter.ledger.chmod(0o600)
    for statement in ("PRAGMA wal_checkpoint", "VACUUM", "PRAGMA wal_checkpoint"):
        with closing(sqlite3.connect(exporter.ledger, isolation_level=None)) as connection:
            connection.execute(statement)
        checked = time.monotonic() + 1.2  # at least two checks
        while time.monotonic() < checked:
            drop(exporter, 3, 3)
    assert exporter.logged("level=error") == 0
    assert exporter.value(FAILING) == 0
    exporter.kill()
    exporter.start()
    assert exporter.value(INGESTED) == 3
    assert runs(exporter.ledger) == ["run-1", "run-2", "run-3"]


def test_a_ledger_written_by_way_of_sqlite_is_opened_again(exporter: Process, other: Path) -> None:
    """As `.restore` of sqlite3 does: SQLite keeps it whole."""
    with (
        closing(sqlite3.connect(other)) as source,
        closing(sqlite3.connect(exporter.ledger)) as target,
    ):
        source.backup(target)
    exporter.until(lambda: exporter.logged("opening it again") == 1)
    exporter.until(lambda: exporter.value(INGESTED) == len(OTHER_RUNS))
    assert runs(exporter.ledger) == OTHER_RUNS


def test_killed_right_after_another_took_its_place(exporter: Process, other: Path) -> None:
    """SQLite alone would apply the log of the first to the second."""
    exporter.process.send_signal(19)  # SIGSTOP, so that it has not noticed
    replace(other, exporter.ledger)
    exporter.kill()
    assert exporter.ledger.with_name("ledger.sqlite3-wal").stat().st_size > 0
    refused = subprocess.run(
        [*COMMAND, "history", f"--ledger={exporter.ledger}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "another ledger was in its place" in refused.stderr
    exporter.start()
    assert exporter.logged("its write-ahead log was removed") == 1
    assert exporter.value(INGESTED) == len(OTHER_RUNS)
    assert runs(exporter.ledger) == OTHER_RUNS


def test_sqlite_applies_the_log_of_the_replaced_ledger(exporter: Process, other: Path) -> None:
    """What the witnesses are for. If SQLite checks this one day, they may go."""
    exporter.process.send_signal(19)
    replace(other, exporter.ledger)
    exporter.kill()
    exporter.ledger.with_name("ledger.sqlite3-witness").unlink()
    with closing(sqlite3.connect(exporter.ledger)) as connection:
        try:
            found = connection.execute("SELECT run_id FROM runs ORDER BY run_id").fetchall()
        except sqlite3.DatabaseError:  # pages of both
            return
    assert found != [(run,) for run in OTHER_RUNS]


def test_a_ledger_and_its_log_that_belong_together_are_kept(
    exporter: Process, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Both were moved here from another exporter that was killed."""
    folder = tmp_path / "third"
    folder.mkdir()
    third = Process(folder, free_port())
    for number in (1, 2, 3):
        drop(third, number, number)
    third.kill()
    exporter.kill()
    for suffix in ("", "-wal"):
        path = Path(f"{third.ledger}{suffix}")
        assert path.stat().st_size > 0
        path.replace(f"{exporter.ledger}{suffix}")
    exporter.start()
    assert exporter.value(INGESTED) == 3
    assert runs(exporter.ledger) == ["run-1", "run-2", "run-3"]


def replace(source: Path, ledger: Path) -> None:
    part = ledger.with_name("part")
    shutil.copy(source, part)
    part.replace(ledger)
