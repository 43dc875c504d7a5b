"""The upgrade drill: an earlier version's ledger and settings, and kill -9 while it is migrated."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.ledger.copies import copy_path
from benchmark_exporter.ledger.schema import MIGRATIONS
from benchmarks.grown_ledger import grow
from tests.support.ledger_files import read_rows
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.upgrades import NAMES, changed_figures, unpack

RUNS = 12_000


def schema(path: Path) -> int:
    ((number,),) = read_rows(path, "PRAGMA user_version")
    return int(number)


def not_started(folder: Path, port: int) -> Exporter:
    exporter = Exporter.__new__(Exporter)
    exporter.descriptors = None
    exporter.options = ("--stream-listen=off", f"--config={folder / 'config.yaml'}")
    exporter.folder, exporter.results = folder, folder / "results"
    exporter.results.mkdir(exist_ok=True)
    exporter.port, exporter.log = port, folder / "log"
    return exporter


def test_killed_while_it_migrates_it_goes_on_at_the_next_start(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    earlier = unpack("0.5.0", tmp_path)
    grow(earlier.ledger, RUNS)
    exporter = not_started(tmp_path, free_port())
    for moment in ("step 3 of", "step 4 of"):
        exporter.launch()
        seen = wait_for(exporter, moment)
        exporter.process.kill()
        exporter.process.wait()
        assert seen.startswith("not ready: "), seen
        assert schema(earlier.ledger) == earlier.schema
    started = time.monotonic()
    exporter.start()
    print(f"migrated {RUNS:,} runs and ready after {time.monotonic() - started:.1f} s")
    assert schema(earlier.ledger) == len(MIGRATIONS)
    changed = changed_figures(earlier.metrics, exporter.get("/metrics").decode())
    # It is of the newest runs, and the ledger has grown by some.
    assert {name for name, _ in changed} <= {"benchmark_suite_duration_seconds"}
    assert exporter.stop() == 0
    ((runs,),) = read_rows(earlier.ledger, "SELECT count(*) FROM runs")
    assert runs == read_rows(copy_path(earlier.ledger, 1), "SELECT count(*) FROM runs")[0][0]


def wait_for(exporter: Exporter, text: str) -> str:
    """What /-/ready says as soon as that has a text in it."""
    deadline, said = time.monotonic() + DEADLINE_SECONDS, ""
    while text not in said:
        assert time.monotonic() < deadline, (said, exporter.log.read_text())
        assert exporter.process.poll() is None, exporter.log.read_text()
        try:
            status, said = exporter.status_of("/-/ready")
        except OSError:
            continue
        assert status == 503, f"ready before it said {text}"
    return said


def test_asked_to_stop_while_it_migrates_it_ends_soon_and_leaves_the_ledger(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    earlier = unpack("0.5.0", tmp_path)
    grow(earlier.ledger, RUNS)
    exporter = not_started(tmp_path, free_port())
    exporter.launch()
    wait_for(exporter, "migrating the ledger")
    assert exporter.status_of("/metrics")[0] == 503
    assert exporter.status_of("/-/healthy")[0] == 200
    assert exporter.status_of("/api/v1/status")[0] == 503
    assert exporter.stop() == 0, exporter.log.read_text()
    assert schema(earlier.ledger) == earlier.schema
    assert "Traceback" not in exporter.log.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_earlier_version_is_taken_over_with_its_figures(
    name: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    earlier = unpack(name, tmp_path)
    exporter = not_started(tmp_path, free_port())
    exporter.start()
    assert changed_figures(earlier.metrics, exporter.get("/metrics").decode()) == {}
    assert exporter.stop() == 0, exporter.log.read_text()
    levels = set(re.findall(r"level=(\w+)", exporter.log.read_text()))
    assert "error" not in levels, exporter.log.read_text()
    if name == "0.5.0":  # and back, and on again
        shutil.move(copy_path(earlier.ledger, earlier.schema), earlier.ledger)
        exporter.start()
        assert changed_figures(earlier.metrics, exporter.get("/metrics").decode()) == {}
        assert exporter.stop() == 0
