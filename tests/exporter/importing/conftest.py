"""What the tests of imports share."""

from pathlib import Path

import pytest

from benchmark_exporter.importing import recording
from tests.support.wired import START_SECONDS


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without pauses, the clock of the tests, and no stack of a folder above."""
    monkeypatch.setattr(recording, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("time.time", lambda: START_SECONDS)
    monkeypatch.chdir(tmp_path)
