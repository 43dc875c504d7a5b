"""The newest runs of branches that are not tracked, as pages and streams show them."""

import json

from benchmark_exporter.ledger.branch_runs import BRANCH_RUNS
from tests.support.documents import Json, perf_suite, result
from tests.support.histories import STEADY, take
from tests.support.wired import Wired


def on(branch: str, document: Json, **more: object) -> Json:
    return document | {"branch": branch, **more}


def test_the_newest_run_of_each_benchmark_and_branch_is_shown_against_its_base(
    wired: Wired,
) -> None:
    take(wired, STEADY)
    failure = {"failures": [{"benchmark": "rendering", "error": "out of memory"}]}
    for number, milliseconds in ((101, 1.0), (100, 9.0)):  # the older one arrives last
        document = on("feature/a", result(number, {"parsing": milliseconds}), run_id=f"r{number}")
        wired.take(f"{number}.json", document)
    wired.take("b.json", on("feature/b", result(102, {"parsing": 1.5}) | failure))
    shown = wired.ledger.branch_runs()
    runs = {(run.scope.branch, run.benchmark): (run.run_id, run.failed) for run in shown.runs}
    assert runs["feature/a", "parsing"] == ("r101", False)
    assert runs["feature/b", "rendering"][1] is True
    assert len(runs) == 3
    assert set(shown.base_branches.values()) == {"main"}
    assert {each.scope.branch: each.verdict.state for each in shown.verdicts} == {
        "feature/a": "ok",
        "feature/b": "suspect",
    }
    assert {each.scope.branch: each.result.statistics.p50 for each in shown.results} == {
        "feature/a": 0.001,
        "feature/b": 0.0015,
    }


def test_a_gate_of_such_a_run_is_shown(wired: Wired) -> None:
    wired.take("main.json", perf_suite("one"))
    (wired.results / "slow.meta.json").write_text('{"branch": "feature"}')
    wired.take("slow.json", perf_suite("two", speedup=5.0))
    (gate,) = wired.ledger.branch_runs().gates
    assert (gate.scope.branch, gate.run_id, gate.outcome.passed) == ("feature", "two", False)


def test_however_many_branches_there_are_few_are_read(wired: Wired) -> None:
    take(wired, STEADY)
    before = wired.samples()
    for number in range(BRANCH_RUNS + 20):
        document = on(f"feature/{number}", result(100 + number, {"parsing": 1.0}))
        (wired.results / f"{number}.json").write_text(json.dumps(document))
    wired.settle()
    assert len(wired.ledger.branch_runs().runs) == BRANCH_RUNS
    assert wired.samples()["benchmark_runs_total"] == before["benchmark_runs_total"]


def test_without_such_a_run_there_is_nothing(wired: Wired) -> None:
    take(wired, STEADY)
    assert not wired.ledger.branch_runs().runs
