"""A results folder and a suite for the client's tests, without variables of the machine's own."""

import os
from pathlib import Path

import pytest

from benchmark_exporter.client import MonitoredPerfSuite


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("BENCHMARK_", "GITHUB_", "CI_", "GIT_")):
            monkeypatch.delenv(name)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


@pytest.fixture
def suite(results: Path) -> MonitoredPerfSuite:
    return MonitoredPerfSuite(
        results, project="router", environment="bare-metal", commit="a1b2c3d", branch="main"
    )
