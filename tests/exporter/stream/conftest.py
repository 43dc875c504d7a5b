"""Fixtures of the stream's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.followed import Followed
from tests.support.process import Exporter


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """A running exporter with its stream."""
    running = Exporter(tmp_path, free_port(), stream_port=free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)
