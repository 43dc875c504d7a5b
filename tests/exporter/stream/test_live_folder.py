"""Following real files, by a clock that the test moves."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark_exporter.stream.live_folder import (
    CHUNK_BYTES,
    GONE_SECONDS,
    MAX_LINE_BYTES,
    MAX_PROCESSES,
    MAX_PROGRESS_A_LOOK,
    SHOWN_SECONDS,
    SILENT_SECONDS,
    LiveFolder,
)
from benchmark_exporter.stream.messages import Progress
from tests.support.live_files import RUN_ID, LiveFile


class Followed:
    """A results folder whose live files are followed."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.now = 0.0
        self.start()

    def start(self) -> None:
        self.folder = LiveFolder(
            self.results / "live",
            "strataregula",
            "local",
            monotonic=lambda: self.now,
            clock=lambda: self.written_seconds + self.now,
        )

    @property
    def written_seconds(self) -> float:
        return max((path.stat().st_mtime for path in self.results.glob("live/*")), default=0.0)

    def look(self) -> Sequence[Progress]:
        self.news = self.folder.look(scan=True)
        return [event.progress for event in self.news.events]


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_a_folder_that_is_not_there_has_nothing_new(followed: Followed) -> None:
    assert followed.look() == []
    assert followed.news.pause_seconds == 1.0


def test_each_line_is_told_once(followed: Followed) -> None:
    file = LiveFile(followed.results)
    (start,) = followed.look()
    assert (start.run_id, start.benchmark, start.project, start.environment) == (
        RUN_ID,
        "router",
        "orbit",
        "ci",
    )
    assert (start.iterations, start.iteration, start.process, start.status) == (
        100,
        None,
        "pytest",
        "running",
    )
    file.iteration(17, skipped=3)
    (progress,) = followed.look()
    assert (progress.iteration, progress.execution_time_ms, progress.skipped) == (17, 0.5, 3)
    assert (progress.memory_mb, progress.peak_memory_mb, progress.cpu_percent) == (51.2, 53.0, 97.5)
    assert followed.look() == []
    file.end()
    assert [each.status for each in followed.look()] == ["completed"]


def test_while_a_run_writes_it_is_looked_at_often(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.look()
    assert followed.news.pause_seconds == 0.01
    followed.now += 0.5
    followed.look()
    assert followed.news.pause_seconds == 0.04
    file.end()
    followed.look()
    assert followed.news.pause_seconds > 0.5


def test_an_event_of_a_running_file_is_no_news(followed: Followed) -> None:
    file = LiveFile(followed.results)
    assert not followed.folder.is_looked_at(str(file.path))
    followed.look()
    assert followed.folder.is_looked_at(str(file.path))
    followed.now += SILENT_SECONDS + 1
    followed.look()
    assert not followed.folder.is_looked_at(str(file.path))


def test_a_partial_line_is_waited_for(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.look()
    file.raw(b'{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iter')
    assert followed.look() == []
    file.raw(b'ation":4}\n')
    assert [progress.iteration for progress in followed.look()] == [4]
    assert followed.news.rejected_lines == {}


def test_what_is_unknown_is_ignored(followed: Followed) -> None:
    file = LiveFile(followed.results, weather="fair")
    file.line("poem", text="of a later version")
    file.iteration(1, mood="good")
    assert [progress.iteration for progress in followed.look()] == [None, 1]
    assert followed.news.rejected_lines == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"type":"poem","verses":' + b"[" * 4000, "not_json"),
        (b"[" * 4000, "invalid"),
        (
            b'{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iteration":1,"memory_mb":NaN}',
            "not_json",
        ),
        (
            b'{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iteration":1,"memory_mb":1e999}',
            "invalid",
        ),
        (b"{}", "invalid"),
        (b"7", "invalid"),
        (
            b'{"type":"iteration","timestamp":"2026-03-01T12:00:00","iteration":1}',
            "invalid",
        ),  # of no time zone
        (b'{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iteration":-1}', "invalid"),
        (b'{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iteration":"1"}', "invalid"),
        (
            b'{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iteration":1,"cpu_percent":-5}',
            "invalid",
        ),
        (b'{"type":"end","timestamp":"2026-03-01T12:00:00Z","status":"tired"}', "invalid"),
        (
            b'{"type":"start","timestamp":"2026-03-01T12:00:00Z","benchmark":"b","run_id":"'
            + b"x" * 1100
            + b'"}',
            "invalid",
        ),
        (b'{"type":"poem","text":"' + b"x" * MAX_LINE_BYTES + b'"}', "too_long"),
    ],
    ids=lambda value: value[-40:].decode(errors="replace") if isinstance(value, bytes) else value,
)
def test_a_line_that_is_none_is_counted_and_passed_over(
    followed: Followed, line: bytes, reason: str
) -> None:
    file = LiveFile(followed.results)
    followed.look()
    file.raw(line + b"\n")
    file.iteration(2)
    assert [progress.iteration for progress in followed.look()] == [2]
    assert followed.news.rejected_lines == {reason: 1}


