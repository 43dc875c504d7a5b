"""File events reach the exporter whatever becomes of the results folder and its subfolders.

The scans are an hour apart here, so that nothing but events, and the check that the folder is still
the same, can find a file.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import numbered_run
from tests.support.process import COMMAND, Exporter

INGESTED = 'benchmark_exporter_files_ingested_total{format="perf_suite"}'
FAILING = "benchmark_exporter_ingest_failing"
WARNING = "the results folder cannot be watched"


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    config = tmp_path / "config.yaml"
    config.write_text("rescan_interval_seconds: 3600\ncounter_hold_seconds: 0\n")
    running = Exporter(tmp_path, free_port(), f"--config={config}")
    yield running
    assert running.stop() == 0, running.log.read_text()


class Drops:
    """Writes one run after the other, and waits until each is ingested."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self.count = 0

    def found(self, folder: Path) -> None:
        self.count += 1
        path = folder / f"run-{self.count}.json"
        path.write_text(json.dumps(numbered_run(self.count)))
        self._exporter.until(lambda: self._exporter.value(INGESTED) == self.count)


def failing(exporter: Exporter) -> bool:
    return exporter.value(FAILING) == 1


def test_new_moved_and_nested_folders(exporter: Exporter, tmp_path: Path) -> None:
    drops, results = Drops(exporter), exporter.results
    drops.found(results)
    (results / "a/b/c").mkdir(parents=True)
    drops.found(results / "a/b/c")
    (results / "a").rename(results / "z")
    drops.found(results / "z/b/c")
    # Another folder in its place, and the first one moved below it.
    (results / "a").mkdir()
    drops.found(results / "a")
    (results / "z").rename(results / "a/z")
    drops.found(results / "a/z/b/c")
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep/run-6.json").write_text(json.dumps(numbered_run(6)))
    outside.rename(results / "inside")
    exporter.until(lambda: exporter.value(INGESTED) == 6)
    drops.count = 6
    drops.found(results / "inside/deep")
    shutil.rmtree(results / "inside")
    (results / "inside/deep").mkdir(parents=True)
    drops.found(results / "inside/deep")
    closed = results / "closed"
    closed.mkdir(mode=0)
    closed.chmod(0o755)
    drops.found(closed)


@pytest.mark.parametrize(("which", "times"), [("folder", 2), ("parent", 1)])
def test_a_folder_that_was_moved_away_is_noticed_and_taken_up_again(
    exporter: Exporter, tmp_path: Path, which: str, times: int
) -> None:
    if which == "parent":
        assert exporter.stop() == 0
        exporter.results = tmp_path / "parent/results"
        exporter.results.mkdir(parents=True)
        exporter.start()
    moved = exporter.results if which == "folder" else exporter.results.parent
    drops = Drops(exporter)
    (exporter.results / "sub").mkdir()
    drops.found(exporter.results / "sub")
    (exporter.results / "bad.json").write_text('{"unknown": 1}')
    rejected = 'benchmark_exporter_rejected_files{reason="unknown_format"}'
    exporter.until(lambda: exporter.value(rejected) == 1)
    for _ in range(times):
        away = moved.rename(tmp_path / "away")
        exporter.until(lambda: failing(exporter))
        assert exporter.status_of("/-/ready")[0] == 200
        assert exporter.value(rejected) == 1
        away.rename(moved)
        exporter.until(lambda: not failing(exporter))
        drops.found(exporter.results / "sub")
        drops.found(exporter.results)
    assert exporter.log.read_text().count(WARNING) == 0
    assert exporter.log.read_text().count("ingest failed") == times
    assert exporter.value('benchmark_exporter_files_rejected_total{reason="unknown_format"}') == 1
    assert exporter.value("benchmark_exporter_files_duplicate_total") in (None, 0.0)


