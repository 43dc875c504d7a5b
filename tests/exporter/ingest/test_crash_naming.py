"""A process that dies while names change has changed all of them or none."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.names import Alias, Renaming, Renamings
from tests.support.documents import bench_guard, google_benchmark, result
from tests.support.dying import before_each_statement, die_at_call, die_in
from tests.support.wired import Wired


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two histories that become one, and a single result that leaves its benchmark."""
    folder = tmp_path_factory.mktemp("prepared")
    wired = Wired(folder)
    for number in range(3):
        document = result(number, {"parser": 1.0, "cache": 2.0})
        document["results"][1]["variant"] = "hit"
        wired.take(f"{number}.json", document)
    wired.take("3.json", result(3, {"parsing": 1.0}) | {"project": "router"})
    wired.take("4.json", bench_guard({"parser": 4.0}, passed=False))
    wired.ledger.close()
    return folder


@pytest.fixture
def stage(prepared: Path, tmp_path: Path) -> Callable[[], Wired]:
    """Makes an exporter over a copy of that."""
    numbers = itertools.count()

    def make() -> Wired:
        wired = Wired(Path(shutil.copytree(prepared, tmp_path / f"{next(numbers)}")))
        wired.now += 1000  # no counter is held at 0 any longer
        return wired

    return make


def at_statement(number: int) -> Callable[[Wired], None]:
    return lambda wired: before_each_statement(wired, die_at_call(number))


def numbers(wired: Wired) -> list[str]:
    """All that is shown but for how often was written."""
    lines = wired.exposition().splitlines()
    return [line for line in lines if "ledger_commits" not in line]


RENAMINGS = Renamings([Renaming("parser", "parsing"), Renaming("cache/hit", "hits")])


def rename(wired: Wired) -> None:
    wired.ledger.rename(RENAMINGS)


def test_a_renaming_is_whole_or_not_begun(stage: Callable[[], Wired]) -> None:
    wired = stage()
    wired.restart()
    before = numbers(wired)
    wired.ledger.rename(RENAMINGS)
    after = numbers(wired)
    wired.ledger.close()
    seen = []
    for number in range(1, 1000):
        wired = stage()
        died = die_in(wired, at_statement(number), rename)
        now = numbers(wired)
        assert now in (before, after), f"killed before statement {number}"
        seen.append(now == after)
        wired.ledger.close()
        if not died:
            break
    assert seen.index(True) > 30  # it reached the statements of the renaming
    assert seen[-1]


def test_an_alias_is_carried_over_by_the_next_start(stage: Callable[[], Wired]) -> None:
    config = Config(aliases=[Alias("parser", "parsing"), Alias("cache/hit", "hits")])
    wired = stage()
    wired.restart(config)
    expected = numbers(wired)
    wired.ledger.close()
    for number in range(1, 1000, 3):
        wired = stage()
        wired.config = config
        died = die_in(wired, at_statement(number), lambda _: None)
        assert numbers(wired) == expected, f"killed before statement {number}"
        wired.ledger.close()
        if not died:
            break
    assert number > 30


def test_a_name_is_taken_with_the_run_that_takes_it(stage: Callable[[], Wired]) -> None:
    def drop_both(wired: Wired) -> None:
        for executable in ("vector_bench", "string_bench"):
            document = google_benchmark(1, executable, {"BM_Copy": 10.0})
            wired.drop(f"{executable}.json", document)

    wired = stage()
    drop_both(wired)
    wired.restart()
    wired.settle()
    expected = numbers(wired)
    wired.ledger.close()
    for number in range(1, 1000, 7):
        wired = stage()
        drop_both(wired)
        died = die_in(wired, at_statement(number))
        wired.settle()
        assert numbers(wired) == expected, f"killed before statement {number}"
        wired.ledger.close()
        if not died:
            break
