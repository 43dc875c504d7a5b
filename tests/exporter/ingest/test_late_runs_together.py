"""Late runs of a batch are judged in one pass, with what judging them one by one gives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from benchmark_exporter.ingest import later_runs
from benchmark_exporter.ingest.scope_judging import ScopeJudging
from benchmark_exporter.ledger import END, Place
from benchmark_exporter.ledger.places import Places
from tests.support.arrivals import CONFIG, Arrivals, arrivals
from tests.support.documents import result
from tests.support.examples import wired_in_a_new_folder
from tests.support.histories import STEADY
from tests.support.wired import Wired

# `make order` runs more.
EXAMPLES = settings(
    max_examples=int(os.environ.get("ORDER_EXAMPLES", "8")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
SUITE = ("parsing", "routing", "sorting", "loading", "saving")
_ALL = -1


def one_by_one(judging: ScopeJudging, place: Place, until: Place = END) -> None:
    """Judges the runs after a late one again: reads all of them, and each as it is by then."""
    if not judging._standings:
        return
    for run in judging._ledger.places.later(judging._scope, place, (), _ALL):
        if run.place >= until:
            return
        judging._judge_again(run, judging._ledger.places.judged(run.row))
        if not judging._standings:
            return


@contextmanager
def replaced(owner: Any, **values: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setattr(owner, name, value)
        yield


def rows_of(arrived: Arrivals) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the ledger after runs have arrived."""
    with wired_in_a_new_folder(CONFIG) as wired:
        for number, run in enumerate(arrived.runs):
            path = wired.drop(f"{run['run_id']}.json", run)
            os.utime(path, (number, number))
            if number in arrived.batches:
                wired.ingest.scan()
        wired.ingest.scan()
        return every_row(wired)


def every_row(wired: Wired) -> dict[str, list[tuple[Any, ...]]]:
    """All tables, without what the file system and the clock of the file system decide."""
    tables = wired.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return {
        name: sorted(wired.query(f"SELECT * FROM {name}"), key=repr)  # noqa: S608  # of the schema
        for (name,) in tables
        if name not in ("files", "witness")
    }


@EXAMPLES
@given(arrivals())
def test_every_row_is_what_judging_them_one_by_one_gives(arrived: Arrivals) -> None:
    with replaced(ScopeJudging, judge_later=one_by_one):
        expected = rows_of(arrived)
    with replaced(later_runs, _FIRST_PAGE_RUNS=1, _MOST_PAGE_RUNS=4):
        assert rows_of(arrived) == expected
    assert rows_of(arrived) == expected


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read of later runs: `page` of runs, or `run` with its results."""
    calls: list[str] = []
    later, judged = Places.later, Places.judged

    def noted_later(places: Places, *given: Any) -> Any:
        calls.append("page")
        return later(places, *given)

    def noted_judged(places: Places, run: int) -> Any:
        calls.append("run")
        return judged(places, run)

    monkeypatch.setattr(Places, "later", noted_later)
    monkeypatch.setattr(Places, "judged", noted_judged)
    return calls


def take_minutes(wired: Wired, minutes: range, second: int, names: tuple[str, ...]) -> None:
    """Drops a run a minute, all of which are ingested together."""
    for minute in minutes:
        measured = dict.fromkeys(names, STEADY[minute % len(STEADY)])
        document = result(minute, measured) | {"run_id": f"{second}-{minute}"}
        document["timestamp"] = str(document["timestamp"]).replace(":00Z", f":{second:02}Z")
        wired.drop(f"{second}-{minute}.json", document)
    wired.ingest.scan()


def test_runs_after_many_late_ones_are_read_once(wired: Wired, read: list[str]) -> None:
    take_minutes(wired, range(100), 0, ("parsing",))
    read.clear()
    take_minutes(wired, range(50), 30, ("parsing",))
    assert read.count("run") <= 100
    assert read.count("page") <= 8  # of 16 runs, 32 and so on


def test_late_runs_of_one_benchmark_each_share_a_page(wired: Wired, read: list[str]) -> None:
    take_minutes(wired, range(60), 0, SUITE)
    read.clear()
    for number in range(50):
        measured = {f"only-{number}": 1.0, "parsing": 1.0}
        document = result(number, measured) | {"run_id": f"only-{number}"}
        document["timestamp"] = str(document["timestamp"]).replace(":00Z", ":40Z")
        wired.drop(f"only-{number}.json", document)
    wired.ingest.scan()
    assert read.count("page") <= 12  # once more for each of the first few names


def test_runs_without_the_results_of_a_late_run_are_not_read(wired: Wired, read: list[str]) -> None:
    take_minutes(wired, range(100), 0, ("parsing",))
    take_minutes(wired, range(3), 20, ("routing",))
    read.clear()
    take_minutes(wired, range(1), 10, ("routing",))
    assert read.count("run") <= 3


def test_a_late_run_of_a_large_suite_changes_all_of_its_series(wired: Wired) -> None:
    take_minutes(wired, range(30), 0, SUITE)
    before = wired.query("SELECT name, state FROM series ORDER BY name")
    take_minutes(wired, range(20, 21), 30, SUITE)
    after = wired.query("SELECT name, state FROM series ORDER BY name")
    assert [name for name, _ in after] == sorted(SUITE)
    assert all(old != new for old, new in zip(before, after, strict=True))
