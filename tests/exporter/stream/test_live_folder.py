"""Following real files, by a clock that the test moves."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from benchmark_exporter.stream.live_file import (
    CHUNK_BYTES,
    GONE_SECONDS,
    MAX_PROGRESS_PER_CHECK,
    SILENT_SECONDS,
)
from tests.support.followed import Followed
from tests.support.live_files import RUN_ID, LiveFile


def test_a_missing_folder_has_no_news(followed: Followed) -> None:
    assert followed.check() == []
    assert followed.news.pause_seconds == 1.0


def test_each_line_is_reported_once(followed: Followed) -> None:
    file = LiveFile(followed.results)
    (start,) = followed.check()
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
    (progress,) = followed.check()
    assert (progress.iteration, progress.execution_time_ms, progress.skipped) == (17, 0.5, 3)
    assert (progress.memory_mb, progress.peak_memory_mb, progress.cpu_percent) == (51.2, 53.0, 97.5)
    assert followed.check() == []
    file.end()
    assert [each.status for each in followed.check()] == ["completed"]


def test_a_run_is_checked_often_while_it_writes(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.check()
    assert followed.news.pause_seconds == 0.01
    followed.now += 0.5
    followed.check()
    assert followed.news.pause_seconds == 0.04
    file.end()
    followed.check()
    assert followed.news.pause_seconds > 0.5


def test_an_event_of_a_running_file_is_ignored(followed: Followed) -> None:
    file = LiveFile(followed.results)
    assert not followed.folder.is_polled(str(file.path))
    followed.check()
    assert followed.folder.is_polled(str(file.path))
    followed.now += SILENT_SECONDS + 1
    followed.check()
    assert not followed.folder.is_polled(str(file.path))


def test_of_a_burst_the_last_are_reported_and_the_others_counted(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.check()
    for number in range(200):
        file.iteration(number)
    reported = followed.check()
    assert [progress.iteration for progress in reported] == list(
        range(200 - MAX_PROGRESS_PER_CHECK, 200)
    )
    assert len(reported) + sum(progress.skipped for progress in reported) == 200


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
    reported = followed.check()
    assert (reported[-1].iteration, reported[-1].benchmark, reported[-1].project) == (
        8999,
        "router",
        "orbit",
    )
    assert followed.news.rejected_lines == {}
    assert not any(event.is_fresh for event in followed.news.events)
    file.iteration(9000)
    followed.check()
    file.iteration(9001)
    followed.check()
    assert [event.is_fresh for event in followed.news.events] == [True]


def test_a_file_that_grew_while_it_was_followed_is_read_whole(followed: Followed) -> None:
    followed.check()
    file = LiveFile(followed.results)
    for number in range(3000):
        file.iteration(number)
    reported = list(followed.check())
    while followed.news.pause_seconds == 0:
        reported += followed.check()
    assert (
        sum(1 + progress.skipped for progress in reported if progress.iteration is not None) == 3000
    )


def test_a_truncated_file_is_another_run(followed: Followed) -> None:
    file = LiveFile(followed.results)
    file.iteration(5)
    followed.check()
    file.path.write_bytes(b"")
    file.line("start", run_id="second", benchmark="router")
    assert [(progress.run_id, progress.status) for progress in followed.check()] == [
        (RUN_ID, "gone"),
        ("second", "running"),
    ]


def test_a_replaced_file_is_another_run(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.check()
    aside = LiveFile(followed.results, "second")
    for number in range(9):
        aside.iteration(number)
    aside.path.replace(file.path)
    assert {(progress.run_id, progress.status) for progress in followed.check()} == {
        (RUN_ID, "gone"),
        ("second", "running"),
    }


def test_a_removed_file_is_gone(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.check()
    file.path.unlink()
    assert [progress.status for progress in followed.check()] == ["gone"]
    assert followed.check() == []


def test_a_run_falls_silent_resumes_and_goes(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.check()
    followed.now += SILENT_SECONDS + 1
    assert [progress.status for progress in followed.check()] == ["silent"]
    assert followed.check() == []
    file.iteration(1)
    assert [progress.status for progress in followed.check()] == ["running"]
    followed.now += GONE_SECONDS + 1
    assert [progress.status for progress in followed.check()] == ["gone"]
    assert followed.check() == []


def test_old_files_are_left_alone(followed: Followed) -> None:
    old = LiveFile(followed.results, "old")
    os.utime(old.path, (1, 1))
    LiveFile(followed.results, "new")
    assert [progress.run_id for progress in followed.check()] == ["new"]


def test_a_finished_file_is_read_once(followed: Followed) -> None:
    file = LiveFile(followed.results)
    file.end()
    assert [progress.status for progress in followed.check()] == ["running", "completed"]
    assert followed.check() == []


@pytest.mark.parametrize(
    "name", [".hidden.jsonl", "notes.txt", "folder.jsonl", "pipe.jsonl", "link.jsonl"]
)
def test_other_files_are_ignored(followed: Followed, tmp_path: Path, name: str) -> None:
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
    assert followed.check() == []


def test_a_run_without_a_start_is_named_after_its_file(followed: Followed) -> None:
    live = followed.results / "live"
    live.mkdir()
    (live / "odd.jsonl").write_text(
        '{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iteration":1}\n'
    )
    (progress,) = followed.check()
    assert (progress.run_id, progress.benchmark, progress.project) == ("odd", "odd", "strataregula")


def test_a_file_that_cannot_be_read_is_reported_once_until_it_can(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with tempfile.TemporaryDirectory() as folder:  # which other users can reach, unlike pytest's
        Path(folder).chmod(0o755)
        followed = Followed(Path(folder))
        file = LiveFile(followed.results)
        file.path.chmod(0)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)  # to whom permissions apply
        try:
            for _ in range(3):
                assert followed.check() == []
        finally:
            os.seteuid(before)
        assert caplog.text.count("a live file cannot be read") == 1
        file.path.chmod(0o644)
        assert [each.benchmark for each in followed.check()] == ["router"]
        followed.folder.close()
