"""After an upgrade `make up` restarts the exporter, and only then."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stack import settings
from stack.exporter_code import environment
from stack.local import LocalStack
from stack.settings import EXPORTER


@pytest.fixture
def root(tmp_path: Path) -> Path:
    package = tmp_path / "exporter/benchmark_exporter"
    for folder in ("stream/page", "__pycache__"):
        (package / folder).mkdir(parents=True)
    for name in ("model.py", "stream/page/live.js", "config.yaml", "__pycache__/model.pyc"):
        (package / name).write_text("1")
    (tmp_path / "exporter/requirements.txt").write_text("click==8.5\n")
    return tmp_path


def changed(root: Path, change: Callable[[Path], object]) -> bool:
    before = environment(root)
    change(root / "exporter/benchmark_exporter")
    return environment(root) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda package: (package / "model.py").write_text("2"),
        lambda package: (package / "stream/page/live.js").write_text("2"),
        lambda package: (package / "new.py").write_text(""),
        lambda package: (package / "model.py").rename(package / "models.py"),
        lambda package: (package / "../requirements.txt").write_text("click==8.6\n"),
    ],
)
def test_a_change_of_what_it_runs_restarts_it(root: Path, change: Callable[[Path], object]) -> None:
    assert changed(root, change)


@pytest.mark.parametrize(
    "change",
    [
        lambda package: (package / "config.yaml").write_text("project: a"),
        lambda package: (package / "__pycache__/model.pyc").write_text("2"),
        lambda package: (package / "model.py").touch(),
    ],
)
def test_what_it_reads_again_or_makes_itself_does_not(
    root: Path, change: Callable[[Path], object]
) -> None:
    assert not changed(root, change)


def test_the_process_that_is_supervised_has_it(equipped: Path) -> None:
    processes = LocalStack(settings.load(equipped, environ={})).processes.all()
    (exporter,) = (process for process in processes if process.part is EXPORTER)
    assert exporter.environment == environment(equipped)
