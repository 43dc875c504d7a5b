"""Copies of the data of a real Prometheus, made while it writes, compacts and truncates."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from benchmark_exporter.commands.remote_write import Point, RemoteWriter
from stack.backup import tsdb
from tests.rules.prometheus_server import Server, prometheus, wait_until

Programs = Mapping[str, list[str]]
# Small blocks, so that seconds have what otherwise takes days: new blocks, larger ones made of
# them, checkpoints, logs that are cut.
FLAGS = (
    "--storage.tsdb.min-block-duration=2m",
    "--storage.tsdb.max-block-duration=18m",
    "--web.enable-remote-write-receiver",
)
STEP_MS, STEPS_A_WRITE, LATE_MS = 5_000, 10, 3_600_000
PAUSE_SECONDS = 0.05
COPIES, BETWEEN_SECONDS = 3, 1.2
UNDAMAGED = "prometheus_tsdb_wal_corruptions_total 0"


class Load:
    """Writes series in order and out of order, each value one more than the one before."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._first_ms = int(time.time() * 1000) - 12 * 3_600_000
        self.written = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        names = [(("__name__", "in_order"), ("series", str(number))) for number in range(20)]
        with RemoteWriter(self._url) as writer:
            # Prometheus truncates its log when it has caught up with compacting.
            while not self._stop.wait(PAUSE_SECONDS):
                steps = range(self.written, self.written + STEPS_A_WRITE)
                at = {step: self._first_ms + step * STEP_MS for step in steps}
                points = [Point(name, at[step], step) for step in steps for name in names]
                late = (("__name__", "out_of_order"),)
                points += [Point(late, at[step] - LATE_MS, step) for step in steps]
                writer.write(points)
                self.written = steps.stop


def copy(root: Path, target: Path) -> None:
    """What `collect` and `place` do with Prometheus' files."""
    for held in tsdb.hold_all(root, runs=True):
        path = target / held.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.pread(held.descriptor, held.size_bytes, 0))
        os.close(held.descriptor)


def has_all(server: Server, steps: int) -> None:
    """Check that each series has every value up to at least a number of steps, without a gap."""
    for series in ("in_order", "out_of_order"):
        end = time.time()
        counts = server.at(end, f"count_over_time({series}[20h])")
        last = server.at(end, f"max_over_time({series}[20h])")
        assert len(counts) == len(last) == (20 if series == "in_order" else 1)
        for labels, count in counts.items():
            assert count >= steps
            assert last[labels] == count - 1


def test_no_sample_is_missing_from_a_copy(
    tmp_path: Path, programs: Programs, free_port: Callable[[], int]
) -> None:
    argv, port = programs["prometheus"], free_port()
    copies: list[tuple[Path, int]] = []
    (tmp_path / "live").mkdir()
    with (
        prometheus(argv, tmp_path / "live", port, *FLAGS) as server,
        Load(server.url) as load,
    ):
        for number in range(COPIES):
            time.sleep(BETWEEN_SECONDS)
            steps = load.written
            assert steps > number
            copies.append((tmp_path / f"copy-{number}", steps))
            copy(tmp_path / "live/data", copies[-1][0] / "data")
        wait_until(
            lambda: any((tmp_path / "live/data/wal").glob("checkpoint.*")), "a checkpoint", 240
        )
    # Something has moved while it was copied, or this shows little.
    assert len(list((tmp_path / "live/data").glob("01*"))) > 3
    for folder, steps in copies:
        with prometheus(argv, folder, port, *FLAGS) as server:
            has_all(server, steps)
            assert UNDAMAGED in server.metrics()


def test_a_log_that_was_cut_is_no_damage(
    tmp_path: Path, programs: Programs, free_port: Callable[[], int]
) -> None:
    argv, port = programs["prometheus"], free_port()
    (tmp_path / "live").mkdir()
    with prometheus(argv, tmp_path / "live", port, FLAGS[-1]) as server, Load(server.url) as load:
        wait_until(lambda: load.written > 100, "samples")
    segment = max((tmp_path / "live/data/wal").glob("0*"))
    torn = segment.read_bytes().rstrip(b"\0")[:-5]
    for name in ("cut", "torn"):
        path = tmp_path / name / "data/wal" / segment.name
        path.parent.mkdir(parents=True)
        path.write_bytes(torn)
    (held,) = tsdb.hold_all(tmp_path / "cut/data", runs=False)
    assert 0 < held.size_bytes < len(torn)
    os.truncate(tmp_path / "cut/data" / held.path, held.size_bytes)
    for name, is_undamaged in (("cut", True), ("torn", False)):
        with prometheus(argv, tmp_path / name, port) as server:
            assert (UNDAMAGED in server.metrics()) is is_undamaged
