"""Log lines that strangers can repeat."""

import logging
from collections.abc import Iterator

import pytest

from benchmark_exporter.log import MAX_REPEATED_KINDS, REPEAT_SECONDS, Repeats


class Lines(logging.Handler):
    """The lines that pass, with how many were left out before each."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.passed: list[tuple[str, int]] = []
        self.addFilter(Repeats(lambda: self.now))

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        self.passed.append((record.getMessage(), fields.get("left_out", 0)))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    loggers = [logging.getLogger(name) for name in ("some.module", "aiohttp.server", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


def repeat(kind: object, text: str = "refused") -> None:
    logging.getLogger("some.module").warning(text, extra={"repeats": kind})


def test_a_kind_of_line_passes_once_a_minute_with_the_number_left_out(lines: Lines) -> None:
    for _ in range(3):
        repeat("refused")
    repeat("another", "also")
    lines.now = REPEAT_SECONDS
    repeat("refused")
    repeat("refused")
    assert lines.passed == [("refused", 0), ("also", 0), ("refused", 2)]


def test_what_nobody_can_repeat_always_passes(lines: Lines) -> None:
    for _ in range(3):
        logging.getLogger("some.module").warning("rejected")
    assert len(lines.passed) == 3


@pytest.mark.parametrize("name", ["aiohttp.server", "asyncio"])
def test_what_servers_log_of_clients_is_limited(lines: Lines, name: str) -> None:
    for number in range(3):
        logging.getLogger(name).error("Error handling request from %s", number)
    assert lines.passed == [("Error handling request from 0", 0)]


def test_many_kinds_are_limited_together(lines: Lines) -> None:
    for number in range(3 * MAX_REPEATED_KINDS):
        repeat(number)
    assert len(lines.passed) == MAX_REPEATED_KINDS + 1
    lines.now = REPEAT_SECONDS
    repeat("new")
    assert len(lines.passed) == MAX_REPEATED_KINDS + 2
