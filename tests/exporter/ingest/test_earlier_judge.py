"""A ledger that was written by the version before, whose judge kept a window of each series."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest

from tests.support.histories import STEADY, judged, take, value, verdict
from tests.support.wired import Wired

QUIET = STEADY * 5


def written_before(
    wired: Wired, window: Sequence[float], previous: str, *, pruned: bool = False
) -> None:
    """Starts again with the ledger as the migration leaves one of the version before.

    `window` is in milliseconds. `pruned`: of the runs only the newest is left.
    """
    wired.ledger.close()
    with closing(sqlite3.connect(wired.ledger_path, isolation_level=None)) as connection:
        seconds = json.dumps([each / 1e3 for each in window[-50:]])
        connection.execute(
            "UPDATE series SET state = NULL, window = ?, previous = ?", (seconds, previous)
        )
        if pruned:
            for table in ("verdicts", "results"):
                connection.execute(
                    f"DELETE FROM {table} WHERE run < (SELECT max(id) FROM runs)"  # noqa: S608  # one of two
                )
    wired.restart()


@pytest.mark.parametrize("pruned", [False, True])
def test_no_number_is_lost_and_nothing_is_reported_at_the_change(
    wired: Wired, *, pruned: bool
) -> None:
    take(wired, QUIET)
    before = {
        name: series
        for name, series in judged(wired).items()
        if name != "benchmark_detectable_change_ratio"
    }
    written_before(wired, QUIET, "ok", pruned=pruned)
    assert {name: judged(wired)[name] for name in before} == before
    seen = []
    for number, milliseconds in enumerate(STEADY, 100):
        take(wired, [milliseconds], start=number)
        seen.append(verdict(wired))
    assert set(seen) == {"ok"}
    take(wired, [1.5, 1.5], start=200)
    assert verdict(wired) == "critical"
    assert value(wired, "benchmark_regressions_confirmed_total") == 1


def test_an_alarm_goes_on_and_its_end_is_noticed(wired: Wired) -> None:
    take(wired, [*QUIET, 1.5, 1.5, 1.5])
    written_before(wired, QUIET, "critical")
    assert verdict(wired) == "critical"
    take(wired, [1.5], start=100)
    assert verdict(wired) == "critical"
    (labels,) = wired.samples()["benchmark_regression_info"]
    assert dict(labels)["previous_commit_hash"] == f"commit-{len(QUIET) - 1}"
    take(wired, [1.0, 1.0], start=101)
    assert verdict(wired) == "ok"


def test_what_the_earlier_judge_let_pass_is_not_reported_at_the_change(wired: Wired) -> None:
    slower = [1.09 * each for each in STEADY]  # below its tolerance of 10 %
    take(wired, [*QUIET, *slower])
    written_before(wired, [*QUIET, *slower], "ok")
    seen = []
    for number, milliseconds in enumerate(slower, 100):
        take(wired, [milliseconds], start=number)
        seen.append(verdict(wired))
    assert set(seen) == {"ok"}
    take(wired, [1.5, 1.5], start=200)
    assert verdict(wired) == "critical"


def test_a_state_of_another_version_is_replayed(wired: Wired) -> None:
    take(wired, QUIET)
    wired.ledger.close()
    with closing(sqlite3.connect(wired.ledger_path)) as connection, connection:
        connection.execute('UPDATE series SET state = \'{"version": 0, "values": ["?"]}\'')
    wired.restart()
    take(wired, [1.0, 1.5, 1.5], start=100)
    assert verdict(wired) == "critical"
