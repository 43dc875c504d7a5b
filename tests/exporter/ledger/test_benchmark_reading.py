"""What pages read of a benchmark is found by indexes, from its scope's runs, never by all rows."""

import pytest

from benchmark_exporter.ledger import benchmark_list, benchmark_runs
from benchmark_exporter.ledger.benchmark_reading import read_benchmarks
from tests.support.documents import result
from tests.support.wired import Wired

NAMES = ("project", "environment", "machine_class", "branch", "benchmark", "names", "since")
OF_LISTS = ("name", "newest", "oldest", "searched")
PARAMETERS = dict.fromkeys((*NAMES, "until", "at", "tie", "after", "limit", "runs"), "[]")
PARAMETERS |= dict.fromkeys(OF_LISTS, "0")


@pytest.mark.parametrize(
    "statement",
    [
        benchmark_runs._HISTORY,
        benchmark_runs._RUNS._statement,
        benchmark_list._TREND,
        benchmark_list._OLDEST_SEARCHED,
    ],
    ids=["history", "runs", "trend", "oldest"],
)
def test_runs_are_read_in_order_and_their_results_by_key(wired: Wired, statement: str) -> None:
    wired.take("a.json", result(0, {"parsing": 1.0}))
    with read_benchmarks(wired.ledger_path, 60.0) as reader:
        plan = [
            str(row[3])
            for row in reader.connection.execute(f"EXPLAIN QUERY PLAN {statement}", PARAMETERS)
        ]
    assert any("SEARCH runs USING" in step and "runs_by_rank" in step for step in plan), plan
    tables = ("runs", "results", "r", "verdicts", "v", "f", "g")
    assert not [step for step in plan if step.removeprefix("SCAN ") in tables], plan
    sorts = [step for step in plan if "TEMP B-TREE" in step and "ORDER BY" in step]
    assert sorts == [], plan
