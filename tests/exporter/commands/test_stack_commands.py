"""Commands use the stack of the checkout that they are run in, and ask where there is none."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from tests.exporter.commands.checkouts import write_stack
from tests.exporter.commands.test_remote_write import answering
from tests.support.documents import perf_suite
from tests.support.process import COMMAND, Exporter
from tests.support.uploading import TOKEN
from tests.support.wired import Wired


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a checkout."""
    folder = tmp_path / "checkout" / "docs"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return tmp_path / "checkout"


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    (tmp_path / "upload_tokens").write_text(TOKEN)
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tmp_path / 'upload_tokens'}")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["push", "x.json"], "give --url URL"),
        (["backfill"], "give --url URL"),
        (["backfill", "--ledger=x"], "give --url URL"),
        (["baseline", "set", "run-1", "--version=v1"], "give --ledger FILE"),
        (["baseline", "clear", "v1"], "give --ledger FILE"),
        (["delete", "--project=orbit"], "give --ledger FILE"),
        (["forget", "--project=orbit"], "give --ledger FILE"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_writes_asks_where_there_is_no_stack(
    capsys: pytest.CaptureFixture[str], words: list[str], wanted: str
) -> None:
    # What an earlier version would have taken.
    Path("ledger.sqlite3").touch()
    assert main(words) == EXIT_UNUSABLE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"benchmark-exporter: no running stack is found in {Path.cwd()} or above it; start it with "
        f"`make up`, name it with --stack FOLDER, or {wanted}\n"
    )
    assert Path("ledger.sqlite3").stat().st_size == 0


@pytest.mark.parametrize(
    "words",
    [
        ["history"],
        ["baseline", "list"],
        ["baseline", "show", "v1"],
        ["watch"],
        ["ci-status", "--status=pass", "--pipeline=p", "--branch=b", "--trigger=t", "--run-id=1"],
        ["push", "x.json"],
        ["backfill", "--dry-run"],
    ],
    ids=" ".join,
)
def test_every_command_asks_which_of_two_stacks_is_meant(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    write_stack(checkout)
    write_stack(tmp_path)
    assert main(words) == EXIT_UNUSABLE
    assert "more than one stack is found" in capsys.readouterr().err


def test_push_sends_to_the_exporter_of_the_stack(
    checkout: Path,
    exporter: Exporter,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"http://127.0.0.1:{exporter.port}"
    write_stack(checkout, addresses={"exporter": url})
    monkeypatch.setenv("BENCHMARK_EXPORTER_TOKEN", TOKEN)
    Path("a.json").write_text(json.dumps(perf_suite("run-1")))
    assert main(["push", "a.json"]) == EXIT_OK
    captured = capsys.readouterr()
    assert captured.out.startswith("a.json: uploaded: perf_suite, run run-1")
    assert captured.err == f"benchmark-exporter: sending to {url} (the stack of {checkout})\n"


def test_backfill_writes_to_the_prometheus_of_the_stack(
    checkout: Path, wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    wired.take("1.json", perf_suite(timestamp="2026-03-01T12:00:00Z"))
    with answering((204, "")) as (url, bodies):
        write_stack(
            checkout,
            addresses={"prometheus": url},
            ledger=str(wired.folder / "ledger.sqlite3"),
        )
        assert main(["backfill"]) == EXIT_OK
        captured = capsys.readouterr()
        assert captured.err == (
            f"benchmark-exporter: writing to Prometheus at {url} (the stack of {checkout})\n"
        )
        assert captured.out.startswith("wrote ")
        assert len(bodies) == 1
        # An explicit address wins.
        assert main(["backfill", "--url=http://127.0.0.1:1", "--since=2027-01-01"]) == EXIT_OK
        assert "Prometheus at http://127.0.0.1:1\n" in capsys.readouterr().err
        assert len(bodies) == 1


def test_the_ledger_is_the_stacks(
    checkout: Path, wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = wired.folder / "ledger.sqlite3"
    wired.take("1.json", perf_suite("run-1", project="orbit"))
    write_stack(checkout, ledger=str(ledger))
    assert main(["history"]) == EXIT_OK
    assert "orbit" in capsys.readouterr().out
    assert main(["baseline", "set", "run-1", "--version=v1"]) == EXIT_OK
    captured = capsys.readouterr()
    assert captured.err == (f"benchmark-exporter: pinning in {ledger} (the stack of {checkout})\n")
    assert main(["baseline", "list"]) == EXIT_OK
    assert capsys.readouterr().out.startswith("v1: run run-1")
    assert main(["delete", "--project=orbit"]) == EXIT_OK
    captured = capsys.readouterr()
    assert captured.err == (
        f"benchmark-exporter: deleting from {ledger} (the stack of {checkout})\n"
    )
    assert captured.out.startswith("deleted 1 run of projects")


def test_ci_status_writes_into_the_results_folder_of_the_stack(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = checkout / "results"
    results.mkdir()
    write_stack(checkout)
    words = ("--status=pass", "--pipeline=p", "--branch=b", "--trigger=t", "--run-id=1")
    assert main(["ci-status", *words]) == EXIT_OK
    assert capsys.readouterr().err == (
        f"benchmark-exporter: writing to {results} (the stack of {checkout})\n"
    )
    assert len(list(results.glob("ci-status-*.json"))) == 1


def test_watch_follows_the_stream_of_the_stack(checkout: Path) -> None:
    write_stack(checkout)
    with subprocess.Popen([*COMMAND, "watch"], stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        try:
            lines = [watch.stdout.readline().split() for _ in range(4)]
        finally:
            watch.kill()
    assert lines == [
        ["stream", "ws://127.0.0.1:18765/stream"],
        ["live", "page", "http://127.0.0.1:18765/live"],
        ["Prometheus", "http://127.0.0.1:19090"],
        ["Grafana", "http://127.0.0.1:13000"],
    ]


@pytest.mark.parametrize("where", ["option", "variable"])
def test_a_stack_can_be_named(
    checkout: Path,
    tmp_path: Path,
    wired: Wired,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    where: str,
) -> None:
    wired.take("1.json", perf_suite(project="orbit"))
    write_stack(checkout)
    write_stack(tmp_path / "other", ledger=str(wired.folder / "ledger.sqlite3"))
    words = [f"--stack={tmp_path / 'other'}"] if where == "option" else []
    if where == "variable":
        monkeypatch.setenv("BENCHMARK_EXPORTER_STACK", str(tmp_path / "other"))
    assert main(["history", *words]) == EXIT_OK
    assert "orbit" in capsys.readouterr().out
