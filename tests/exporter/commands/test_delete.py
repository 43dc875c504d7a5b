"""`benchmark-exporter delete`, also by its earlier name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from tests.support.documents import perf_suite, pipeline, result
from tests.support.process import Exporter
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
    assert "name what to delete with --run, --benchmark, --branch, " in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--run=run-0", "--benchmark=*"],
        ["--benchmark=*", "--branch=*"],
        ["--run=x", "--pipeline=nightly"],
    ],
)
def test_only_one_kind_is_deleted_at_once(
    ledger: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["delete", *words, f"--ledger={ledger}"]) == EXIT_UNUSABLE
    assert "exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--run=run-1"], "1 run, and 2 results and failures"),
        (["--benchmark=*/fallback"], "0 runs, and 3 results and failures"),
        (["--benchmark=orbit", "--project=router"], "0 runs, and 0 results and failures"),
        (["--branch=main"], "3 runs, and 6 results and failures"),
        (["--project=orbit"], "2 runs of projects and 0 of pipelines"),
    ],
)
def test_a_dry_run_counts_and_deletes_nothing(
    ledger: Path, capsys: pytest.CaptureFixture[str], words: list[str], what: str
) -> None:
    assert main(["delete", *words, "--dry-run", f"--ledger={ledger}"]) == EXIT_OK
    assert capsys.readouterr().out == f"would delete {what}\n"
    assert main(["delete", *words, f"--ledger={ledger}"]) == EXIT_OK
    assert capsys.readouterr().out.startswith(f"deleted {what}; ")
    assert main(["delete", *words, "--dry-run", f"--ledger={ledger}"]) == EXIT_OK
    assert capsys.readouterr().out.startswith("would delete 0 runs")


def test_a_running_exporter_shows_the_run_before_a_deleted_one(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    exporter = Exporter(tmp_path, free_port())
    try:
        for number in (1, 2):
            document = result(number, {"parsing": 1.0}) | {"run_id": f"run-{number}"}
            (exporter.results / f"{number}.json").write_text(json.dumps(document))
        exporter.until(lambda: b'run_id="run-2"' in exporter.get("/metrics"))
        words = ["delete", "--run=run-2", f"--ledger={exporter.folder / 'ledger.sqlite3'}"]
        assert main(words) == EXIT_OK
        exporter.until(lambda: b'run_id="run-1"' in exporter.get("/metrics"))
        assert b'run_id="run-2"' not in exporter.get("/metrics")
    finally:
        assert exporter.stop() == 0, exporter.log.read_text()
    capsys.readouterr()


def test_a_missing_ledger_is_not_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["delete", "--project=x", f"--ledger={tmp_path / 'none'}"]) == EXIT_UNUSABLE
    assert "there is no such ledger" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
