"""Results judged by the entries of `limits`, from the files to the exposition and the ledger."""

import json
from pathlib import Path

import msgspec
import pytest

from benchmark_exporter.__main__ import EXIT_OK, main
from benchmark_exporter.config import Config
from benchmark_exporter.limits import LimitsEntry
from tests.support.documents import result
from tests.support.histories import STEADY, SUITE, take, take_suite, value, verdict, verdicts
from tests.support.wired import Wired


def limited(wired: Wired, **entry: object) -> None:
    """Has the exporter started again with an entry of `limits`."""
    limits = [msgspec.convert(entry, LimitsEntry)]
    wired.restart(msgspec.structs.replace(Config(), limits=limits))


def slow(wired: Wired, milliseconds: float, runs: int, *, start: int = 100) -> list[str]:
    """The verdicts on runs that take so long."""
    seen = []
    for number in range(start, start + runs):
        take(wired, [milliseconds], start=number)
        seen.append(verdict(wired))
    return seen


def test_a_change_within_the_tolerance_of_its_entry_is_none(wired: Wired) -> None:
    limited(wired, match="pars*", tolerance=0.6)
    take(wired, STEADY)
    assert "critical" not in slow(wired, 1.5, 5)


def test_a_change_by_less_than_the_least_change_is_none(wired: Wired) -> None:
    limited(wired, least_change="600us")
    take(wired, STEADY)
    assert set(slow(wired, 1.5, 8)) == {"ok"}
    assert slow(wired, 2.2, 3, start=200)[-1] == "critical"


def test_from_zero_to_five_nanoseconds_is_nothing_with_a_least_change(wired: Wired) -> None:
    def after_zeros() -> list[str]:
        take(wired, [0.0] * 20)
        return slow(wired, 5e-6, 9)

    limited(wired, least_change="10ns")
    assert set(after_zeros()) == {"ok"}
    # 20 ns is more than that.
    assert slow(wired, 20e-6, 3, start=200)[-1] == "critical"


def test_without_a_least_change_it_is_critical(wired: Wired) -> None:
    take(wired, [0.0] * 20)
    assert slow(wired, 5e-6, 3)[-1] == "critical"


def test_a_verdict_that_may_be_a_warning_at_most_pages_and_counts_nothing(wired: Wired) -> None:
    limited(wired, match="parsing", severity="warning")
    take(wired, STEADY)
    assert slow(wired, 1.5, 4)[-1] == "warning"
    assert value(wired, "benchmark_regression_confirmed") == 0
    assert value(wired, "benchmark_regressions_confirmed_total") == 0
    assert "benchmark_regression_info" in wired.samples()


def test_a_verdict_that_may_not_alert_is_shown_as_suspect_and_ends(wired: Wired) -> None:
    limited(wired, match="parsing", severity="none")
    take(wired, STEADY)
    assert set(slow(wired, 1.5, 4)) == {"suspect"}
    assert "benchmark_regression_info" not in wired.samples()
    assert value(wired, "benchmark_regressions_confirmed_total") == 0
    assert slow(wired, 1.0, 3, start=200)[-1] == "ok"


def test_an_open_alarm_ends_with_the_next_run_under_a_new_cap(wired: Wired) -> None:
    take(wired, STEADY)
    assert slow(wired, 1.5, 3)[-1] == "critical"
    limited(wired, severity="none")
    assert verdict(wired) == "critical"  # the past is not judged again
    assert slow(wired, 1.5, 1, start=200) == ["suspect"]
    wired.restart(Config())
    assert slow(wired, 1.5, 1, start=300) == ["critical"]


def test_others_are_judged_by_the_default(wired: Wired) -> None:
    limited(wired, match="a", severity="none")
    for number in range(20):
        take_suite(wired, number, 1.0)
    for number in range(20, 23):
        take_suite(wired, number, 1.5, slower="ab")
    found = verdicts(wired.samples())
    assert (found["a"], found["b"]) == ("suspect", "critical")


def test_a_lasting_shift_is_accepted_by_each_series_own_window(wired: Wired) -> None:
    limited(wired, match="a", window=200)
    for number in range(100):
        take_suite(wired, number, 1.0)
    for number in range(100, 115):
        take_suite(wired, number, 1.5)
    assert set(verdicts(wired.samples()).values()) == {"ok"}
    kept = {
        name: len(msgspec.msgpack.decode(state)["values"])
        for name, state in wired.ledger._connection.execute("SELECT name, state FROM series")
    }
    assert kept["a"] == 115 > kept["b"] == 68
    assert len(kept) == len(SUITE)


def test_history_says_which_limits_applied_and_what_they_capped(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    take(wired, STEADY)
    limited(wired, match="parsing", severity="none")
    slow(wired, 1.5, 2)
    ledger = f"--ledger={wired.ledger_path}"
    assert main(["history", ledger, "--limit=3"]) == EXIT_OK
    newest, _, before = capsys.readouterr().out.splitlines()[1:]
    assert "suspect (capped, else critical), 50.0% worse, by limits[0] parsing" in newest
    assert "by limits[0]" not in before
    assert main(["history", ledger, "--limit=1", "--format=json"]) == EXIT_OK
    (run,) = json.loads(capsys.readouterr().out)
    judged = run["verdicts"]["parsing"]
    assert (judged["state"], judged["uncapped"]) == ("suspect", "critical")
    assert judged["limits"] == "limits[0] parsing"


def test_check_says_which_limits_apply_and_the_gate_keeps_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("limits: [{match: 'pars*', branch: main, severity: none}]")
    paths = []
    for number, milliseconds in enumerate([*STEADY, 1.5, 1.5]):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(result(number, {"parsing": milliseconds, "other": 1.0})))
    assert main(["check", str(paths[0]), f"--config={config}"]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith(", judged by limits[0] pars*") for line in lines if "p50" in line] == [
        True,
        False,
    ]
    gate = ["check", "--gate", *map(str, paths[-2:]), "--baseline", *map(str, paths[:-2])]
    assert main(gate) == 1
    capsys.readouterr()
    assert main([*gate, f"--config={config}"]) == EXIT_OK
    summary = capsys.readouterr().out
    assert "- parsing is judged by limits\\[0\\] pars\\*, which caps critical at suspect" in summary
