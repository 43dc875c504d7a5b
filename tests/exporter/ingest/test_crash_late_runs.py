"""A process that dies while it judges late runs leaves them for the next one, whole."""

from pathlib import Path

from tests.support.documents import result
from tests.support.dying import before_each_statement, die_at_call, die_in
from tests.support.histories import LEAST, verdicts
from tests.support.wired import Wired, samples, value

QUIET, SLOW = {"parsing": 1.0, "routing": 1.0}, {"parsing": 1.5, "routing": 1.0}
# Of a run whose commit nobody else has: which of two runs is the newest is not what is tested.
LATE = {
    "late.json": result(LEAST + 1, SLOW) | {"run_id": "late"},
    "early.json": result(1, {"parsing": 1.02}) | {"run_id": "early", "commit": "early"},
    "branch.json": result(LEAST + 1, SLOW) | {"run_id": "branch", "branch": "feature"},
}


def prepare(folder: Path) -> Wired:
    """The newest run is suspect, and runs before it wait."""
    folder.mkdir()
    wired = Wired(folder)
    for number in range(LEAST + 1):
        wired.drop(f"{number}.json", result(number, QUIET))
    wired.drop("newest.json", result(LEAST + 2, SLOW))
    wired.ingest.scan()
    for name, document in LATE.items():
        wired.drop(name, document)
    return wired


def finished(wired: Wired) -> tuple[str, object]:
    wired.ingest.scan()
    rows = wired.query("SELECT * FROM verdicts ORDER BY run, name")
    rows += wired.query("SELECT * FROM series ORDER BY name")
    return wired.exposition(), rows + wired.query("SELECT * FROM checkpoints ORDER BY run, name")


def test_killed_before_each_statement(tmp_path: Path) -> None:
    wired = prepare(tmp_path / "undisturbed")
    wired.restart()
    undisturbed = finished(wired)
    wired.ledger.close()
    shown = samples(undisturbed[0])
    assert verdicts(shown)["parsing"] == "critical"
    confirmed = value(shown, "benchmark_regressions_confirmed_total", benchmark_name="parsing")
    assert confirmed == 1
    number, died = 0, True
    while died:
        number += 1
        wired = prepare(tmp_path / f"{number}")

        def arrange(again: Wired, statement: int = number) -> None:
            before_each_statement(again, die_at_call(statement))

        died = die_in(wired, arrange)
        assert finished(wired) == undisturbed, f"killed before statement {number}"
        wired.ledger.close()
    assert number > 50
