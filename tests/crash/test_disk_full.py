"""A disk without room for the ledger: nothing is lost, what is known is shown, and all goes on when there is room again."""

import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.crash.process import Process, drop_batch, undisturbed

ALERT = {"status": "firing", "fingerprint": "1", "labels": {"alertname": "Slow"}, "annotations": {}}


@contextmanager
def full_disk(exporter: Process) -> Iterator[None]:
    filler = exporter.ledger.parent / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    yield
    filler.unlink()


@contextmanager
def used_up_quota(exporter: Process) -> Iterator[None]:
    """No file of the process may grow beyond what the ledger's largest is; its log is much smaller."""
    largest = max(path.stat().st_size for path in exporter.ledger.parent.glob("ledger.sqlite3*"))
    before = resource.prlimit(exporter.process.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    yield
    resource.prlimit(exporter.process.pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mount.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def assert_it_goes_on_when_there_is_room(
    exporter: Process, folder: Path, no_room: Callable[[Process], AbstractContextManager[None]], reason: str
) -> None:
    try:
        drop_batch(exporter.results, 1)
        before = undisturbed(exporter.results, folder / "before")
        exporter.until_shown(before)
        with no_room(exporter):
            drop_batch(exporter.results, 2)
            exporter.until(lambda: exporter.said("ingesting failed, it is tried again"))
            assert exporter.said(reason)
            assert exporter.shown() == before
            status, text = exporter.status_of("/api/v1/alerts", json.dumps({"alerts": [ALERT]}).encode())
            assert status == 503  # Alertmanager sends it again
            assert reason in text
        exporter.until_shown(undisturbed(exporter.results, folder / "after"))
    finally:
        exporter.kill()


def test_a_full_disk(tmp_path: Path, small_disk: Path, free_port: Callable[[], int]) -> None:
    exporter = Process(tmp_path, free_port(), small_disk / "ledger.sqlite3")
    assert_it_goes_on_when_there_is_room(exporter, tmp_path, full_disk, "database or disk is full")


def test_a_quota_that_is_used_up(tmp_path: Path, free_port: Callable[[], int]) -> None:
    exporter = Process(tmp_path, free_port())
    assert_it_goes_on_when_there_is_room(exporter, tmp_path, used_up_quota, "disk I/O error")
