"""The files of a run, on full disks and in missing folders."""

import json
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_exporter.client import MonitoredPerfSuite
from tests.support.disks import filled
from tests.support.monitored import DEADLINE_SECONDS, document, live_lines


def test_long_names_and_errors_fit_into_a_line(results: Path) -> None:
    with pytest.raises(RuntimeError):
        MonitoredPerfSuite(
            results, project="\x01" * 900, environment="ü" * 900
        ).run_benchmark_with_monitoring(_fail_at_length, "y" * 900)
    assert live_lines(results)[-1]["error"].startswith("RuntimeError: 💥")


def _fail_at_length() -> None:
    raise RuntimeError("💥" * 9000)


def test_a_missing_folder_is_reported_once_and_not_created(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite = MonitoredPerfSuite(tmp_path / "nowhere")
    assert suite.run_benchmark_with_monitoring(lambda: 7, "parsing", iterations=100) == 7
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert (
        record.getMessage() == f"{tmp_path}/nowhere: folder not found, so nothing is recorded; "
        "create it or name another"
    )
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_reported_once_and_lines_resume_when_there_is_room(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MonitoredPerfSuite(small_disk).run("parsing") as run:
        with filled(small_disk):
            deadline = time.monotonic() + DEADLINE_SECONDS
            while not caplog.records and time.monotonic() < deadline:
                run.measure(lambda: time.sleep(0.001), "parsing")
            run.measure(lambda: time.sleep(0.001), "parsing", iterations=100)
        run.measure(lambda: time.sleep(0.001), "parsing", iterations=100)
    (record,) = caplog.records
    assert record.getMessage().endswith("cannot be recorded: No space left on device")
    (path,) = (small_disk / "live").iterdir()
    lines = path.read_bytes().splitlines()
    torn = [line for line in lines if not line.endswith(b"}")]
    assert len(torn) == 1  # the disk had room for half of it
    assert [json.loads(line)["type"] for line in lines if line not in torn][-1] == "end"
    assert (document(small_disk)[1]["parsing"].sample_count or 0) > 200


def test_a_full_disk_leaves_no_half_result(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MonitoredPerfSuite(small_disk).run("parsing") as run:
        for number in range(30_000):
            run.observe("parsing", number / 1e3)
    assert [path.name for path in small_disk.iterdir()] == ["live"]
    assert len(caplog.records) == 1


def test_live_files_of_earlier_days_are_removed(suite: MonitoredPerfSuite, results: Path) -> None:
    live = results / "live"
    live.mkdir()
    for name, hours in (("old.jsonl", 25), ("recent.jsonl", 23), ("notes.txt", 25)):
        (live / name).touch()
        os.utime(live / name, (time.time() - hours * 3600,) * 2)
    suite.run_benchmark_with_monitoring(lambda: None, "nothing")
    assert {path.name for path in live.iterdir()} > {"recent.jsonl", "notes.txt"}
    assert not (live / "old.jsonl").exists()
