"""The exporter that most tests of the server use."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import Exporter
from tests.support.upload_server import accepting_uploads


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """An exporter that accepts uploads."""
    running = accepting_uploads(tmp_path, free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()
