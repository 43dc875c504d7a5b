"""The folder of the file in which a command names its phases, of runs that end and that do not."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.exporter.client.running import has_line, run, start
from tests.support.monitored import DEADLINE_SECONDS, until

# Its last phase comes when the test wants it.
WAITING = "while [ ! -e over ]; do sleep 0.05; done; echo last > $BENCHMARK_PHASE_FILE && : > ended"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of what the test starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def started(results: Path) -> subprocess.Popen[str]:
    """A run whose command waits."""
    process = start(results, "sh", "-c", WAITING)
    until(lambda: has_line(results, "start"))
    return process


def make_older(folder: Path) -> None:
    """Give a folder the time of 25 hours ago."""
    os.utime(folder, (time.time() - 25 * 3600,) * 2)


def test_a_run_leaves_no_folder(results: Path, temporary: Path) -> None:
    assert run(results, "sh", "-c", "echo measure > $BENCHMARK_PHASE_FILE").returncode == 0
    assert run(results, "not-a-command").returncode == 127
    assert not list(temporary.iterdir())


def test_a_killed_run_leaves_a_folder_that_a_run_a_day_later_removes(
    results: Path, temporary: Path, tmp_path: Path
) -> None:
    process = started(results)
    process.kill()
    process.wait()
    # The command goes on, and still writes its phases there.
    assert run(results, "true").returncode == 0
    (tmp_path / "over").touch()
    until((tmp_path / "ended").exists)
    (left,) = temporary.iterdir()
    make_older(left)
    assert run(results, "true").returncode == 0
    assert not list(temporary.iterdir())


def test_a_run_of_more_than_a_day_keeps_its_folder(
    results: Path, temporary: Path, tmp_path: Path
) -> None:
    process = started(results)
    (folder,) = temporary.iterdir()
    make_older(folder)
    assert run(results, "true").returncode == 0
    (tmp_path / "over").touch()
    assert process.wait(DEADLINE_SECONDS) == 0
    assert not list(temporary.iterdir())


def test_what_others_have_left_stays(results: Path, temporary: Path) -> None:
    (temporary / "elsewhere").mkdir()
    (temporary / "elsewhere/file").touch()
    (temporary / "benchmark-exporter-run-link").symlink_to("elsewhere")
    (temporary / "benchmark-exporter-run-file").touch()
    (temporary / "another-run").mkdir()
    for path in temporary.iterdir():
        os.utime(path, (0, 0), follow_symlinks=False)
    assert run(results, "true").returncode == 0
    assert {path.name for path in temporary.iterdir()} == {
        "elsewhere",
        "benchmark-exporter-run-link",
        "benchmark-exporter-run-file",
        "another-run",
    }
    assert (temporary / "elsewhere/file").exists()
