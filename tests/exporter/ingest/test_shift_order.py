"""Whether there is a shift, and what it mutes, follows from the runs in any order of arrival."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from tests.support.arrivals import Arrivals, end_of
from tests.support.documents import Json
from tests.support.wired import START_SECONDS

NAMES = "abcdefgh"
QUIET, SHIFTED, BACK = 18, 10, 3


def suite(seed: int) -> list[Json]:
    """Runs of eight benchmarks that are all slower from one on, one of them more; and runs of two.

    By 9 %, where some are critical and some are not, or by 40 %. In the end they are as before.
    """
    random = np.random.default_rng(seed)
    shift = (1.09, 1.4)[seed % 2]
    runs = []
    for number in range(QUIET + SHIFTED + BACK):
        level = shift if QUIET <= number < QUIET + SHIFTED else 1.0
        names = "ab" if number % 7 == 5 else NAMES
        values = {
            name: level * (1.3 if name == "c" and level > 1 else 1.0) * random.lognormal(0.0, 0.01)
            for name in names
        }
        runs.append(
            {
                "schema": "strataregula.result/1",
                "project": "p",
                "run_id": f"run-{number:02}",
                "commit": f"commit-{number}",
                "timestamp": datetime.fromtimestamp(
                    START_SECONDS - 3600 * (100 - number), UTC
                ).isoformat(),
                "results": [
                    {"benchmark": name, "samples": [round(value, 6)]}
                    for name, value in values.items()
                ],
            }
        )
    return runs


@pytest.mark.parametrize("seed", range(6))
def test_late_runs_of_a_shift_end_in_the_same(seed: int) -> None:
    runs = suite(seed)
    random = np.random.default_rng(100 + seed)
    order: Any = list(range(len(runs)))
    if seed < 3:
        for late in random.choice(range(QUIET - 4, QUIET + 8), 3, replace=False):
            order.remove(late)
            order.append(int(late))
    else:
        order = random.permutation(len(runs)).tolist()
    batches = frozenset(random.choice(len(runs), 6, replace=False).tolist())
    restarts = frozenset(random.choice(len(runs), 2, replace=False).tolist())
    arrived = Arrivals(tuple(runs[number] for number in order), batches, restarts)
    assert end_of(arrived) == end_of(Arrivals.in_order(runs))


@pytest.mark.parametrize("last", [QUIET + 3, QUIET + SHIFTED + 1])
def test_a_shift_that_is_shown_only_once_a_late_run_has_come(last: int) -> None:
    runs = suite(1)[:last]
    late = runs[:QUIET] + runs[QUIET + 1 :] + [runs[QUIET]]
    shown = end_of(Arrivals(tuple(late), frozenset(range(len(late)))))
    in_order = end_of(Arrivals.in_order(runs))
    assert shown == in_order
    assert ("benchmark_environment_shift_ratio" in str(in_order)) == (last == QUIET + 3)
