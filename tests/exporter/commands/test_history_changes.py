"""`benchmark-exporter history --changes` with real ledgers."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, main
from tests.support.documents import result
from tests.support.wired import Wired

QUIET = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1, 100.7, 99.3, 100.4, 99.6]


@pytest.fixture
def ledger(wired: Wired) -> Path:
    """Of two benchmarks, one becomes slower and then as fast as before; both were searched."""
    parsing = [*QUIET, *(value * 1.2 for value in QUIET), *QUIET]
    for number, value in enumerate(parsing):
        document = result(number, {"parsing": value, "routing": QUIET[number % 12]})
        wired.drop(f"{number:02}.json", document)
    wired.settle()
    wired.search_changes()
    return wired.folder / "ledger.sqlite3"


def test_the_table_has_a_line_for_each_change_the_newest_first(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", f"--ledger={ledger}", "--changes"]) == EXIT_OK
    heading, faster, slower = capsys.readouterr().out.splitlines()
    assert "  ".join(heading.split()) == (
        "FIRST  RUN  (UTC)  PROJECT  BENCHMARK  BRANCH  ENVIRONMENT  COMMITS  BEFORE  →  AFTER  "
        "CHANGE  P-VALUE  FIRST  REPORTED  (UTC)"
    )
    words = " ".join(faster.split())
    assert words.startswith(
        "2026-03-01 00:24:00 router parsing main ci commit-23..commit-24 120.1 ms → 100 ms "
        "-16.7%, better "
    )
    assert words.endswith(" -")
    words = " ".join(slower.split())
    assert words.startswith(
        "2026-03-01 00:12:00 router parsing main ci commit-11..commit-12 100 ms → 120.1 ms "
        "+20.0%, worse "
    )
    assert words.endswith(" 2026-05-28 20:26:40")  # when the exporter judged it


def test_json_has_all_that_is_kept(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["history", f"--ledger={ledger}", "--changes", "--format=json", "--limit=1"]
    assert main(command) == EXIT_OK
    (change,) = json.loads(capsys.readouterr().out)
    assert change["scope"]["project"] == "router"
    assert (change["previous_commit_hash"], change["commit_hash"]) == ("commit-23", "commit-24")
    assert change["worse"] is False
    assert change["value_after"] == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(
    ("option", "count"),
    [
        ("--benchmark=pars*", 2),
        ("--benchmark=routing", 0),
        ("--commit=commit-12", 1),
        ("--commit=commit-11", 0),
        ("--project=other", 0),
        ("--branch=ma*", 2),
        ("--machine-class=*4 cpus", 2),
        ("--environment=ci", 2),
        ("--since=2026-03-01T00:20:00Z", 1),
        ("--until=2026-03-01T00:20:00Z", 1),
    ],
)
def test_changes_are_selected_as_runs_are(
    ledger: Path, capsys: pytest.CaptureFixture[str], option: str, count: int
) -> None:
    command = ["history", f"--ledger={ledger}", "--changes", "--format=json", option]
    assert main(command) == EXIT_OK
    assert len(json.loads(capsys.readouterr().out)) == count


def test_no_change_is_said(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", f"--ledger={ledger}", "--changes", "--project=other"]) == EXIT_OK
    assert capsys.readouterr().err == "no such change\n"


def test_failed_runs_are_no_changes(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", f"--ledger={ledger}", "--changes", "--failed"]) != EXIT_OK
    assert "cannot be used with --failed" in capsys.readouterr().err
