"""How long the states of regressions are kept, and what they are deleted and renamed with."""

import pytest

from benchmark_exporter.ledger import DeletionSelection
from benchmark_exporter.ledger.retention import STEP_ROWS
from benchmark_exporter.ledger.triage import HISTORY_OF_RESULT
from benchmark_exporter.names import Renaming, Renamings
from tests.support.histories import STEADY
from tests.support.triaged import (
    DAY,
    counts,
    history,
    regress,
    regression,
    said,
    states,
    take_together,
)
from tests.support.wired import Wired


@pytest.fixture
def regressed(wired: Wired) -> Wired:
    return regress(wired)


def test_control_characters_are_not_kept(regressed: Wired) -> None:
    said(regressed, "fixing", who="a\x1b[31m\nb", why="x\u202ey")
    assert regression(regressed).who == "a [31m b"
    assert regression(regressed).why == "x y"


def test_the_history_is_bounded(regressed: Wired) -> None:
    for number in range(HISTORY_OF_RESULT + 5):
        said(regressed, "acknowledged", why=str(number))
    kept = history(regressed)
    assert len(kept) == HISTORY_OF_RESULT
    assert kept[-1].why == str(HISTORY_OF_RESULT + 4)


def test_old_history_and_what_ended_long_ago_is_pruned(regressed: Wired) -> None:
    assert STEP_ROWS > 1
    take_together(regressed, STEADY, start=200)
    list(regressed.ledger.prune(regressed.now - DAY))
    assert states(regressed) == ["new", "ended"]
    list(regressed.ledger.prune(regressed.now + DAY))
    assert history(regressed) == []
    assert regressed.query("SELECT * FROM triage") == []
    assert counts(regressed) == [1, 0, 0, 0, 1]


def test_an_open_regression_is_not_pruned(regressed: Wired) -> None:
    said(regressed, "fixing")
    list(regressed.ledger.prune(regressed.now + DAY))
    assert regression(regressed).state == "fixing"


def test_it_goes_with_its_benchmark_and_ends_with_its_runs(regressed: Wired) -> None:
    (labels,) = regressed.samples()["benchmark_run_info"]
    regressed.delete_runs(DeletionSelection(run=dict(labels)["run_id"]))
    assert states(regressed) == ["new", "ended"]
    regressed.delete_runs(DeletionSelection(benchmark="parsing"))
    assert history(regressed) == []
    assert regressed.query("SELECT * FROM triage") == []


def test_it_goes_with_its_project(regressed: Wired) -> None:
    said(regressed, "fixing")
    regressed.ledger.delete([regression(regressed).scope.project], [])
    assert regressed.query("SELECT * FROM triage") == []
    assert regressed.query("SELECT * FROM triage_history") == []


def test_it_is_renamed_with_its_result(regressed: Wired) -> None:
    said(regressed, "fixing")
    regressed.ledger.rename(Renamings([Renaming("parsing", "parser")]))
    assert (regression(regressed).name, regression(regressed).state) == ("parser", "fixing")
    assert {entry.name for entry in history(regressed)} == {"parser"}
