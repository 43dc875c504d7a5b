"""What is kept in order between two runs of a batch changes nothing that the ledger holds."""

import math
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmark_exporter.judge import window
from tests.support.documents import Json, result
from tests.support.wired import Wired

RUNS, RESULTS = 110, 5


def documents(seed: int) -> list[Json]:
    """Runs of two projects with noise, steps and shifts of all results; some are late."""
    drawn = random.Random(seed)  # noqa: S311 - simulation
    levels = {(project, name): 10.0 for project in range(2) for name in range(RESULTS)}
    made = []
    for run in range(RUNS):
        for project in range(2):
            if drawn.random() < 0.03:
                levels[project, drawn.randrange(RESULTS)] *= drawn.choice((0.7, 1.2, 1.5))
            shift = 1.3 if project and 60 < run < 75 else 1.0
            times = {
                f"b{name}": levels[project, name] * shift * math.exp(drawn.gauss(0, 0.02))
                for name in range(RESULTS)
            }
            made.append(result(run, times) | {"project": f"p{project}"})
    for at in drawn.sample(range(len(made) - 20), 8):
        later = at + drawn.randrange(20)
        made[at], made[later] = made[later], made[at]
    return made


def ledger_of(folder: Path, seed: int) -> dict[str, list[str]]:
    """Every row of the ledger of an exporter that finds all runs at once."""
    folder.mkdir()
    wired = Wired(folder)
    for number, document in enumerate(documents(seed)):
        path = wired.drop(f"{number:04}.json", document)
        os.utime(path, ns=(number * 10**9, number * 10**9))
    wired.settle()
    wired.ledger.close()
    with closing(sqlite3.connect(wired.ledger_path)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'witness%'"
        ).fetchall()
        return {
            # Files differ by their inode.
            name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}")))  # noqa: S608
            for (name,) in tables
            if name != "files"
        }


@pytest.mark.parametrize("seed", [1, 2])
def test_the_whole_ledger_is_the_same_without_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    moved: list[float] = []
    move = window.Window._move

    def noted(self: window.Window, newest: float, *, is_full: bool) -> None:
        moved.append(newest)
        move(self, newest, is_full=is_full)

    monkeypatch.setattr(window.Window, "_move", noted)
    with_windows = ledger_of(tmp_path / "with", seed)
    assert len(moved) > RUNS  # else nothing was kept
    monkeypatch.setattr("benchmark_exporter.ledger.verdicts._MOST_WINDOWS", 0)
    assert ledger_of(tmp_path / "without", seed) == with_windows
    states = {row.split(", ")[2] for row in with_windows["verdicts"]}
    assert {"'ok'", "'critical'"} <= states
    assert with_windows["run_shifts"]
