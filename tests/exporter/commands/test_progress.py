"""How long work tells of itself, on a terminal and in a log."""

import io

import pytest

from benchmark_exporter.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (io.StringIO(), "100 of 1,000 runs, 0:01:30 left\n200 of 1,000 runs, 0:01:20 left\n"),
        (
            Terminal(),
            (
                "\r\x1b[K50 of 1,000 runs, 0:01:35 left\r\x1b[K100 of 1,000 runs, 0:01:30 left"
                "\r\x1b[K150 of 1,000 runs, 0:01:25 left\r\x1b[K200 of 1,000 runs, 0:01:20 left\r\x1b[K"
            ),
        ),
    ],
    ids=["log", "terminal"],
)
def test_lines_come_at_their_intervals(stream: io.StringIO, told: str) -> None:
    now = 0.0
    with Progress(1000, "runs", stream, monotonic=lambda: now) as progress:
        for done in range(0, 201, 50):
            now = done / 10
            progress.tell(done)
            progress.tell(done)
    assert stream.getvalue() == told


def test_short_work_says_nothing() -> None:
    stream = Terminal()
    with Progress(1, "runs", stream, monotonic=lambda: 0.0) as progress:
        progress.tell(1)
    assert stream.getvalue() == ""
