"""Which branches the ledger drops with their runs, and that none changes what is tracked."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from benchmark_exporter.model import Result, Run, Scope, Statistics
from tests.support.documents import result
from tests.support.scopes import ranked
from tests.support.wired import Wired

DAY_SECONDS = 86400.0
RETENTION_SECONDS = 400 * DAY_SECONDS


def prune(wired: Wired) -> int:
    return sum(wired.ledger.prune(wired.now - RETENTION_SECONDS))


def take_branches(wired: Wired, branches: Sequence[str]) -> None:
    """A run of each branch, of project router."""
    for branch in branches:
        number = len(list(wired.results.iterdir()))
        wired.drop(f"{number}.json", result(number, {"parsing": 1.0 + number}) | {"branch": branch})
        wired.settle()


def branches_of(wired: Wired) -> list[str]:
    return [branch for (branch,) in wired.query("SELECT branch FROM branches ORDER BY rowid")]


def test_branches_without_runs_go_and_what_is_tracked_stays(wired: Wired) -> None:
    take_branches(wired, ["main", "feature/a", "release/1", "feature/b", "feature/b"])
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    take_branches(wired, ["feature/c"])
    before = wired.exposition()
    prune(wired)
    # feature/b had most runs, and would be tracked if no other were.
    assert branches_of(wired) == ["main", "release/1", "feature/b", "feature/c"]
    assert wired.exposition() == before
    take_branches(wired, ["feature/a"])
    assert branches_of(wired)[-1] == "feature/a"


def test_the_branch_that_is_tracked_for_want_of_another_stays(wired: Wired) -> None:
    take_branches(wired, ["develop", "develop", "feature/a", "feature/b"])
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    prune(wired)
    assert branches_of(wired) == ["develop"]
    take_branches(wired, ["feature/a"])
    lines = wired.query("SELECT branch, line, tracked FROM runs ORDER BY id DESC LIMIT 1")
    assert lines == [("feature/a", "develop", 0)]


@pytest.mark.parametrize("stated", [["master", ""], ["", "master"]])
def test_the_default_branch_stays_what_it_was(wired: Wired, stated: list[str]) -> None:
    """Runs that state no branch belong to master only as long as it is known."""
    take_branches(wired, [*stated, "feature/a", ""])
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    prune(wired)
    take_branches(wired, [""])
    ((line,),) = wired.query("SELECT line FROM runs ORDER BY id DESC LIMIT 1")
    assert line == "master"


def test_ten_thousand_branches_leave_no_row(wired: Wired) -> None:
    take_branches(wired, ["main"])
    with wired.ledger.transaction() as transaction:
        for number in range(10_000):
            branch = f"feature/{number}"
            run = Run("test", branch, float(number), (Result("a", "", Statistics(1.0)),), ())
            transaction.branches.runs_of("router")
            transaction.branches.add_run("router", branch)
            scope = Scope("router", "ci", "", "main")
            rank = ranked(number, number)
            transaction.add_run(replace(run, branch=branch), scope, rank, 1.0, tracked=False)
    assert len(branches_of(wired)) == 10_001
    prune(wired)
    assert branches_of(wired) == ["main"]
