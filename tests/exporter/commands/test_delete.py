"""`benchmark-exporter delete`, also by its earlier name."""

from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from tests.support.documents import perf_suite, pipeline
from tests.support.wired import Wired


@pytest.fixture
def ledger(wired: Wired) -> Path:
    """Two runs of orbit, one of router, one of a pipeline."""
    for number, project in enumerate(("orbit", "orbit", "router")):
        wired.take(f"{number}.json", perf_suite(f"run-{number}", project=project))
    wired.take("3.json", pipeline("101"))
    return wired.folder / "ledger.sqlite3"


@pytest.mark.parametrize("name", ["delete", "forget"])
def test_projects_and_pipelines_are_deleted(
    ledger: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words = ["--project=orbit", "--project=nobody", "--pipeline=nightly"]
    assert main([name, *words, f"--ledger={ledger}"]) == EXIT_OK
    captured = capsys.readouterr()
    assert captured.err == f"benchmark-exporter: deleting from {ledger}\n"
    assert captured.out.startswith("deleted 2 runs of projects and 1 of pipelines; ")
    assert main(["history", f"--ledger={ledger}"]) == EXIT_OK
    rows = capsys.readouterr().out.splitlines()[1:]
    assert {row.split()[3] for row in rows} == {"router"}


def test_the_earlier_name_reads_the_same_variables(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCHMARK_EXPORTER_DELETE_PROJECT", "orbit router")
    assert main(["forget", f"--ledger={ledger}"]) == EXIT_OK
    assert capsys.readouterr().out.startswith("deleted 3 runs of projects")


def test_something_to_delete_must_be_named(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["delete", f"--ledger={ledger}"]) == EXIT_UNUSABLE
    assert "name what to delete with --project or --pipeline" in capsys.readouterr().err


def test_a_missing_ledger_is_not_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["delete", "--project=x", f"--ledger={tmp_path / 'none'}"]) == EXIT_UNUSABLE
    assert "there is no such ledger" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
