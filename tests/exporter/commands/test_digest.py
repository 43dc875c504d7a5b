"""`benchmark-exporter digest` on a ledger."""

from pathlib import Path

import pytest

from benchmark_exporter.__main__ import main
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.wired import Wired

BEFORE = "--until=2026-03-08"  # the runs are of the first of March


def take(wired: Wired) -> None:
    for number, level in enumerate([*STEADY, *[1.5] * 12]):
        wired.take(f"{number}.json", result(number, {"parsing": level}))
    while wired.ledger.search_changes(wired.now, lambda: False).due:
        pass


def test_it_shows_the_changes_of_the_time_and_what_is_open(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    take(wired)
    ledger = f"--ledger={wired.ledger_path}"
    assert main(["digest", ledger, BEFORE]) == 0
    found = capsys.readouterr().out.splitlines()
    assert found[:2] == ["router, 1 worse, 0 better, 1 open", "Worse"]
    assert found[2].startswith("- parsing +50.0%, 1 ms → 1.5 ms since commit-")
    assert found[3] == "Open the longest"
    assert found[4].startswith("- parsing for ")
    # What is open is so now, whenever it began.
    assert main(["digest", ledger]) == 0
    assert capsys.readouterr().out.startswith("router, 0 worse, 0 better, 1 open\n")
    assert main(["digest", ledger, "--project=other", BEFORE]) == 0
    assert capsys.readouterr() == ("", "nothing changed, and no regression is open\n")


def test_a_ledger_that_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["digest", f"--ledger={tmp_path / 'none'}"]) == 2
    assert "there is no such ledger" in capsys.readouterr().err
