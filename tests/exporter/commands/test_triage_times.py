"""`triage times`: medians and means of how long regressions wait."""

from pathlib import Path

import pytest

from benchmark_exporter.__main__ import main
from benchmark_exporter.commands.triage_times import lapses, time_lines
from benchmark_exporter.ledger.triage_rows import TriageEntry
from benchmark_exporter.model import Scope
from benchmark_exporter.triage.rule import ITSELF, TriageState
from tests.support.histories import STEADY
from tests.support.triaged import regress, said, take_together
from tests.support.wired import Wired

SCOPE = Scope("router", "ci", "", "main")


def entry(
    name: str, at: float, state: TriageState | str, who: str = ITSELF, began: float = 0.0
) -> TriageEntry:
    return TriageEntry(SCOPE, name, began, began + at, state, who, "", "", None)  # type: ignore[arg-type]


def test_medians_and_means_are_of_the_first_state_and_the_first_end() -> None:
    entries = [
        *(entry("a", 0, "new"), entry("a", 60, "acknowledged", "ann")),
        *(entry("a", 300, "fixing", "ann"), entry("a", 7200, "ended")),
        # The same result again, which nobody takes.
        *(entry("a", 0, "new", began=1e6), entry("a", 3600, "ended", began=1e6)),
        *(entry("b", 0, "new"), entry("b", 120, "noise", "bob"), entry("b", 200, "ended")),
        # Its level is expected, and it ends later.
        *(entry("c", 0, "new"), entry("c", 86_400, "expected", "ann"), entry("c", 2e5, "ended")),
        entry("d", 0, "new"),
        # A person who withdraws a state has not given one.
        entry("d", 50, "new", "ann"),
    ]
    assert time_lines(entries[::-1]) == [  # the ledger gives the last one first
        "router: of 5, 3 triaged, median 2.0 min, mean 8.0 h; 4 closed, median 1.5 h, mean 6.8 h"
    ]
    assert time_lines([]) == ["no state is known"]
    assert time_lines([entry("d", 0, "new")]) == ["router: of 1, 0 triaged; 0 closed"]


def test_they_agree_with_the_counters(wired: Wired, capsys: pytest.CaptureFixture[str]) -> None:
    regress(wired)
    wired.now += 600
    said(wired, "fixing")
    wired.now += 600
    take_together(wired, STEADY, start=200)
    with wired.ledger.transaction() as transaction:
        (lapse,) = lapses(transaction.triage.history(None, None, 100))["router"]
    samples = wired.samples()
    for name, seconds in (("triage", lapse.triaged_seconds), ("close", lapse.closed_seconds)):
        (counted,) = samples[f"benchmark_alerts_{name}_seconds_total"].values()
        assert seconds == pytest.approx(counted, abs=1)
    wired.ledger.close()
    assert main(["triage", "times", f"--ledger={Path(wired.folder) / 'ledger.sqlite3'}"]) == 0
    assert "router: of 1, 1 triaged, median 1" in capsys.readouterr().out
