"""Progress of long work, on a terminal and in a log."""

import io

import pytest

from benchmark_exporter.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "written"),
    [
        (io.StringIO(), "100 of 1,000 runs, 0:01:30 left\n200 of 1,000 runs, 0:01:20 left\n"),
        (
            Terminal(),
            (
                "\r\x1b[K50 of 1,000 runs, 0:01:35 left\r\x1b[K100 of 1,000 runs, 0:01:30 left"
                "\r\x1b[K150 of 1,000 runs, 0:01:25 left\r\x1b[K200 of 1,000 runs, 0:01:20 left"
                "\r\x1b[K"
            ),
        ),
    ],
    ids=["log", "terminal"],
)
def test_lines_come_at_their_intervals(stream: io.StringIO, written: str) -> None:
    now = 0.0
    with Progress(1000, "runs", stream, monotonic=lambda: now) as progress:
        for done in range(0, 201, 50):
            now = done / 10
            progress.report(done)
            progress.report(done)
    assert stream.getvalue() == written


def test_short_work_has_no_line() -> None:
    stream = Terminal()
    with Progress(1, "runs", stream, monotonic=lambda: 0.0) as progress:
        progress.report(1)
    assert stream.getvalue() == ""


def test_what_was_done_before_took_no_time_of_this() -> None:
    now, stream = 0.0, io.StringIO()
    with Progress(40, "rounds", stream, begun=20, monotonic=lambda: now) as progress:
        progress.report(20)
        now = 10.0
        progress.report(25)
    assert stream.getvalue() == "25 of 40 rounds, 0:00:30 left\n"


def test_no_more_time_is_left_than_there_is_at_the_most() -> None:
    now, stream = 0.0, io.StringIO()
    with Progress(9, "rounds", stream, ends=100.0, monotonic=lambda: now) as progress:
        now = 60.0
        progress.report(1)
        now = 110.0
        progress.report(2)
    assert stream.getvalue() == "1 of 9 rounds, 0:00:40 left\n2 of 9 rounds, 0:00:00 left\n"
