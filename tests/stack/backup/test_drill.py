"""A disaster drill: run, back up under load, go on, destroy everything, restore."""

import json
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark_exporter.commands.delivery import Exporter
from benchmark_exporter.commands.push import push
from stack.compose import engine_answers
from stack.demo_documents import PerfSuiteBenchmark
from stack.settings import EXPORTER
from tests.stack.backup import drilled as drills
from tests.stack.backup.drilled import Drilled, destroy
from tests.stack.orbit import run_of

Measured = Callable[[str], None]
BEFORE, AFTER, TOKEN = 12, 5, "made-up-token-of-the-drill"


@pytest.fixture(params=["local", "compose"])
def drilled(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Drilled]:
    if request.param == "local":
        request.getfixturevalue("programs")
        with drills.local(tmp_path / "checkout", free_port) as found:
            yield found
        return
    if not engine_answers():
        pytest.skip("no Docker engine with the compose plugin answers")
    with drills.compose(tmp_path / "checkout", free_port) as found:
        yield found


def drop(drilled: Drilled, number: int) -> None:
    """Drop a run of its own."""
    document = run_of(PerfSuiteBenchmark("orbit", 0.05, 1.0, 0.0), number)
    document["run"]["run_id"] = f"drill-{number:05}"
    (drilled.settings.results_dir / f"run-{number:05}.json").write_text(json.dumps(document))


def upload(drilled: Drilled, folder: Path) -> None:
    """Upload a run, once there is a token."""
    tokens = drilled.settings.secrets_dir / "exporter/upload_tokens"
    with tokens.open("a") as file:
        file.write(f"ci {TOKEN}\n")
    path = folder / "upload.json"
    path.write_text(json.dumps(run_of(PerfSuiteBenchmark("uploaded", 0.05, 1.0, 0.0), 1)))
    assert push([path], Exporter(EXPORTER.url(drilled.settings), TOKEN, timeout_seconds=30.0), {})


def back_up_under_load(drilled: Drilled, folder: Path) -> tuple[Path, int]:
    """Make a backup while files come in; gives it, and the number of the next file."""
    numbers = iter(range(BEFORE, 10_000))
    stop = threading.Event()

    def load() -> None:
        while not stop.wait(0.01):
            drop(drilled, next(numbers))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        drilled.run("backup", "--to", str(folder), "--secrets", "--keep=1")
    finally:
        stop.set()
        thread.join()
    (archive,) = folder.iterdir()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    return archive, next(numbers)


def test_nothing_from_before_a_backup_is_missing(
    drilled: Drilled, tmp_path: Path, measured: Measured
) -> None:
    drilled.run("up")
    (drilled.root / "grafana/dashboards.d/own.json").write_text('{"title": "own"}')
    for number in range(BEFORE):
        drop(drilled, number)
    upload(drilled, tmp_path)
    drilled.silence("orbit")
    drilled.until_ingested(BEFORE + 1)
    drilled.run("exporter", "baseline", "set", "drill-00003", "--version=v1")
    drilled.until_scraped(BEFORE + 1)
    runs_before, silences_before = drilled.history(), drilled.silences()
    totals_before, at_seconds = drilled.totals(), time.time() - 2
    samples_before = drills.samples(drilled, at_seconds)
    archive, number = back_up_under_load(drilled, tmp_path / "backups")
    noted = drills.backup_noted(drilled)
    assert noted["stack_backup_size_bytes"] == archive.stat().st_size
    assert at_seconds < noted["stack_backup_last_success_timestamp_seconds"] <= time.time()

    for later in range(number, number + AFTER):
        drop(drilled, later)
    files = number + AFTER + 1
    drilled.until_ingested(files)
    before = destroy(drilled)

    started = time.monotonic()
    restored = drilled.run("restore", "--from", str(archive), "--yes")
    measured(f"{drilled.settings['MODE']}: restored in {time.monotonic() - started:.1f} s")
    assert "compared with the backup" in restored

    drilled.until_ingested(files)
    assert drills.backup_noted(drilled) == noted  # a restore makes no backup look new
    runs = {run["run_id"]: run for run in drilled.history()}
    assert len(runs) == len(drilled.history()) == files
    for run in runs_before:
        assert runs[run["run_id"]]["ingested_seconds"] == run["ingested_seconds"]
        assert runs[run["run_id"]]["results"] == run["results"]
    assert drilled.silences() == silences_before
    assert drills.samples(drilled, at_seconds) == samples_before
    totals = drilled.totals()
    assert all(totals[name] >= value for name, value in totals_before.items())
    drilled.until_scraped(files)
    assert drills.resets(drilled) == {}
    assert "v1" in drilled.run("exporter", "baseline", "list")
    assert {name: (drilled.root / name).read_bytes() for name in before} == before
    tokens = drilled.settings.secrets_dir / "exporter/upload_tokens"
    assert TOKEN in tokens.read_text()
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o640
    assert json.loads((drilled.root / "grafana/dashboards.d/own.json").read_text())
