"""What a person decided stands, whichever runs arrive late; what was deleted was never there."""

import pytest
from msgspec.structs import replace

from benchmark_exporter.commands.pinning import clear_baseline, set_baseline
from benchmark_exporter.ingest.judging import judge_after_deletion
from benchmark_exporter.ledger import DeletionSelection, Pin
from tests.support.arrivals import contents
from tests.support.documents import result
from tests.support.examples import wired_in_a_new_folder
from tests.support.histories import STEADY, take, value, verdict
from tests.support.wired import Wired

PIN = Pin("v1", "someone", 0.0, "")
CONFIRMED = "benchmark_regressions_confirmed_total"


def late(wired: Wired, number: int, milliseconds: float) -> None:
    document = result(number, {"parsing": milliseconds}) | {"run_id": f"late-{number}"}
    document["timestamp"] = str(document["timestamp"]).replace(":00Z", ":30Z")
    wired.take(f"late-{number}.json", document)


def newest_row(wired: Wired) -> str:
    ((row,),) = wired.query("SELECT max(id) FROM runs")
    return str(row)


def test_an_accepted_level_does_not_come_back_as_an_alarm(wired: Wired) -> None:
    take(wired, [*STEADY, 1.5, 1.5, 1.5])
    assert verdict(wired) == "critical"
    set_baseline(wired.ledger, newest_row(wired), PIN, wired.config.judgement)
    wired.ingest.scan()
    assert verdict(wired) == "ok"
    before = value(wired, CONFIRMED)
    late(wired, len(STEADY), 1.5)
    assert verdict(wired) == "ok"
    assert value(wired, CONFIRMED) == before
    take(wired, [1.5, 1.5, 1.5], start=100)
    assert verdict(wired) == "ok"
    assert value(wired, CONFIRMED) == before


def test_a_late_run_after_a_decision_is_judged_by_it(wired: Wired) -> None:
    take(wired, [*STEADY, 1.5, 1.5, 1.5])
    set_baseline(wired.ledger, newest_row(wired), PIN, wired.config.judgement)
    take(wired, [1.5, 2.5], start=100)
    assert verdict(wired) == "suspect"
    late(wired, 100, 2.5)
    assert verdict(wired) == "critical"


def test_what_was_judged_before_a_pin_is_not_compared_with_it(wired: Wired) -> None:
    take(wired, [*STEADY, *STEADY])
    pinned = wired.query("SELECT id FROM runs ORDER BY id LIMIT 1")[0][0]
    set_baseline(wired.ledger, str(pinned), PIN, wired.config.judgement)
    verdicts = "SELECT * FROM verdicts ORDER BY run"
    before = wired.query(verdicts)
    late(wired, len(STEADY), 1.0)
    assert wired.query(verdicts)[: len(before)] == before
    clear_baseline(wired.ledger, "v1")
    take(wired, [1.0], start=100)
    late(wired, 100, 1.0)
    assert verdict(wired) == "ok"


def test_other_limits_hold_from_the_next_run_on(wired: Wired) -> None:
    take(wired, [*STEADY, 1.05, 1.05, 1.05])
    assert verdict(wired) == "ok"
    stricter = replace(wired.config.judgement, tolerance_ratio=0.03, small_ratio=0.02)
    config = replace(wired.config, judgement=stricter)
    wired.restart(config)
    late(wired, len(STEADY) - 1, 1.05)
    assert verdict(wired) == "ok"
    assert value(wired, CONFIRMED) == 0
    take(wired, [1.05], start=100)
    assert wired.query("SELECT count(*) FROM settled") == [(1,)]


@pytest.mark.parametrize("number", [3, len(STEADY) + 5, 2 * len(STEADY) - 1])
def test_a_deleted_run_was_never_there(number: int) -> None:
    values = [*STEADY, *STEADY]
    values[len(STEADY) + 6] = 1.5
    values[number] = 1.5
    ends = []
    for delete in (True, False):
        with wired_in_a_new_folder() as wired:
            for each, milliseconds in enumerate(values):
                if delete or each != number:
                    document = result(each, {"parsing": milliseconds, "drawing": 1.0})
                    wired.drop(f"{each}.json", document | {"run_id": f"run-{each}"})
            wired.ingest.scan()
            if delete:
                judge_again = judge_after_deletion(wired.config.judgement, wired.now)
                selection = DeletionSelection(run=f"run-{number}")
                wired.ledger.delete_runs(selection, judge_again)
            ends.append(contents(wired))
    deleted, never = ends
    counted = ("benchmark_runs_total", "benchmark_execution_time_ms")
    for end in ends:
        end["shown"] = {k: v for k, v in end["shown"].items() if not k.startswith(counted)}
    assert deleted == never
