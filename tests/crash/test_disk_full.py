"""A disk without space for the ledger or an upload.

Nothing is lost, what is known is shown, and everything continues once there is space again.
"""

import json
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.disks import filled
from tests.support.documents import perf_suite
from tests.support.killed import Process, drop_batch, undisturbed
from tests.support.uploading import TOKEN, upload

FAILING = {"benchmark_exporter_ingest_failing": {frozenset[tuple[str, str]](): 1.0}}
ALERT = {"status": "firing", "fingerprint": "1", "labels": {"alertname": "Slow"}, "annotations": {}}


def full_disk(exporter: Process) -> AbstractContextManager[None]:
    return filled(exporter.ledger.parent)


@contextmanager
def used_up_quota(exporter: Process) -> Iterator[None]:
    """No file of the process may grow larger than the ledger's largest; its log is much smaller."""
    largest = max(path.stat().st_size for path in exporter.ledger.parent.glob("ledger.sqlite3*"))
    before = resource.prlimit(
        exporter.process.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY)
    )
    yield
    resource.prlimit(exporter.process.pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def assert_it_continues_once_there_is_space(
    exporter: Process,
    folder: Path,
    no_space: Callable[[Process], AbstractContextManager[None]],
    reason: str,
) -> None:
    try:
        drop_batch(exporter.results, 1)
        before = undisturbed(exporter.results, folder / "before")
        exporter.until_shown(before)
        with no_space(exporter):
            drop_batch(exporter.results, 2)
            exporter.until(lambda: exporter.logged("ingest failed, retrying"))
            assert exporter.logged(reason)
            exporter.until_shown({**before, **FAILING})
            status, text = exporter.status_of(
                "/api/v1/alerts", json.dumps({"alerts": [ALERT]}).encode()
            )
            assert status == 503  # Alertmanager will send it again
            assert reason in text
        exporter.until_shown(undisturbed(exporter.results, folder / "after"))
    finally:
        exporter.kill()


def test_a_full_disk(tmp_path: Path, small_disk: Path, free_port: Callable[[], int]) -> None:
    exporter = Process(tmp_path, free_port(), small_disk / "ledger.sqlite3")
    assert_it_continues_once_there_is_space(
        exporter, tmp_path, full_disk, "database or disk is full"
    )


def test_a_quota_that_is_used_up(tmp_path: Path, free_port: Callable[[], int]) -> None:
    exporter = Process(tmp_path, free_port())
    assert_it_continues_once_there_is_space(exporter, tmp_path, used_up_quota, "disk I/O error")


class NotAwaited(Process):
    """An exporter whose start is not waited for."""

    def start(self) -> None:
        self.launch()


def test_started_on_a_full_disk_without_a_ledger(
    tmp_path: Path, small_disk: Path, free_port: Callable[[], int]
) -> None:
    with filled(small_disk):
        exporter = NotAwaited(tmp_path, free_port(), small_disk / "ledger.sqlite3")
        drop_batch(exporter.results, 1)
        # It keeps running, and reports why there is nothing to show.
        exporter.until(lambda: exporter.logged("ingest failed, retrying"))
        assert exporter.logged("the ledger cannot be opened, retrying") == 1
        for path, data in (
            ("/metrics", None),
            ("/", None),
            ("/api/v1/status", None),
            ("/api/v1/alerts", json.dumps({"alerts": [ALERT]})),
        ):
            status, text = exporter.status_of(path, data.encode() if data else None)
            assert (path, status) == (path, 503)
            assert "database or disk is full" in text
    try:
        exporter.until_shown(undisturbed(exporter.results, tmp_path / "after"))
        assert exporter.launches == 1
    finally:
        assert exporter.stop() == 0


# Only a kill leaves the files next to the ledger that opening it needs.
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_started_on_a_full_disk_with_a_ledger(
    tmp_path: Path, small_disk: Path, free_port: Callable[[], int], end: str
) -> None:
    exporter = NotAwaited(tmp_path, free_port(), small_disk / "ledger.sqlite3")
    try:
        drop_batch(exporter.results, 1)
        before = undisturbed(exporter.results, tmp_path / "before")
        exporter.until_shown(before)
        getattr(exporter, end)()
        with filled(small_disk):
            drop_batch(exporter.results, 2)
            exporter.launch()
            exporter.until(lambda: exporter.logged("ingest failed, retrying"))
            assert exporter.logged("the ledger's disk is full: known results are shown") == (
                end == "stop"
            )
            exporter.until_shown({**before, **FAILING})
        exporter.until_shown(undisturbed(exporter.results, tmp_path / "after"))
        # Others, such as a backup, can open it again.
        exporter.until(lambda: is_readable(exporter.ledger))
    finally:
        exporter.kill()


def assert_uploads_wait_until_there_is_space(
    exporter: Process, no_space: Callable[[Process], AbstractContextManager[None]], reason: str
) -> None:
    try:
        exporter.tokens.write_text(TOKEN)
        uploads = exporter.ledger.with_name("uploads")
        assert upload(exporter, perf_suite("run-1")).status == 201
        # If it were not ingested before the disk is full, the ledger would report the failure.
        exporter.until(
            lambda: (
                exporter.value('benchmark_exporter_files_ingested_total{format="perf_suite"}') == 1
            )
        )
        before = sorted(uploads.iterdir())
        # Larger than the ledger.
        document = json.dumps(perf_suite("run-2")).encode().ljust(1_000_000)
        with no_space(exporter):
            answer = upload(exporter, document, "?branch=main")
            assert answer.status == 503
            assert reason in answer.json["detail"]
            assert int(answer.headers["Retry-After"]) > 0
            assert sorted(uploads.iterdir()) == before
        exporter.until(lambda: upload(exporter, document, "?branch=main").status in (200, 201))
        exporter.until(
            lambda: (
                exporter.value('benchmark_exporter_files_ingested_total{format="perf_suite"}') == 2
            )
        )
    finally:
        exporter.kill()


def test_a_full_disk_for_uploads(
    tmp_path: Path, small_disk: Path, free_port: Callable[[], int]
) -> None:
    exporter = Process(tmp_path, free_port(), small_disk / "ledger.sqlite3")
    assert_uploads_wait_until_there_is_space(exporter, full_disk, "No space left on device")


def test_a_quota_for_uploads_that_is_used_up(tmp_path: Path, free_port: Callable[[], int]) -> None:
    exporter = Process(tmp_path, free_port())
    assert_uploads_wait_until_there_is_space(exporter, used_up_quota, "File too large")


def is_readable(ledger: Path) -> bool:
    connection = sqlite3.connect(ledger, timeout=0)
    try:
        return bool(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:  # locked
        return False
    finally:
        connection.close()
