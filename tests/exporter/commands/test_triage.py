"""`benchmark-exporter triage`, while its exporter is running."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import run
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.process import Exporter


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """An exporter with a confirmed regression."""
    running = Exporter(tmp_path, free_port())
    for number, milliseconds in enumerate([*STEADY, 1.5, 1.5]):
        document = json.dumps(result(number, {"parsing": milliseconds}))
        (running.results / f"{number}.json").write_text(document)
    running.until(lambda: b"benchmark_regression_triage_info{" in running.get("/metrics"))
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text()


def test_a_running_exporter_notices_what_is_said(exporter: Exporter) -> None:
    ledger = f"--ledger={exporter.folder / 'ledger.sqlite3'}"
    listed = run("triage", "list", ledger)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.startswith("new          parsing (router, main, ci, linux x86_64 4 cpus)")
    for selection in (("parsing",), ("--project=router", "--branch=main")):
        assert run("triage", "list", *selection, ledger).stdout == listed.stdout
    for selection in (("other",), ("--project=parser",), ("--since-commit=abc",)):
        assert run("triage", "list", *selection, ledger).stdout == "no regression is open\n"
    words = ("--who=ann", "--why=looking", "--ticket=T-1", "--environment=ci", ledger)
    said = run("triage", "set", "acknowledged", "parsing", *words)
    assert said.stdout == "parsing: new → acknowledged\n", said.stderr
    assert said.stderr == f"benchmark-exporter: writing to {ledger.removeprefix('--ledger=')}\n"
    series = (
        'benchmark_regression_triage_info{benchmark_name="parsing",environment="ci",'
        'project="router",machine_class="linux x86_64 4 cpus",branch="main",'
        'state="acknowledged",who="ann",ticket="T-1"}'
    )
    exporter.until(lambda: exporter.value(series) == 1)
    expected = run("triage", "set", "expected", "parsing", "--until=14d", ledger)
    assert expected.returncode == 0, expected.stderr
    history = run("triage", "history", "parsing", ledger).stdout.splitlines()
    assert [line.split()[0] for line in history] == ["expected", "acknowledged", "new"]
    assert history[1].endswith("by ann; T-1; looking")
    assert run("triage", "history", "other", ledger).stdout == "no state is known\n"


def test_what_cannot_be_said_is_refused(exporter: Exporter) -> None:
    ledger = f"--ledger={exporter.folder / 'ledger.sqlite3'}"
    for words, status, error in (
        (("acknowledged", "other"), 1, "there is no such open regression"),
        (("expected", "parsing"), 1, "until when the level is expected is missing"),
        (("fixing",), 2, "name a benchmark, or a commit with --since-commit"),
        (("unknown", "parsing"), 2, "'unknown' is not one of"),
        (("expected", "parsing", "--until=2020-01-01"), 2, "is not in the future"),
    ):
        refused = run("triage", "set", *words, ledger)
        assert refused.returncode == status, refused.stderr
        assert error in refused.stderr
        assert "Traceback" not in refused.stderr
