"""Runs that arrive in some order, in batches and over restarts; and what they end in."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

from benchmark_exporter.config import Config
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.regression import Limits
from tests.support.documents import Json
from tests.support.examples import wired_in_a_new_folder
from tests.support.wired import START_SECONDS, Labels, Wired

# `make order` runs more. Examples are not made smaller, which takes minutes: each is short.
EXAMPLES = settings(
    max_examples=int(os.environ.get("ORDER_EXAMPLES", "120")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

# The smallest limits there may be, so that few runs reach every kind of verdict.
CONFIG = Config(
    judgement=Limits(
        least_runs=6,
        window_runs=8,
        accept_after_runs=8,
        accept_after_days=0.0,
        shift_least_results=2,
    )
)

# What depends on the order of arrival, and why.
DEPENDS_ON_ARRIVAL = (
    # Events that were counted stay counted, also where a late run takes back what they were.
    *("benchmark_regressions_confirmed_total", "benchmark_regressions_suppressed_total"),
    "performance_regression_detected_total",
    # Since when a regression is open, and how often it was counted and has grown since.
    *("benchmark_regression_triage_", "benchmark_alerts_"),
    # The exporter's own: how many commits and files there were, and when the last one was.
    "benchmark_exporter_",
)
_LEVELS = (1.0, 1.04, 1.5, 0.6, 2.4)
_NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Arrivals:
    """Documents in the order of arrival. A batch ends, or the exporter restarts, after some."""

    runs: tuple[Json, ...]
    batches: frozenset[int] = frozenset()
    restarts: frozenset[int] = frozenset()

    @classmethod
    def in_order(cls, runs: Sequence[Json]) -> "Arrivals":
        """The same runs as they were made, in one batch."""
        ordered = sorted(runs, key=lambda run: (run["timestamp"], run["run_id"]))
        return cls(tuple(ordered))


@st.composite
def arrivals(draw: st.DrawFn) -> Arrivals:
    """Runs of few projects, branches and benchmarks, with steps, in any order.

    The time passes by steps of 0, 1 or more, and ends at the tolerance for wrong clocks. The first
    run of each project names no branch, since a project without a run of a tracked branch tracks
    another one until the first comes.
    """
    dice = draw(st.randoms(use_true_random=False))
    count = draw(st.integers(12, 34))
    projects = draw(st.sampled_from([("p",), ("p",), ("p", "q")]))
    others = draw(st.sampled_from([0.0, 0.15, 0.4]))
    partial = draw(st.sampled_from([0.0, 0.3]))
    runs, levels, time = [], dict.fromkeys(_NAMES, 1.0), 0
    for number in range(count):
        time += dice.choice((0, 1, 1, 1, 2))
        if dice.random() < 0.15:  # a step, of one benchmark or of all
            level = dice.choice(_LEVELS)
            moved = _NAMES if dice.random() < 0.4 else (dice.choice(_NAMES),)
            levels |= dict.fromkeys(moved, level)
        branch = dice.choice(("feature", "release/1")) if dice.random() < others else ""
        names = [name for name in _NAMES if dice.random() >= partial] or ["a"]
        spike = 3.0 if dice.random() < 0.05 else 1.0
        values = {
            name: round(levels[name] * spike * dice.uniform(0.985, 1.015), 4) for name in names
        }
        runs.append(_run(number, dice.choice(projects), branch, time, values))
    until = CONFIG.clock_tolerance_seconds if draw(st.booleans()) else -3600.0
    for run in runs:
        made = START_SECONDS + until - time + run.pop("time")
        run["timestamp"] = datetime.fromtimestamp(made, UTC).isoformat()
    order = draw(st.sampled_from(["any", "few late", "reversed"]))
    return Arrivals(
        tuple(_arrived(runs, order, dice)),
        frozenset(draw(st.sets(st.integers(0, count - 1)))),
        frozenset(draw(st.sets(st.integers(0, count - 1), max_size=3))),
    )


def _run(number: int, project: str, branch: str, time: int, values: dict[str, float]) -> Json:
    return {
        "schema": "strataregula.result/1",
        "project": project,
        "run_id": f"run-{number:02}",
        "commit": f"commit-{number}",
        "branch": branch,
        "time": time,
        "results": [{"benchmark": name, "samples": [value]} for name, value in values.items()],
        "failures": [] if "c" in values else [{"benchmark": "c", "error": "TypeError"}],
    }


def _arrived(runs: Sequence[Json], order: str, dice: Any) -> list[Json]:
    arrived = list(runs)
    if order == "any":
        dice.shuffle(arrived)
    elif order == "reversed":
        arrived.reverse()
    else:
        for _ in range(dice.randint(1, 3)):
            late = arrived.pop(dice.randrange(len(arrived)))
            arrived.insert(dice.randint(0, len(arrived)), late)
    first = list({run["project"]: run for run in reversed(runs)}.values())
    for run in first:
        run["branch"] = ""
    return [*first, *(run for run in arrived if run not in first)]


def end_of(arrived: Arrivals) -> dict[str, Any]:
    """All that arriving runs end in, without what depends on the order."""
    with wired_in_a_new_folder(CONFIG) as wired:
        for number, run in enumerate(arrived.runs):
            wired.drop(f"{run['run_id']}.json", run)
            if number in arrived.batches:
                wired.ingest.scan()
            if number in arrived.restarts:
                wired.restart()
        wired.ingest.scan()
        return contents(wired)


def contents(wired: Wired) -> dict[str, Any]:
    """What a scrape, `history` and the next run would find, without what depends on the order."""
    # What was confirmed once is shown until it is reported, whatever came to light since.
    wired.ledger.delivery.mark_reported(wired.render().alarms)
    shown = {
        # The last digit of a sum depends on the order of its terms.
        name: {_without_step(labels): float(f"{value:.12g}") for labels, value in series.items()}
        for name, series in wired.samples().items()
        if not name.startswith(DEPENDS_ON_ARRIVAL)
    }
    with History(wired.ledger_path) as history:
        runs = list(history.newest_first(RunSelection(), 1000))
    return {
        "shown": shown,
        "history": [replace(run, row=0, ingested_seconds=0.0) for run in runs],
        # An event that was counted stays counted.
        "verdicts": _of_runs(wired, "verdicts", without=("run", "counted")),
        "checkpoints": _of_runs(wired, "checkpoints", without=("run",)),
        "shifts": _of_runs(wired, "shifts", without=("run",)),
        "series": wired.query("SELECT * FROM series ORDER BY 1, 2, 3, 4, 5, 6"),
        "settled": wired.query("SELECT * FROM settled"),
    }


def _without_step(labels: Labels) -> Labels:
    """How often a change has grown since it was reported depends on what was reported."""
    return frozenset(each for each in labels if each[0] != "step")


def _of_runs(wired: Wired, table: str, *, without: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows of a table, with their run's run_id."""
    names = [column for _, column, *_ in wired.query(f"PRAGMA table_info({table})")]
    listed = ", ".join(f"t.{name}" for name in names if name not in without)
    return sorted(
        wired.query(f"SELECT runs.run_id, {listed} FROM {table} t JOIN runs ON runs.id = t.run"),  # noqa: S608  # the tables above
        key=repr,
    )
