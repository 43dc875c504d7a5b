"""What the tests of commands share."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import main
from benchmark_exporter.review import publish
from benchmark_exporter.review.report import to_json
from tests.exporter.commands.commenting import REPORT, Comment, Ended
from tests.exporter.review import forge_server
from tests.exporter.review.forge_server import Forge


@pytest.fixture
def forge() -> Iterator[Forge]:
    with forge_server.forge() as server:
        yield server


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(REPORT))
    return path


@pytest.fixture
def comment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Comment:
    """Runs the command in this process, with the variables of a job."""
    # How long other jobs get to write is of tests/exporter/review/test_interleaved.py.
    monkeypatch.setattr(publish, "SETTLE_SECONDS", 0.01)

    def run_command(report: Path, environment: Mapping[str, str], *words: str) -> Ended:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = main(["comment", f"--from={report}", "--timeout=60", *words])
        return Ended(status, *capsys.readouterr())

    return run_command