def test_a_line_without_end_takes_no_memory(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.look()
    for _ in range(5):
        file.raw(b"x" * CHUNK_BYTES)
        assert followed.look() == []
    file.raw(b"\n")
    file.iteration(3)
    assert [progress.iteration for progress in followed.look()] == [3]
    assert followed.news.rejected_lines == {"too_long": 1}
    assert len(followed.folder._files[file.path.name].partial) == 0


def test_of_a_burst_the_last_are_told_and_the_others_counted(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.look()
    for number in range(200):
        file.iteration(number)
    told = followed.look()
    assert [progress.iteration for progress in told] == list(range(200 - MAX_PROGRESS_A_LOOK, 200))
    assert len(told) + sum(progress.skipped for progress in told) == 200


def test_a_long_file_is_read_from_its_end_after_a_start(followed: Followed) -> None:
    file = LiveFile(followed.results)
    file.raw(
        b"".join(
            json.dumps(
                {"type": "iteration", "timestamp": "2026-03-01T12:00:00Z", "iteration": n}
            ).encode()
            + b"\n"
            for n in range(9000)
        )
    )
    assert file.path.stat().st_size > CHUNK_BYTES
    told = followed.look()
    assert (told[-1].iteration, told[-1].benchmark, told[-1].project) == (8999, "router", "orbit")
    assert followed.news.rejected_lines == {}
    assert not any(event.is_fresh for event in followed.news.events)
    file.iteration(9000)
    followed.look()
    file.iteration(9001)
    followed.look()
    assert [event.is_fresh for event in followed.news.events] == [True]


def test_a_file_that_grew_while_it_was_followed_is_read_whole(followed: Followed) -> None:
    followed.look()
    file = LiveFile(followed.results)
    for number in range(3000):
        file.iteration(number)
    told = list(followed.look())
    while followed.news.pause_seconds == 0:
        told += followed.look()
    assert sum(1 + progress.skipped for progress in told if progress.iteration is not None) == 3000


def test_a_file_begun_anew_is_another_run(followed: Followed) -> None:
    file = LiveFile(followed.results)
    file.iteration(5)
    followed.look()
    file.path.write_bytes(b"")
    file.line("start", run_id="second", benchmark="router")
    assert [(progress.run_id, progress.status) for progress in followed.look()] == [
        (RUN_ID, "gone"),
        ("second", "running"),
    ]


def test_a_file_in_anothers_place_is_another_run(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.look()
    aside = LiveFile(followed.results, "second")
    for number in range(9):
        aside.iteration(number)
    aside.path.replace(file.path)
    assert {(progress.run_id, progress.status) for progress in followed.look()} == {
        (RUN_ID, "gone"),
        ("second", "running"),
    }


def test_a_removed_file_is_gone(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.look()
    file.path.unlink()
    assert [progress.status for progress in followed.look()] == ["gone"]
    assert followed.look() == []


def test_a_run_falls_silent_speaks_again_and_goes(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.look()
    followed.now += SILENT_SECONDS + 1
    assert [progress.status for progress in followed.look()] == ["silent"]
    assert followed.look() == []
    file.iteration(1)
    assert [progress.status for progress in followed.look()] == ["running"]
    followed.now += GONE_SECONDS + 1
    assert [progress.status for progress in followed.look()] == ["gone"]
    assert followed.look() == []


def test_old_files_are_left_alone(followed: Followed) -> None:
    old = LiveFile(followed.results, "old")
    os.utime(old.path, (1, 1))
    LiveFile(followed.results, "new")
    assert [progress.run_id for progress in followed.look()] == ["new"]


def test_a_finished_file_is_read_once(followed: Followed) -> None:
    file = LiveFile(followed.results)
    file.end()
    assert [progress.status for progress in followed.look()] == ["running", "completed"]
    assert followed.look() == []


@pytest.mark.parametrize(
    "name", [".hidden.jsonl", "notes.txt", "folder.jsonl", "pipe.jsonl", "link.jsonl"]
)
def test_what_is_no_live_file_is_passed_over(followed: Followed, tmp_path: Path, name: str) -> None:
    live = tmp_path / "live"
    live.mkdir()
    if name.startswith("folder"):
        (live / name).mkdir()
    elif name.startswith("pipe"):
        os.mkfifo(live / name)
    elif name.startswith("link"):
        secret = tmp_path / "elsewhere.jsonl"
        secret.write_text(
            '{"type":"start","timestamp":"2026-03-01T12:00:00Z","run_id":"r","benchmark":"b"}\n'
        )
        (live / name).symlink_to(secret)
    else:
        (live / name).write_text(
            '{"type":"start","timestamp":"2026-03-01T12:00:00Z","run_id":"r","benchmark":"b"}\n'
        )
    assert followed.look() == []


def test_a_file_without_a_start_is_called_by_its_name(followed: Followed) -> None:
    live = followed.results / "live"
    live.mkdir()
    (live / "odd.jsonl").write_text(
        '{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iteration":1}\n'
    )
    (progress,) = followed.look()
    assert (progress.run_id, progress.benchmark, progress.project) == ("odd", "odd", "strataregula")


# What processes use


def test_memory_has_a_peak_for_each_phase(followed: Followed) -> None:
    file = LiveFile(followed.results)
    file.line(
        "sample",
        process="bench",
        phase="warmup",
        memory_mb=64.0,
        cpu_percent=150.0,
        cores={"0": 100.0, "3": 50.0},
    )
    file.line("sample", process="bench", phase="measure", memory_mb=80.0)
    file.line(
        "sample",
        process="bench",
        phase="measure",
        memory_mb=40.5,
        cpu_percent=97.5,
        cores={"3": 97.5},
    )
    followed.look()
    (usage,) = followed.news.usages
    assert usage.process == "bench"
    assert usage.memory_mb == {"current": 40.5, "warmup": 64.0, "measure": 80.0}
    assert usage.cpu_percent == {"all": 97.5, "3": 97.5}


def test_iterations_are_a_process_too(followed: Followed) -> None:
    LiveFile(followed.results).iteration(1)
    followed.look()
    (usage,) = followed.news.usages
    assert (usage.process, usage.memory_mb, usage.cpu_percent) == (
        "pytest",
        {"current": 51.2, "measure": 51.2},
        {"all": 97.5},
    )


def test_processes_and_phases_are_bounded_and_go(followed: Followed) -> None:
    file = LiveFile(followed.results)
    for number in range(50):
        file.line("sample", process=f"p{number}", memory_mb=1.0)
        file.line(
            "sample",
            process="last",
            phase=f"phase {number}",
            memory_mb=1.0,
            cores={"0": 1.0, "one": 2.0},
        )
    followed.look()
    assert len(followed.news.usages) == MAX_PROCESSES
    last = followed.news.usages[-1]
    assert (last.process, len(last.memory_mb), set(last.cpu_percent)) == ("last", 9, {"all", "0"})
    followed.now += SHOWN_SECONDS + 1
    followed.look()
    assert followed.news.usages == []