def test_a_folder_that_another_one_replaces_for_a_while(exporter: Exporter, tmp_path: Path) -> None:
    drops = Drops(exporter)
    drops.found(exporter.results)
    bad = exporter.results / "bad.json"
    bad.write_text('{"unknown": 1}')
    counted = 'benchmark_exporter_files_rejected_total{reason="unknown_format"}'
    exporter.until(lambda: exporter.value(counted) == 1)
    away = exporter.results.rename(tmp_path / "away")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    exporter.results.symlink_to(elsewhere)
    drops.found(elsewhere)
    exporter.results.unlink()
    second = tmp_path / "second"
    second.mkdir()
    exporter.results.symlink_to(second)
    drops.found(second)
    exporter.results.unlink()
    away.rename(exporter.results)
    drops.found(exporter.results)
    # What was rejected before is known still: it is not counted again.
    assert exporter.value(counted) == 1
    assert exporter.log.read_text().count("bad.json") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_a_folder_that_is_unmounted(tmp_path: Path, free_port: Callable[[], int]) -> None:
    results = tmp_path / "results"
    results.mkdir()
    config = tmp_path / "config.yaml"
    config.write_text("rescan_interval_seconds: 3600\ncounter_hold_seconds: 0\n")
    for options in (["-t", "tmpfs", "tmpfs"], ["--bind", str(tmp_path / "bound")]):
        (tmp_path / "bound").mkdir(exist_ok=True)
        mount = ["mount", *options, str(results)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("this machine does not let root mount")
        exporter = None
        try:
            exporter = Exporter(tmp_path, free_port(), f"--config={config}")
            before = exporter.value(INGESTED) or 0
            (results / "a.json").write_text(json.dumps(numbered_run(int(before) + 1)))
            exporter.until(lambda: exporter.value(INGESTED) == before + 1)  # noqa: B023
            subprocess.run(["umount", "--lazy", str(results)], check=True)
            exporter.until(lambda: failing(exporter))  # noqa: B023
            assert "is empty and on another file system" in exporter.log.read_text()
            subprocess.run(mount, check=True)
            (results / "b.json").write_text(json.dumps(numbered_run(int(before) + 2)))
            exporter.until(lambda: exporter.value(INGESTED) == before + 2)  # noqa: B023
            exporter.until(lambda: not failing(exporter))  # noqa: B023
        finally:
            subprocess.run(["umount", "--lazy", str(results)], check=False)
            if exporter is not None:
                assert exporter.stop() == 0


def test_without_watches_scans_find_files_after_one_warning(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a user namespace of its own, which is given few watches and later more."""
    limit = "/proc/sys/user/max_inotify_watches"
    limited = [
        *("unshare", "--user", "--map-root-user"),
        *("sh", "-c", f'echo 2 >{limit} && exec "$@"', "sh"),
    ]
    if subprocess.run([*limited, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow user namespaces")
    monkeypatch.setattr("tests.support.process.COMMAND", [*limited, *COMMAND])
    (tmp_path / "results/a").mkdir(parents=True)
    config = tmp_path / "config.yaml"
    config.write_text("rescan_interval_seconds: 0.2\ncounter_hold_seconds: 0\n")
    exporter = Exporter(tmp_path, free_port(), f"--config={config}")
    drops = Drops(exporter)
    try:
        drops.found(exporter.results / "a")
        assert WARNING not in exporter.log.read_text()
        (exporter.results / "b").mkdir()  # one folder too many
        drops.found(exporter.results / "b")
        exporter.until(lambda: WARNING in exporter.log.read_text())
        drops.found(exporter.results)
        within = ["nsenter", f"--target={exporter.process.pid}", "--user", "--preserve-credentials"]
        subprocess.run([*within, "sh", "-c", f"echo 100 >{limit}"], check=True)
        exporter.until(lambda: "is watched again" in exporter.log.read_text())
        drops.found(exporter.results / "b")
        assert exporter.log.read_text().count(WARNING) == 1
    finally:
        assert exporter.stop() == 0
