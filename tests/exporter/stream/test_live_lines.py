"""Lines of live files: which are used, skipped or ignored."""

import pytest

from benchmark_exporter.stream.live_file import CHUNK_BYTES
from benchmark_exporter.stream.live_lines import MAX_LINE_BYTES
from tests.support.followed import Followed
from tests.support.live_files import LiveFile


def test_a_partial_line_waits_for_its_end(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.check()
    file.raw(b'{"type":"iteration","timestamp":"2026-03-01T12:00:00Z","iter')
    assert followed.check() == []
    file.raw(b'ation":4}\n')
    assert [progress.iteration for progress in followed.check()] == [4]
    assert followed.news.rejected_lines == {}


def test_unknown_types_and_fields_are_ignored(followed: Followed) -> None:
    file = LiveFile(followed.results, weather="fair")
    file.line("poem", text="of a later version")
    file.iteration(1, mood="good")
    assert [progress.iteration for progress in followed.check()] == [None, 1]
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
            "invalid",  # it has no time zone
        ),
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
def test_an_unusable_line_is_counted_and_skipped(
    followed: Followed, line: bytes, reason: str
) -> None:
    file = LiveFile(followed.results)
    followed.check()
    file.raw(line + b"\n")
    file.iteration(2)
    assert [progress.iteration for progress in followed.check()] == [2]
    assert followed.news.rejected_lines == {reason: 1}


def test_an_endless_line_takes_no_memory(followed: Followed) -> None:
    file = LiveFile(followed.results)
    followed.check()
    for _ in range(5):
        file.raw(b"x" * CHUNK_BYTES)
        assert followed.check() == []
    file.raw(b"\n")
    file.iteration(3)
    assert [progress.iteration for progress in followed.check()] == [3]
    assert followed.news.rejected_lines == {"too_long": 1}
    assert len(followed.folder._files[file.path.name]._partial) == 0
